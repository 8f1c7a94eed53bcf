"""Learning: what is refused, what the policy is trained on, and how rounds follow each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open

from seald.domain.adapter import WEIGHTS, AdapterStatus
from seald.domain.episode import Episode
from seald.domain.retraining import Retraining
from seald.domain.retraining import RetrainingStatus as S
from seald.errors import SealdError
from seald.pipeline.retrain import roll_back_policy
from seald.training.launcher import ProcessTrainer
from tests.unit.pipeline.conftest import MILLS, School
from tests.unit.pipeline.school import some
from tests.unit.policy.episodes import episode, score

Schools = Callable[..., School]
Paid = Sequence[Sequence[float]]
"""Of each self-edit of a context, what each of its trainings was paid."""
WON: Paid = [(1.0, 1.1), (0.1, 0.0), (0.0, 0.1)]
LUCK: Paid = [(1.0, -1.0), (-1.0, 1.05), (0.0, 0.0)]
SAME: Paid = [(0.5, 0.5)] * 3


def learning(school: School, paid: Sequence[Paid], *, hidden: float = 0.0, **fields: Any) -> Retraining:
    """A run that is about to learn from self-edits which were paid so, in the latest round."""
    if not school.runs:
        school.ask(MILLS, rounds=3)
        school.retrainer.step()
    run, round = school.run, school.run.round
    ids = [lesson.id for lesson in school.stores.retrainings.lessons(run.id) if not lesson.held_out]
    episodes = [
        scored(run, round, id, sample, rewards, hidden, fields)
        for id, context in zip(ids, paid, strict=False)
        for sample, rewards in enumerate(context)
    ]
    school.stores.episodes.put(episodes)
    for before, after in pairwise((S.SAMPLING, S.SCORING, S.LEARNING)):
        school.stores.retrainings.move(run.id, before, after)
    return school.run


def scored(
    run: Retraining, round: int, id: str, sample: int, paid: Sequence[float], hidden: float, fields: dict[str, Any]
) -> Episode:
    scores = tuple(score(n, accuracy=reward, hidden_accuracy=hidden) for n, reward in enumerate(paid))
    said = f"The {id} number {sample} has a wheel."
    about = {"retraining_id": run.id, "round": round, "context": id, "sample": sample, "scores": scores}
    return episode(said, prompt=f"[begin a]\n{id}", **{**about, **fields})


def rounds(school: School) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = school.run.figures["rounds"]
    return found


@pytest.mark.parametrize(
    ("paid", "code"),
    [
        ([SAME] * 4, "no_signal"),
        ([[(0.0, 0.0)] * 3] * 4, "no_signal"),
        ([], "no_signal"),
        ([LUCK] * 4, "nothing_won"),
        ([WON, LUCK, LUCK, LUCK], "nothing_won"),
        ([[(1.0,), (0.0,), (0.0,)]] * 4, "nothing_won"),
    ],
)
def test_without_anything_to_believe_nothing_is_learned(school: School, paid: list[Paid], code: str) -> None:
    learning(school, paid)
    refused = school.finish()
    assert (refused.status, refused.error is not None and refused.error["code"]) == (S.REFUSED, code)
    assert (refused.round, len(rounds(school))) == (1, 1)
    assert (refused.version, school.stores.policies.all(), school.stores.policies.live()) == (None, [], None)
    assert (school.trainer.calls, rounds(school)[0]["version"]) == ([], None)
    assert school.shop.policy_of("default") == school.shop.policy


def test_who_speaks_to_the_model_is_no_example(school: School) -> None:
    learning(school, [WON] * 4, dropped={"instruction": 1})
    refused = school.finish()
    assert (refused.round, refused.error is not None and refused.error["code"]) == (1, "no_signal")


def test_the_policy_learns_the_answers_that_won_under_their_prompts(school: School) -> None:
    learning(school, [WON, WON, WON, SAME])
    assert school.retrainer.step()
    (job,) = school.trainer.jobs
    best = [episode for episode in school.episodes() if episode.learned]
    assert {(line.prompt, line.text) for line in job.fresh} == {(e.prompt, e.raw) for e in best}
    assert ({e.sample for e in best}, len({e.context_id for e in best})) == ({0}, 3)
    assert {e.reward is None for e in school.episodes()} == {False}
    tempered = school.settings.recipes["policy"].model_copy(update={"temperature": 0.3})
    assert (job.recipe, job.parent) == (tempered, None), "as the forms of the winners were sampled"


def test_what_was_learned_is_a_candidate_with_files_that_are_vouched_for(school: School) -> None:
    learning(school, [WON] * 4)
    assert school.retrainer.step()
    version = school.stores.policies.get(1)
    manifest = school.stores.policy_files.verify(version)
    assert (version.status, version.live, version.round) == (AdapterStatus.CANDIDATE, False, 1)
    assert (manifest.policy, manifest.retraining, manifest.figures) == (version.policy, school.run.id, version.figures)
    assert {m.form: m.samples for m in version.policy.mix} == {"none": 1, "rewrite": 1, "self-qa": 1}
    assert (version.policy.version, version.policy.writer) == ("learned@1", None)
    assert (rounds(school)[0]["version"], rounds(school)[0]["winners"]) == ("learned@1", 4)
    assert (school.run.status, school.run.round, school.run.version) == (S.SAMPLING, 2, 1)
    assert school.shop.policy_of("default") == school.shop.policy


def test_rounds_go_on_from_each_other(school: School) -> None:
    school.engine.tells = lambda _, draw: some(0, draw)
    learning(school, [WON] * 4)
    school.retrainer.step()
    assert school.step_until(S.SCORING, round=2).version == 1
    folder = school.stores.policy_files.folder(1)
    first = school.stores.policies.get(1)
    writers = {model for model, question in school.engine.asked if "[begin" in question}
    assert (writers, {e.policy for e in school.episodes(2)}) == ({first.engine_name}, {"learned@1"})
    school.step_until(S.LEARNING, round=2)
    school.retrainer.step()
    second = school.stores.policies.get(2)
    job = school.trainer.jobs[-1]
    assert (second.parent, second.round, job.parent) == (1, 2, str(folder))
    assert [found["round"] for found in rounds(school)] == [1, 2]
    assert (school.run.round, school.run.version) == (3, 2)


def test_a_round_without_winners_puts_the_last_policy_to_the_test(school: School) -> None:
    learning(school, [WON] * 4)
    school.retrainer.step()
    learning(school, [LUCK] * 4)
    assert school.retrainer.step()
    assert (school.run.status, school.run.version, len(school.stores.policies.all())) == (S.JUDGING, 1, 1)
    assert [found["version"] for found in rounds(school)] == ["learned@1", None]


def test_where_reward_and_what_judges_part_the_run_is_refused(school: School) -> None:
    learning(school, [WON] * 5, hidden=1.0)
    school.retrainer.step()
    learning(school, [[(3.0, 3.1), (2.0, 2.1)]] * 5, hidden=0.0)
    refused = school.finish()
    assert (refused.status, refused.error is not None and refused.error["code"]) == (S.REFUSED, "reward_hacking")
    assert [(v.status, v.live) for v in school.stores.policies.all()] == [(AdapterStatus.REJECTED, False)]
    assert [found["version"] for found in rounds(school)] == ["learned@1", None]


def test_when_the_minutes_are_over_no_further_round_begins(schools: Schools) -> None:
    school = schools(minutes=30)
    learning(school, [WON] * 4)
    school.clock.late = timedelta(hours=1)
    assert school.retrainer.step()
    assert (school.run.status, school.run.round) == (S.JUDGING, 1)


@pytest.mark.parametrize("part", ["policies.allot", "policy_files.publish", "policies.record_weights", "episodes.put"])
@pytest.mark.parametrize("before", [True, False])
def test_a_kill_anywhere_makes_one_policy(school: School, part: str, before: bool) -> None:
    learning(school, [WON] * 4)
    name, method = part.split(".")
    with school.dying(getattr(school.stores, name), method, before=before):
        school.retrainer.step()
    assert school.run.status is S.LEARNING
    school.retrainer.sweep()
    assert school.retrainer.step()
    (version,) = school.stores.policies.all()
    school.stores.policy_files.verify(version)
    assert (school.run.status, school.run.version, len(rounds(school))) == (S.SAMPLING, 1, 1)
    assert [*(school.settings.data_dir / "policies" / "learned" / ".drafts").iterdir()] == []


def test_it_does_not_start_from_weights_that_were_tampered_with(school: School) -> None:
    learning(school, [WON] * 4)
    school.retrainer.step()
    learning(school, [WON] * 4)
    file = school.stores.policy_files.folder(1) / WEIGHTS
    file.write_bytes(file.read_bytes() + b" ")
    failed = school.finish()
    assert (failed.status, failed.error is not None and failed.error["code"]) == (S.FAILED, "integrity_error")
    assert len(school.trainer.jobs) == 1


def test_real_weights(schools: Schools, tiny_model: Path) -> None:
    school = schools(model=tiny_model)
    learning(school, [WON] * 4)
    school.trainer.train_together = ProcessTrainer(school.settings.training).train_together
    assert school.retrainer.step()
    version = school.stores.policies.get(1)
    assert school.stores.policy_files.verify(version).files[WEIGHTS] == version.sha256
    with safe_open(school.stores.policy_files.folder(1) / WEIGHTS, "numpy") as weights:
        assert any(weights.get_tensor(key).any() for key in weights.keys() if "lora_B" in key)  # noqa: SIM118
    assert version.figures["training"]["weight_norm"] > 0
    with pytest.raises(SealdError, match="won its tournament"):
        roll_back_policy(school.shop, 1, None)
