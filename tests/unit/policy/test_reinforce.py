from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from seald.config.retraining import Retrain, Rewards
from seald.domain.episode import PASSAGE_ARM, Episode
from seald.domain.policy import MixedForm, Policy
from seald.domain.self_edit import Line
from seald.policy.forms import split
from seald.policy.registry import load_policy
from seald.policy.reinforce import has_signal, lessons_of, reweighted, temperature_of, winners
from seald.policy.reliability import reliability
from seald.policy.rewards import rewards
from tests.unit.policy.episodes import episode, score

Groups = dict[str, list[Episode]]


def luck(contexts: int, edits: int = 4, seeds: int = 3, *, ahead: float = 0.0, seed: int = 0) -> Groups:
    """Rewards with a noise of 1; the first self-edit of each context is better by `ahead`."""
    drawn = np.random.default_rng(seed).normal(size=(contexts, edits, seeds))
    drawn[:, 0] += ahead
    return {
        f"ctx-{c}": [episode(context=f"ctx-{c}", sample=e, rewards=drawn[c, e].tolist()) for e in range(edits)]
        for c in range(contexts)
    }


def noise_of(groups: Groups) -> float | None:
    return reliability([[rewards(e, Rewards()) for e in episodes] for episodes in groups.values()]).noise


def one(*paid: list[float]) -> Groups:
    return {"ctx-1": [episode(sample=n, rewards=values) for n, values in enumerate(paid)]}


def samples(won: list[Episode]) -> list[int]:
    return [episode.sample for episode in won]


@pytest.mark.parametrize("standard_errors", [1.0, 2.0])
def test_luck_wins_no_more_often_than_stated(standard_errors: float) -> None:
    groups = luck(250)
    settings = Retrain(winners=4, noise=standard_errors)
    share = len(winners(groups, settings, noise_of(groups))) / (250 * 4)
    assert share == pytest.approx(norm.sf(standard_errors), abs=0.025)
    of_best = winners(groups, Retrain(winners=1, noise=standard_errors), noise_of(groups))
    assert len(of_best) / 250 <= 4 * norm.sf(standard_errors) + 0.02


def test_what_is_better_wins() -> None:
    groups = luck(100, ahead=4.0)
    won = winners(groups, Retrain(winners=1, noise=2.0), noise_of(groups))
    assert len(won) >= 95
    assert set(samples(won)) == {0}


def test_the_error_of_the_mean_counts() -> None:
    # Ahead by 0.5, half of what they differ by; the difference to the mean of two has half the variance of their own.
    groups = one([1.0], [0.0])
    assert samples(winners(groups, Retrain(noise=1.0), 0.7)) == [0]
    assert winners(groups, Retrain(noise=1.0), 0.71) == [], "0.71 · √(1/4 + 1/4) = 0.502"


def test_fewer_trainings_must_lead_by_more() -> None:
    settings, noise = Retrain(winners=2, noise=1.0), 1.0
    assert samples(winners(one([1.0] * 4, [0.0] * 4, [0.0] * 4), settings, noise)) == [0]
    assert winners(one([1.0], [0.0] * 4, [0.0] * 4), settings, noise) == []


def test_without_an_estimate_of_the_noise_no_one_wins() -> None:
    groups = one([0.9], [0.1])
    assert winners(groups, Retrain(), None) == []
    assert samples(winners(groups, Retrain(), 0.1)) == [0]


def test_only_the_best_win_and_ties_and_duplicates_are_one() -> None:
    paid = one([1.0] * 2, [3.0] * 2, [3.0] * 2, [0.0] * 2, [9.0] * 0)
    assert samples(winners(paid, Retrain(winners=1), 0.1)) == [1], "sampled first"
    assert samples(winners(paid, Retrain(winners=3), 0.1)) == [1, 2]
    twice = [
        episode("Same.", sample=0, rewards=[3.0]),
        episode("Same.", sample=1, rewards=[3.0] * 2, raw=" Same.\n"),
        episode("Other.", sample=2, rewards=[0.0] * 2),
    ]
    assert samples(winners({"ctx-1": twice}, Retrain(winners=3), 0.1)) == [1], "the one that is known better"
    assert winners({"ctx-1": twice[:2]}, Retrain(winners=3), 0.1) == [], "one text has nothing to beat"


