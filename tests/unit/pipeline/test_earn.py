"""Scoring: how many trainings each surviving self-edit gets, in which order, and what becomes of those that fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest

from seald.domain.retraining import Retraining
from seald.domain.retraining import RetrainingStatus as S
from seald.domain.training import TrainingJob
from tests.unit.pipeline.conftest import MILLS, School

Schools = Callable[..., School]


def scoring(school: School, mills: int = 6) -> School:
    school.ask(MILLS[:mills])
    school.step_until(S.SCORING)
    return school


def counts(school: School) -> Counter[int]:
    """Number of scores → how many survivors have so many."""
    return Counter(len(episode.scores) for episode in school.episodes() if episode.survived)


def test_every_survivor_is_scored_so_often_before_any_is_once_more(schools: Schools) -> None:
    school = scoring(schools(jitter=1.0, reliability=1.0, together=4, seeds=3))
    survivors, seen = sum(counts(school).values()), []

    def goes_on(run: Retraining) -> bool:
        seen.append(counts(school))
        assert [*school.shop.work_folder(run.id).glob("*")] == []
        return run.status is S.SCORING

    school.step_while(goes_on)
    assert all(max(each) - min(each) <= 1 for each in seen)
    assert counts(school) == {3: survivors}
    assert {len(call) for call in school.trainer.calls} <= {4, survivors % 4}
    assert all(len(episode.scores) == 0 for episode in school.episodes() if not episode.survived)
    assert {tuple(s.seed for s in episode.scores) for episode in school.episodes()} == {(), (0, 1, 2)}
    assert Counter(note["of"] for note in school.notes("progress")) == {survivors: len(seen) - 2}
    assert len(school.notes("scored")) == 3 * survivors


def test_no_more_than_two_seeds_where_their_order_is_the_same(schools: Schools) -> None:
    school = scoring(schools(seeds=5))
    school.step_until(S.LEARNING)
    assert set(counts(school)) == {2}


@pytest.mark.parametrize("seeds", [1, 2])
def test_when_the_minutes_are_over_what_was_begun_is_finished(schools: Schools, seeds: int) -> None:
    school = scoring(schools(minutes=30, together=4, reliability=1.0, jitter=1.0))
    school.step_while(lambda _: max(counts(school)) < seeds)
    assert set(counts(school)) == {seeds - 1, seeds}
    school.clock.late = timedelta(hours=1)
    school.step_until(S.LEARNING)
    assert set(counts(school)) == {2}, "with one seed nothing is told from luck"


def test_one_that_diverges_is_left_out_and_the_others_are_scored(school: School) -> None:
    bad = next(e for e in scoring(school).episodes() if e.survived)
    texts = [line.text for line in bad.lines]

    def fails(job: TrainingJob) -> str | None:
        return "diverged" if job.seed == 1 and [line.text for line in job.fresh] == texts else None

    school.trainer.fails = fails
    school.step_until(S.LEARNING)
    left = next(e for e in school.episodes() if e.key == bad.key)
    same = sum([line.text for line in e.lines] == texts for e in school.episodes())
    assert (left.survived, left.scores, set(counts(school)), same) == (False, (), {2}, 1)
    assert school.notes("untrainable") == [{"context": bad.context_id, "code": "diverged"}]
    assert not [*school.shop.work_folder(school.run.id).glob("*/adapter")]


@pytest.mark.parametrize("code", ["internal", "bad_job"])
def test_what_is_no_fault_of_a_self_edit_ends_the_run(school: School, code: str) -> None:
    scoring(school, 4).trainer.fails = lambda _: code
    failed = school.finish()
    assert (failed.status, failed.error is not None and failed.error["code"]) == (S.FAILED, code)
    assert not school.shop.work_folder(failed.id).exists()


@pytest.mark.parametrize(("deaths", "status"), [(1, S.LEARNING), (2, S.FAILED)])
def test_a_trainer_that_is_killed_is_begun_again(school: School, deaths: int, status: S) -> None:
    scoring(school, 4).trainer.deaths = deaths
    school.step_while(lambda run: run.status is S.SCORING)
    assert (school.run.status, len(school.notes("trainer_killed"))) == (status, deaths)


@pytest.mark.parametrize("before", [True, False])
def test_a_kill_beside_the_score_trains_nothing_twice(school: School, before: bool) -> None:
    with scoring(school).dying(school.stores.episodes, "put", before=before):
        school.retrainer.step()
    assert [*school.shop.work_folder(school.run.id).iterdir()]
    school.step_until(S.LEARNING)
    outputs = [job.output for job in school.trainer.jobs]
    assert len(outputs) == len(set(outputs))
    assert {tuple(s.seed for s in e.scores) for e in school.episodes() if e.survived} == {(0, 1)}
