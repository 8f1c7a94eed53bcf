"""A whole run, step by step: its states and figures, and what cancelling, waiting, breaking and killing do to it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from seald.cli import policy_show
from seald.domain.adapter import WEIGHTS
from seald.domain.episode import Episode
from seald.domain.policy_version import PolicyVersion
from seald.domain.retraining import Retraining, RetrainingAsk
from seald.domain.retraining import RetrainingStatus as S
from seald.errors import ConfigError, IllegalTransition, IntegrityError
from seald.pipeline.retrain import ask_by_schedule, ask_for_retraining, roll_back_policy
from tests.unit.pipeline.conftest import MILLS, MOST_STEPS, Killed, School

Schools = Callable[..., School]
PHASES = [S.SAMPLING, S.SCORING, S.LEARNING, S.JUDGING]
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
WRITES = [
    ("retrainings", ("begin", "move", "set_exam", "note")),
    ("episodes", ("put",)),
    ("policies", ("allot", "record_weights", "promote", "refuse")),
    ("policy_files", ("publish",)),
]


class Read(dict[str, Any]):
    """Remembers which keys were asked for."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.keys_read: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.keys_read.add(key)
        return super().get(key, default)


def moves(school: School) -> list[str]:
    return [note["to"] for note in school.notes("status")]


def outcome(school: School) -> tuple[list[Episode], list[PolicyVersion], Any]:
    """All that a run has made, without what differs from time to time."""
    episodes = [each for round in range(3) for each in school.episodes(round)]
    scored = [e.model_copy(update={"scores": tuple(map(timeless, e.scores)), "seconds": 0.0}) for e in episodes]
    never = {"created": NOON, "figures": {}, "manifest_sha256": None}
    versions = [version.model_copy(update=never) for version in school.stores.policies.all()]
    run = school.run
    rounds = [{**found, "seconds": 0.0} for found in run.figures.get("rounds", [])]
    return scored, versions, (run.status, run.round, run.version, rounds, run.figures.get("tournament"))


def timeless(score: Any) -> Any:
    return score.model_copy(update={"seconds": 0.0})


@pytest.fixture
def whole(schools: Schools) -> School:
    """A run of two rounds that nothing has disturbed."""
    school = schools()
    school.ask(rounds=2)
    school.finish()
    return school


def test_a_run_goes_through_its_rounds_to_the_tournament(whole: School) -> None:
    assert moves(whole) == [S.QUEUED, *PHASES[:3], *PHASES, S.PROMOTED]
    assert (whole.run.version, whole.run.incumbent, whole.run.start, whole.run.error) == (2, None, None, None)
    assert [(v.version, v.parent, v.round, v.live) for v in whole.stores.policies.all()] == [
        (1, None, 1, False),
        (2, 1, 2, True),
    ]
    assert not whole.retrainer.step()
    assert not whole.shop.work_folder(whole.run.id).exists()
    assert not [*whole.settings.data_dir.glob("policies/learned/.drafts/*")]
    assert [*whole.engine.loaded] == ["base"]


def test_its_figures_are_all_that_is_shown_of_them(whole: School) -> None:
    figures = json.loads(json.dumps(whole.run.figures))
    shown = [Read(found) for found in figures["rounds"]]
    policy_show._show_rounds(shown)
    assert all(found.keys_read <= found.keys() for found in shown)
    assert len(shown[0].keys_read) > 10
    tournament = Read(figures["tournament"])
    standings = tournament["standings"] = [Read(standing) for standing in tournament["standings"]]
    policy_show._show_tournament(tournament)
    assert tournament.keys_read <= tournament.keys()
    assert all(found.keys_read and found.keys_read <= found.keys() for found in standings)
    assert figures["rounds"][0] == {**figures["rounds"][0], "contexts": 5, "episodes": 20, "scored": 15, "seeds": 2}