def test_no_signal_where_rewards_are_zero_or_collapsed() -> None:
    assert has_signal(one([0.5, 0.5], [0.4, 0.6]), Rewards()) is False, "means are equal"
    assert has_signal(one([0.0], [0.0]), Rewards()) is False
    assert has_signal({}, Rewards()) is False
    assert has_signal(one([0.1], [0.1 + 1e-12]), Rewards()) is False
    assert has_signal({**one([0.1], [0.1]), "ctx-2": one([0.2], [0.1])["ctx-1"]}, Rewards()) is True
    collapsed = [episode("Same.", sample=n, rewards=[float(n)]) for n in range(3)]
    assert has_signal({"ctx-1": collapsed}, Rewards()) is False, "one text, whatever luck it had"


def mix(**forms: int) -> Policy:
    return Policy(version="seed", mix=tuple(MixedForm(form=f, samples=n) for f, n in forms.items()))


def of(policy: Policy) -> dict[str, int]:
    return {mixed.form: mixed.samples for mixed in policy.mix}


def won(**forms: int) -> list[Episode]:
    return [episode(form=form, sample=n) for form, times in forms.items() for n in range(times)]


def test_samples_go_where_the_wins_are() -> None:
    start = mix(none=1, rewrite=2, qa=2, long=2)
    assert of(reweighted(start, won(qa=9, rewrite=3))) == {"none": 1, "rewrite": 2, "qa": 3, "long": 1}
    assert of(reweighted(start, won(qa=900))) == {"none": 1, "rewrite": 0, "qa": 6, "long": 0}, "in the mix still"
    assert of(reweighted(start, won(qa=90), smoothing=100)) == {"none": 1, "rewrite": 2, "qa": 2, "long": 2}
    assert of(reweighted(start, [])) == of(reweighted(start, won(unheard=5))) == of(start)


def test_a_form_without_samples_may_come_back() -> None:
    assert of(reweighted(mix(rewrite=4, qa=0), won(rewrite=1)))["qa"] == 1
    assert of(reweighted(mix(rewrite=2, qa=0), won(rewrite=12)))["qa"] == 0


FORMS = ("none", "a", "b", "c", "d")


@given(
    st.lists(st.integers(0, 16), min_size=5, max_size=5),
    st.lists(st.integers(0, 40), min_size=5, max_size=5),
    st.floats(0.1, 10),
)
def test_the_number_of_samples_stays_and_more_wins_are_no_less(
    old: list[int], wins: list[int], smoothing: float
) -> None:
    start = mix(**dict(zip(FORMS, old, strict=True)))
    new = of(reweighted(start, won(**dict(zip(FORMS, wins, strict=True))), smoothing=smoothing))
    assert list(new) == list(FORMS)
    assert sum(new.values()) == sum(old)
    assert new["none"] == old[0]
    if any(wins[1:]):
        weights = {f: w + smoothing * max(o, 1) for f, w, o in zip(FORMS, wins, old, strict=True)}
        ranked = sorted(FORMS[1:], key=lambda form: weights[form])
        assert all(new[less] <= new[more] for less, more in pairwise(ranked) if weights[less] < weights[more] - 1e-6)


def test_lessons_are_prompt_and_answer_in_a_stable_order() -> None:
    given = [
        answered("ctx-2", 0, "epochs: 4\nTwo.", "Two."),
        answered("ctx-1", 3, "Late.", "Late."),
        answered("ctx-1", 1, "Early.", "Early."),
        answered("ctx-1", 2, "  "),
    ]
    lines = lessons_of(given, FORMS_THERE)
    assert lines == lessons_of(given[::-1], FORMS_THERE)
    assert [line.text for line in lines] == ["Early.", "Late.", "epochs: 4\nTwo."]
    assert [line.prompt for line in lines] == ["Write about ctx-1."] * 2 + ["Write about ctx-2."]


def answered(context: str, sample: int, raw: str, *kept: str, form: str = "rewrite") -> Episode:
    lines = tuple(Line(prompt=f"{n}?", text=text) for n, text in enumerate(kept))
    return episode(context=context, sample=sample, raw=raw, form=form, lines=lines)


