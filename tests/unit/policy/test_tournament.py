from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seald.config.retraining import Rewards, Tournament
from seald.domain.self_edit import Line
from seald.domain.tournament import Standing, TournamentResult
from seald.policy.rewards import mean_reward
from seald.policy.targeting import tokens
from seald.policy.tournament import fill, gain, judge
from tests.unit.policy.episodes import episode, score

SETTINGS = Tournament()


def standing(arm: str, diversity: float = 0.5) -> Standing:
    zeros = dict.fromkeys(("score", "accuracy", "logprob", "proxy", "reward", "tokens"), 0.0)
    return Standing(arm=arm, diversity=diversity, **zeros)


def judged(scores: Mapping[str, Sequence[float]], **diversity: float) -> TournamentResult:
    return judge(scores, [standing(arm, diversity.get(arm, 0.5)) for arm in scores], SETTINGS)


def contest(ahead: float, *, seed: int, contexts: int = 8, shape: str = "normal") -> dict[str, list[float]]:
    """Contexts differ far more than policies; `qa` is as good as `learned` less `ahead`, the others are far worse."""
    random = np.random.default_rng(seed)
    context = 5 * random.normal(size=contexts)
    noise = random.normal(size=(2, contexts)) if shape == "normal" else random.choice([0, 0.25], size=(2, contexts))
    learned, qa = context + ahead + noise[0], context + noise[1]
    return {"learned": [*learned], "incumbent": [*(qa - 20)], "qa": [*qa], "rewrite": [*(qa - 30)]}


@pytest.mark.parametrize("shape", ["normal", "quarters"])
@pytest.mark.parametrize("contexts", [6, 8, 14])
def test_a_policy_that_is_no_better_is_promoted_at_most_alpha_of_the_time(shape: str, contexts: int) -> None:
    won = [judged(contest(0, seed=n, contexts=contexts, shape=shape)).verdict == "won" for n in range(400)]
    assert np.mean(won) <= SETTINGS.alpha + 2 * np.sqrt(0.05 * 0.95 / 400)


def test_a_policy_that_is_clearly_better_is_promoted_nearly_always_at_8_contexts() -> None:
    won = [judged(contest(3, seed=n)).verdict == "won" for n in range(200)]
    assert np.mean(won) >= 0.97, "ahead by twice what the differences scatter"


def test_it_must_beat_every_other() -> None:
    scores = contest(3, seed=1)
    assert judged(scores).verdict == "won"
    assert "better than the form qa and 2 more" in judged(scores).reason, "the closest one is named"
    result = judged({**scores, "long": [value - 0.1 for value in scores["learned"][::-1]]})
    assert result.verdict == "not_better"
    assert "the form long" in result.reason
    assert "incumbent" not in result.reason, "that one was beaten"
    assert [duel.against for duel in result.duels] == ["incumbent", "qa", "rewrite", "long"]


def test_the_same_policy_under_two_names_is_not_better() -> None:
    values = [0.1, 0.4, 0.2, 0.9, 0.5, 0.3]
    result = judged({"learned": values, "incumbent": values})
    assert (result.verdict, result.duels[0].p, result.duels[0].difference) == ("not_better", 1, 0)


def test_a_policy_that_always_writes_the_same_has_collapsed() -> None:
    scores = contest(3, seed=1)
    assert judged(scores, learned=0.4).verdict == "won", "0.8 of the incumbent's"
    result = judged(scores, learned=0.39)
    assert result.verdict == "collapsed"
    assert "0.390" in result.reason
    assert "is better than" in result.reason, "what it would have been is told too"


def test_too_few_contexts_promote_no_one_and_say_so() -> None:
    result = judged({"learned": [9.0] * 4, "incumbent": [0.0, 0.1, 0.2, 0.3]})
    assert result.verdict == "not_better"
    assert "0.0625" in result.reason


@pytest.mark.parametrize(
    "scores",
    [
        {"learned": [1.0, 2.0]},
        {"incumbent": [1.0, 2.0], "qa": [1.0, 2.0]},
        {"learned": [1.0, 2.0, 3.0], "incumbent": [1.0, 2.0]},
        {"learned": [1.0], "incumbent": [1.0]},
        {},
    ],
)
def test_missing_arms_and_contexts_are_refused(scores: dict[str, list[float]]) -> None:
    with pytest.raises(ValueError):
        judged(scores)