def test_what_is_shown_says_how_likely_the_best_became(whole: School, capsys: pytest.CaptureFixture[str]) -> None:
    policy_show._show_tournament(whole.run.figures["tournament"])
    (row,) = [line for line in capsys.readouterr().out.splitlines() if "best self-edits" in line]
    assert ["-4.000", "-3.000"] == re.findall(r"-\d\.\d{3}", row)[:2]


@pytest.mark.parametrize(("before", "parity"), [(True, 0), (False, 0), (False, 1)])
def test_killed_at_every_write_it_ends_the_same(whole: School, schools: Schools, before: bool, parity: int) -> None:
    """What is killed before its effect is done again, so that it is every write; else it is every other one."""
    school = schools()
    run = school.ask(rounds=2)
    for store, methods in WRITES:
        for method in methods:
            mortal(getattr(school.stores, store), method, parity, before=before)
    deaths = 0
    for _ in range(MOST_STEPS):
        try:
            school.finish()
        except Killed:
            deaths += 1
            school.retrainer.sweep()
    assert deaths > 40
    assert outcome(school) == outcome(whole)
    adapters = [job.output for job in school.trainer.jobs if "policy of round" not in job.id]
    assert len(adapters) == len(set(adapters)) == len(whole.trainer.jobs) - 2
    school.retrainer.sweep()
    assert not school.shop.work_folder(run.id).exists()


def mortal(part: Any, method: str, parity: int, *, before: bool) -> None:
    """Every other call is killed, before or after it is done."""
    real, calls = getattr(part, method), iter(range(10**6))

    def called(*given: Any, **named: Any) -> Any:
        dies = next(calls) % 2 == parity
        if dies and before:
            raise Killed
        result = real(*given, **named)
        if dies:
            raise Killed
        return result

    setattr(part, method, called)


@pytest.mark.parametrize("phase", PHASES)
def test_cancelled_in_any_phase(school: School, phase: S) -> None:
    school.ask()
    run = school.step_until(phase)
    school.stores.retrainings.request_cancel(run.id)
    assert school.retrainer.step()
    assert (school.run.status, school.run.error, school.stores.policies.live()) == (S.CANCELLED, None, None)
    assert not school.shop.work_folder(run.id).exists()
    assert not school.retrainer.step()
    with pytest.raises(IllegalTransition, match="too late"):
        school.stores.retrainings.request_cancel(run.id)


@pytest.mark.parametrize("phase", PHASES[1:])
def test_cancelled_while_something_is_trained(school: School, phase: S) -> None:
    school.ask()
    run = school.step_until(phase)
    trained = len(school.trainer.jobs)
    school.trainer.began = lambda: school.stores.retrainings.request_cancel(run.id)
    assert school.finish().status is S.CANCELLED
    assert (len(school.trainer.jobs), school.stores.policies.live()) == (trained, None)
    assert not school.shop.work_folder(run.id).exists()


def test_when_the_daemon_stops_the_run_stays_where_it_is(school: School) -> None:
    school.ask()
    before = school.step_until(S.SCORING)
    school.trainer.began = school.shop.stopping.set
    assert school.retrainer.step()
    assert (school.run, school.trainer.jobs) == (before, [])
    assert not school.retrainer.step()
    school.shop.stopping.clear()
    school.trainer.began = lambda: None
    assert school.finish().status is S.PROMOTED


@pytest.mark.parametrize("phase", PHASES)
def test_without_an_engine_it_waits(school: School, phase: S) -> None:
    school.ask()
    school.step_until(phase)
    school.engine.down = True
    while school.retrainer.step():  # what needs no engine is done
        assert school.run.status in PHASES
    waiting = school.run
    assert waiting.error is None
    assert not school.retrainer.step()
    assert school.run == waiting
    school.engine.down = False
    assert school.finish().status is S.PROMOTED


def test_a_step_that_breaks_ends_the_run_and_not_the_daemon(school: School) -> None:
    school.ask()
    school.step_until(S.SCORING)

    def breaks() -> None:
        raise ZeroDivisionError

    school.trainer.began = breaks
    with capture_logs() as logs:
        failed = school.finish()
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["a step broke"]
    assert (failed.status, (failed.error or {})["code"]) == (S.FAILED, "internal_error")
    assert not school.retrainer.step()