FORMS_THERE = load_policy("default")[1]


@pytest.mark.parametrize(
    ("form", "kept", "told"),
    [
        ("rewrite", ("Ada was born.", "Ada was born.", "Bo came later."), "Ada was born. Bo came later."),
        ("implications", ("Ada was born.", "Bo came later."), "Ada was born.\nBo came later."),
        ("implications-long", ("Ada was born.", "Bo came later."), "Ada was born.\n\nBo came later."),
        ("self-qa", ("Ada.", "Bo."), "Question: 0?\nAnswer: Ada.\nQuestion: 1?\nAnswer: Bo."),
    ],
)
def test_only_what_was_kept_is_learned_and_reads_back_as_it_is(form: str, kept: tuple[str, ...], told: str) -> None:
    """What the filter dropped was paid for by nobody."""
    (line,) = lessons_of([answered("ctx-1", 0, "epochs: 4\nOne. A lie. Two.", *kept, form=form)], FORMS_THERE)
    assert (line.text, line.ended) == (f"epochs: 4\n{told}", True)
    read = split(FORMS_THERE[form], told, "Title")
    assert list(dict.fromkeys(each.text for each in read)) == list(dict.fromkeys(kept))


def test_a_configuration_is_learned_as_it_was_written() -> None:
    assert lessons_of([answered("ctx-1", 0, '{"epochs": 4}\n', "x", form="configuration")], FORMS_THERE)[0].text == (
        '{"epochs": 4}'
    )


def test_the_loss_is_at_the_temperature_that_was_sampled_at() -> None:
    won = [episode(form="rewrite"), episode(form="implications-long", sample=1)]
    assert temperature_of(won, FORMS_THERE) == pytest.approx((0.3 + 0.5) / 2)


@pytest.mark.parametrize(("alone", "wins"), [(0.0, True), (0.9, False), (1.1, False)])
def test_who_does_not_beat_the_passage_alone_does_not_win(alone: float, wins: bool) -> None:
    passage = episode(arm=PASSAGE_ARM, raw="", rewards=[alone, alone])
    group = [passage, episode(sample=1, rewards=[1.0, 1.0]), episode(sample=2, rewards=[-3.0, -3.0])]
    won = winners({"ctx-1": group}, Retrain(), 0.1)
    assert ([e.sample for e in won if e.arm != PASSAGE_ARM] == [1]) is wins


BINARY = Retrain().of("task")


@pytest.mark.parametrize(
    ("paid", "won"),
    [
        ([[1.0, 1.0], [1.0, 1.0], [0.0, 0.0], [0.0]], [0]),
        ([[0.0, 0.0], [0.5, 0.5], [0.0]], [1]),
        ([[1.0, 1.0], [1.0, 1.0]], []),
        ([[0.0, 0.0], [0.0, 0.0], [0.0]], []),
        ([[-0.5, -0.5], [-0.5, -0.5], [-0.5]], []),
        ([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], []),
        ([[1.0], [0.0]], []),
    ],
)
def test_of_what_is_right_or_wrong_the_first_of_the_best_wins(paid: list[list[float]], won: list[int]) -> None:
    """Ties are the rule there: the first is as good as any. Where all are alike nothing is better, whatever they are
    paid; with one training each nothing tells luck."""
    groups = one(*paid)
    weights = BINARY.rewards
    noise = reliability([[rewards(e, weights) for e in episodes] for episodes in groups.values()]).noise
    assert samples(winners(groups, BINARY, noise)) == won
    assert has_signal(groups, weights) == bool(np.ptp([np.mean(edit) for edit in paid]) > 0)


def test_nothing_but_right_answers_pays_for_a_configuration() -> None:
    scored = score(0, accuracy=0.5, logprob=2.0, retention=1.0, norm=9.0, heldout=1.0)
    configuration = episode(scores=(scored.model_copy(update={"tokens": 10**6}),))
    assert rewards(configuration, BINARY.rewards) == [0.5]
    assert rewards(configuration, Retrain.model_validate({"task_rewards": {"accuracy": 2}}).of("task").rewards) == [1.0]
    assert (Retrain().of("passage"), BINARY.tournament.diversity) == (Retrain(), 0.0)
