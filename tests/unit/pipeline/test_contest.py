"""The tournament: who writes, at equal tokens and how often, and what the verdict does."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from seald.domain.adapter import AdapterStatus as A
from seald.domain.episode import Episode
from seald.domain.retraining import RetrainingStatus as S
from seald.domain.tournament import INCUMBENT, LEARNED
from seald.domain.training import TrainingJob
from seald.errors import IllegalTransition
from seald.pipeline.contest import TOURNAMENT, WHOLE, contest
from seald.pipeline.retrain import roll_back_policy
from tests.unit.pipeline.conftest import School
from tests.unit.pipeline.school import FACTS, some

Schools = Callable[..., School]
FORMS = {"implications", "implications-long", "rewrite", "self-qa"}


def judging(school: School) -> School:
    school.ask()
    school.step_until(S.JUDGING)
    return school


def wholes(school: School) -> list[Episode]:
    return [episode for episode in school.episodes(TOURNAMENT) if episode.sample == WHOLE]


def as_before(level: int, draw: random.Random) -> Sequence[int]:
    """Nothing was learned from learning."""
    return some(0, draw)


def always_the_same(level: int, draw: random.Random) -> Sequence[int]:
    return range(len(FACTS)) if level else some(0, draw)


@pytest.fixture
def won(school: School) -> School:
    """One retraining that promoted its policy."""
    assert judging(school).finish().status is S.PROMOTED
    return school


def test_who_wins_is_promoted_and_writes(won: School) -> None:
    version = won.stores.policies.get(1)
    assert (version.status, version.live, won.stores.policies.live()) == (A.APPROVED, True, version)
    assert won.shop.policy_of("default") == version.policy
    tournament = won.run.figures["tournament"]
    assert (tournament["verdict"], {duel["against"] for duel in tournament["duels"]}) == ("won", {INCUMBENT, *FORMS})
    gains = tournament["gains"]
    assert all(gains[name]["after"] > gains[name]["before"] for name in ("reward", "proxy", "winners_logprob"))


def test_the_contestants_get_equal_tokens_and_those_that_matter_two_seeds(won: School) -> None:
    held_out = {lesson.id for lesson in won.stores.retrainings.lessons(won.run.id) if lesson.held_out}
    found = wholes(won)
    assert {(e.arm, e.context_id) for e in found} == {
        (arm, id) for arm in (LEARNED, INCUMBENT, *FORMS) for id in held_out
    }
    assert len(found) == 6 * len(held_out)
    room = won.settings.policy.retrain.tournament.tokens
    assert all(room - 50 < e.edit_tokens <= room and not e.explored for e in found)
    assert {(e.arm in (LEARNED, INCUMBENT), len(e.scores)) for e in found} == {(True, 2), (False, 1)}
    samples = Counter(e.sample for e in won.episodes(TOURNAMENT) if not e.survived and not e.scores)
    assert samples == {1: len(found), 2: len(found)}
    assert {e.policy for e in found if e.arm == LEARNED} == {"learned@1"}
    assert {e.form for e in found if e.arm in FORMS} == FORMS


def test_a_seed_policy_of_one_form_is_not_to_be_beaten_twice(schools: Schools) -> None:
    school = schools(policy="rewrite")
    judging(school)
    school.finish()
    assert {e.arm for e in wholes(school)} == {LEARNED, INCUMBENT, *FORMS} - {"rewrite"}


@pytest.mark.parametrize(("tells", "code"), [(as_before, "not_better"), (always_the_same, "collapsed")])
def test_who_loses_is_kept_and_not_used(
    school: School, tells: Callable[[int, random.Random], Sequence[int]], code: str
) -> None:
    school.engine.tells = tells
    refused = judging(school).finish()
    assert (refused.status, refused.error is not None and refused.error["code"]) == (S.REFUSED, code)
    assert refused.figures["tournament"]["verdict"] == code
    version = school.stores.policies.get(1)
    assert (version.status, version.live, school.stores.policies.live()) == (A.REJECTED, False, None)
    assert school.stores.policy_files.verify(version).version == 1
    assert school.shop.policy_of("default") == school.shop.policy


def test_when_another_policy_writes_by_now_the_winner_does_not(won: School) -> None:
    won.engine.tells = lambda level, draw: some(max(level - 1, 0), draw)
    second = judging(won).run
    assert (second.incumbent, second.start, won.stores.policies.get(2).parent) == (1, 1, 1)
    roll_back_policy(won.shop, 0, "to see")
    refused = won.finish()
    assert (refused.status, refused.error is not None and refused.error["code"]) == (S.REFUSED, "incumbent_changed")
    assert refused.figures["tournament"]["verdict"] == "won"
    assert [(v.status, v.live) for v in won.stores.policies.all()] == [(A.APPROVED, False), (A.REJECTED, False)]
    assert won.shop.policy_of("default") == won.shop.policy


def test_who_wrote_nothing_that_can_be_learned_gains_nothing(school: School) -> None:
    def fails(job: TrainingJob) -> str | None:
        return "diverged" if job.id.endswith(", implications 0") else None

    def write(prompt: str, n: int) -> str | None:
        return "I cannot help with this." if "several paragraphs" in prompt else None

    judging(school)
    school.trainer.fails, school.engine.writes = fails, write
    assert school.finish().status is S.PROMOTED
    tournament = school.run.figures["tournament"]
    scores = {standing["arm"]: standing["score"] for standing in tournament["standings"]}
    ahead = {duel["against"]: duel["difference"] for duel in tournament["duels"]}
    expected = (scores[LEARNED], scores[LEARNED] - scores["self-qa"])
    assert (ahead["implications"], ahead["self-qa"]) == pytest.approx(expected)
    assert (scores["implications"], scores["implications-long"], scores["self-qa"] > 0) == (0.0, 0.0, True)
    assert len(school.notes("untrainable")) == 5


@pytest.mark.parametrize("before", [True, False])
def test_a_kill_at_any_moment_decides_once(school: School, before: bool) -> None:
    run = judging(school).run
    for _ in range(2):
        with school.dying(school.stores.episodes, "put", before=before):
            school.retrainer.step()
    school.step_while(lambda _: len(wholes(school)) < 30 or any(not e.scores for e in wholes(school)))
    with school.dying(school.stores.episodes, "put", before=before):
        school.retrainer.step()
    school.step_while(lambda _: any(len(e.scores) < 2 for e in wholes(school) if e.arm == LEARNED))
    with school.dying(school.stores.policies, "promote", before=before):
        school.retrainer.step()
    assert school.finish().status is S.PROMOTED
    assert not school.retrainer.step()
    assert Counter(len(e.scores) for e in wholes(school)) == {1: 20, 2: 10}
    outputs = [job.output for job in school.trainer.jobs]
    assert len(outputs) == len(set(outputs))
    with pytest.raises(IllegalTransition):
        contest(school.shop, run)
    assert [v.status for v in school.stores.policies.all()] == [A.APPROVED]