def test_one_is_asked_for_at_a_time_and_what_is_left_open_is_configured(schools: Schools) -> None:
    school = schools(rounds=3, contexts=7, samples=5)
    first, new = ask_for_retraining(school.shop, RetrainingAsk(samples=2), "a")
    assert (new, first.spec.rounds, first.spec.contexts, first.spec.samples) == (True, 3, 7, 2)
    assert ask_for_retraining(school.shop, RetrainingAsk(), "b") == (first, False)
    school.stores.retrainings.request_cancel(first.id)
    again, new = ask_for_retraining(school.shop, RetrainingAsk(contexts=MILLS), "b")
    assert (new, again.spec.contexts, again.spec.given) == (True, len(MILLS), MILLS)


def test_an_appointment_queues_one_over_its_file(schools: Schools, tmp_path: Path) -> None:
    file = tmp_path / "contexts.json"
    school = schools(file=str(file))
    with pytest.raises(ConfigError, match="cannot be read"):
        ask_by_schedule(school.shop, NOON)
    assert school.runs == []
    file.write_text(json.dumps([each.model_dump() for each in MILLS]))
    for _ in range(2):
        ask_by_schedule(school.shop, NOON)
    (run,) = school.runs
    settings = school.settings.policy.retrain
    assert run.key == f"schedule/{NOON.isoformat()}"
    given = {context.id for context in run.spec.given}
    assert given <= {context.id for context in MILLS}
    assert len(given) == min(len(MILLS), settings.contexts + settings.tournament.contexts)
    school.stores.retrainings.request_cancel(school.run.id)
    ask_by_schedule(school.shop, NOON)
    assert len(school.runs) == 1


def test_who_is_not_vouched_for_does_not_write_again(whole: School) -> None:
    roll_back_policy(whole.shop, 0, "to see")
    assert whole.stores.policies.live() is None
    file = whole.stores.policy_files.folder(2) / WEIGHTS
    content = file.read_bytes()
    file.write_bytes(content + b" ")
    with pytest.raises(IntegrityError):
        roll_back_policy(whole.shop, 2, None)
    assert whole.stores.policies.live() is None
    file.write_bytes(content)
    found = roll_back_policy(whole.shop, 2, None)
    assert found == whole.stores.policies.live() == whole.stores.policies.get(2)


def test_from_the_archive_any_earlier_policy_may_be_the_first(schools: Schools) -> None:
    school = schools(start="archive")
    starts: set[int | None] = set()
    school.ask()
    assert school.finish().status is S.PROMOTED
    for _ in range(8):
        school.ask()
        school.step_until(S.SAMPLING)
        starts.add(school.run.start)
        assert school.run.incumbent == 1
        school.stores.retrainings.request_cancel(school.run.id)
        school.retrainer.step()
    assert starts == {None, 1}


def test_after_a_start_what_killed_runs_left_is_swept(school: School) -> None:
    school.ask()
    run: Retraining = school.step_until(S.LEARNING)
    drafts = school.stores.policy_files.draft("x").parent
    left = [school.shop.work / "ret-000000-gone", drafts / "ret-000000-gone-1", school.stores.policy_files.folder(7)]
    kept = [school.shop.work_folder(run.id), drafts / f"{run.id}-1", school.shop.work / "adp-1"]
    for folder in (*left, *kept):
        folder.mkdir(parents=True, exist_ok=True)
    school.retrainer.sweep()
    assert [folder.exists() for folder in (*left, *kept)] == [False] * 3 + [True] * 3


def test_what_is_cancelled_leaves_no_draft(school: School) -> None:
    run = school.ask()
    school.step_until(S.LEARNING)
    draft = school.stores.policy_files.draft(f"{run.id}-1")
    draft.mkdir(parents=True)
    school.stores.retrainings.request_cancel(run.id)
    school.retrainer.step()
    assert (school.run.status, draft.exists()) == (S.CANCELLED, False)