def test_standings_are_of_the_arms() -> None:
    scores = {"learned": [1.0, 2.0], "incumbent": [1.0, 2.0]}
    for arms in (["learned"], ["learned", "learned"], ["learned", "incumbent", "qa"]):
        with pytest.raises(ValueError, match="standings"):
            judge(scores, [standing(arm) for arm in arms], SETTINGS)


PAIRS = st.lists(st.tuples(st.integers(-8, 8), st.integers(-8, 8)), min_size=2, max_size=15)


@given(PAIRS, st.sampled_from([0.01, 0.05, 0.25]))
def test_bounds_agree_with_the_test(pairs: list[tuple[int, int]], alpha: float) -> None:
    before, after = [p[0] / 4 for p in pairs], [p[1] / 4 for p in pairs]
    mean, low, high, p = gain(before, after, alpha=alpha)
    back = gain(after, before, alpha=alpha)
    assert (low > 0) == (p <= alpha)
    assert low <= mean + 1e-9
    assert mean - 1e-9 <= high
    assert back[:3] == pytest.approx((-mean, -high, -low))


def test_a_p_value_by_hand() -> None:
    # Of the 8 ways to flip 1, 2, -1 those that make the sum no smaller than 2 flip nothing, -1, or -1 and 1. Means of
    # subsets are -1, 0, 1/2, 2/3, 1, 3/2 and 2: with 1/2 for the mean 4 ways of 8 would do, too many for 0.4.
    assert gain([0, 0, 0], [1, 2, -1], alpha=0.4) == pytest.approx((2 / 3, 1 / 2, 1, 3 / 8))


def test_the_lower_bound_holds_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    held = [gain([0] * 8, list(random.normal(1.0, 2.0, size=8)), alpha=0.1)[1] <= 1.0 for _ in range(600)]
    assert np.mean(held) == pytest.approx(0.9, abs=0.03)


LINES = tuple(Line(text=f"Fact number {n} of the mill is told here.") for n in range(4))


def test_lines_are_taken_in_order_and_again() -> None:
    cost = tokens(LINES[:1])
    assert fill(LINES, 2 * cost) == LINES[:2]
    assert fill(LINES, 6 * cost) == (*LINES, *LINES[:2])
    assert fill(LINES, 1000 * cost) == LINES * 8
    assert fill((), 100) == ()
    long = Line(text="word " * 40)
    assert fill((LINES[0], long, LINES[1]), 2 * cost) == LINES[:2], "one that does not fit is left out"


def test_where_no_line_fits_the_beginning_of_one_does() -> None:
    long = Line(prompt="Tell me about the mill.", text="one two three four " * 50)
    (cut,) = fill((long,), 50)
    assert 45 <= tokens([cut]) <= 50
    assert (cut.prompt, cut.ended) == (long.prompt, False)
    assert long.text.startswith(cut.text + " ")
    assert fill((Line(prompt="x" * 500, text="y"),), 50) == ()
    assert fill((Line(text="x" * 500),), 50) == ()


@given(st.lists(st.text(min_size=1, max_size=90), max_size=5), st.integers(1, 120))
def test_nobody_gets_more_than_the_rest(texts: list[str], room: int) -> None:
    assert tokens(fill([Line(text=text) for text in texts], room)) <= room


def test_a_reward_that_pays_for_length_is_caught() -> None:
    """Padding is paid for, and in equal tokens it teaches less; telling more in fewer words is what wins."""
    filler = " It is said and it has often been said before that this is so." * 3
    plain = [f"Fact {n} of the mill is told here." for n in range(90)]
    texts = {"incumbent": plain, "padded": [text + filler for text in plain], "terse": [text[:7] for text in plain]}
    random = np.random.default_rng(0)

    def taught(arm: str) -> float:
        given = fill([Line(text=text) for text in texts[arm]], SETTINGS.tokens)
        return len({line.text for line in given}) / 90 + random.normal(scale=0.05)

    def paid(arm: str) -> float:
        lines = [Line(text=text) for text in texts[arm]]
        edit = episode(lines=lines, edit_tokens=tokens(lines), scores=(score(accuracy=1.0),))
        return mean_reward(edit, Rewards(length=1.0)) or 0.0

    def result(arm: str) -> TournamentResult:
        return judged(
            {"learned": [taught(arm) for _ in range(8)], "incumbent": [taught("incumbent") for _ in range(8)]}
        )

    assert paid("padded") > paid("incumbent") > paid("terse")
    assert result("padded").verdict == "not_better"
    assert result("terse").verdict == "won"
