"""A retraining of the policy under kill -9, with documents between, and cancelled: one effect a step, nothing left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seald.domain.episode import POLICY_ARM
from seald.domain.retraining import RUNNABLE
from seald.domain.tournament import INCUMBENT, LEARNED
from tests import other_writer, retraining
from tests.daemon_process import DaemonProcess
from tests.faults.test_kills import children, document, kill, wait_final
from tests.other_writer import POLICY

FORMS = ("implications-long", "rewrite", "self-qa")
"""Opponents in the tournament, beside the incumbent, which is the remaining form."""


@pytest.fixture
def daemon(start: Callable[..., DaemonProcess], tmp_path: Path) -> Iterator[DaemonProcess]:
    """Its seed policy has a writer elsewhere, since what the tiny model writes no passage bears out."""
    with other_writer.elsewhere() as elsewhere:
        installed = other_writer.installation(tmp_path / "installation", elsewhere.url)
        yield start(**retraining.SMALL, **installed)


def is_in_the_middle(daemon: DaemonProcess, run: str, phase: str) -> bool:
    """Of sampling: an exam is there. Of scoring: some scores are there, and the next are being trained. Of the others:
    a trainer is at work."""
    done = {"sampling": "exam", "scoring": "scored"}.get(phase)
    begun = done is None or bool(retraining.events(daemon, run, done))
    return begun and (phase == "sampling" or bool(children(daemon, "seald.training")))


def wait_for(daemon: DaemonProcess, run: str, phase: str) -> None:
    """Until the run is in the middle of this phase."""
    deadline = time.monotonic() + retraining.SECONDS
    while time.monotonic() < deadline:
        now = retraining.seen(daemon, run)
        assert now["status"] in RUNNABLE, now
        if now["status"] == phase and is_in_the_middle(daemon, run, phase):
            return
        time.sleep(0.05)
    raise TimeoutError(daemon.log_file.read_text()[-4000:])


def assert_judged(daemon: DaemonProcess, run: str) -> None:
    """Every contestant has written for every held-out context, and what holds something to train on is scored."""
    found = [episode for episode in retraining.episodes(daemon, run) if episode.arm != POLICY_ARM]
    wholes = [episode for episode in found if episode.sample == 0]
    written = [(arm, sample) for arm in (INCUMBENT, LEARNED, *FORMS) for sample in (0, 1, 2)]
    assert sorted((e.arm, e.sample) for e in found) == sorted(written * retraining.HELD_OUT)
    for episode in wholes:
        seeds = (0, 1) if episode.arm in (INCUMBENT, LEARNED) else (0,)
        assert tuple(score.seed for score in episode.scores) == seeds or not episode.lines
    assert all(episode.lines for episode in wholes if episode.arm == INCUMBENT)
    assert not any(episode.scores for episode in found if episode.sample != 0)


def test_a_daemon_killed_once_in_each_phase_goes_on_to_the_end(daemon: DaemonProcess) -> None:
    run = retraining.begin(daemon)
    for phase in ("sampling", "scoring", "learning", "judging"):
        wait_for(daemon, run, phase)
        assert retraining.who_writes(daemon) == POLICY
        daemon.kill()
        assert retraining.stored_status(daemon, run) == phase
        daemon.start()
        assert retraining.who_writes(daemon) == POLICY
    ended = retraining.end_of(daemon, run)
    # The tiny model cannot write, whatever it has learned.
    assert (ended["status"], ended["error"]["code"]) == ("refused", "not_better"), ended
    assert retraining.who_writes(daemon) == POLICY
    assert daemon.get("/v1/policies/learned@1", verify="true")["verified"] is True
    learned = [episode for episode in retraining.episodes(daemon, run) if episode.learned]
    assert len({episode.context_id for episode in learned}) == len(learned) == retraining.TAUGHT
    retraining.assert_all_scored(daemon, run)
    assert_judged(daemon, run)
    retraining.assert_once(daemon, run)
    retraining.assert_nothing_is_left(daemon, run)


def test_a_killed_trainer_is_started_again(daemon: DaemonProcess) -> None:
    run = retraining.begin(daemon)
    wait_for(daemon, run, "scoring")
    kill(daemon, "training")
    while retraining.seen(daemon, run)["status"] == "scoring":
        time.sleep(0.1)
    assert len(retraining.events(daemon, run, "trainer_killed")) == 1
    assert retraining.seen(daemon, run)["status"] in RUNNABLE
    retraining.assert_all_scored(daemon, run)
    retraining.assert_once(daemon, run)


def starts(daemon: DaemonProcess, run: str) -> list[float]:
    """When trainings of the run began, in Unix seconds."""
    return [e["at"] for e in retraining.events(daemon, run, "training") if e["data"]["event"] == "started"]


def test_a_document_waits_for_no_more_than_the_piece_under_way(daemon: DaemonProcess) -> None:
    run = retraining.begin(daemon)
    while not starts(daemon, run):
        time.sleep(0.05)
    adaptation = daemon.post("/v1/documents", document(1)).json()["adaptation"]
    assert wait_final(daemon, adaptation)["status"] == "promoted"
    assert retraining.seen(daemon, run)["status"] in RUNNABLE
    first, *_, last = [e["at"] for e in daemon.get(f"/v1/adaptations/{adaptation}/events")["data"]]
    assert not [at for at in starts(daemon, run) if first < at < last]
    while retraining.seen(daemon, run)["status"] == "scoring":
        time.sleep(0.1)
    retraining.assert_all_scored(daemon, run)
    retraining.assert_once(daemon, run)


def test_a_cancelled_retraining_ends_and_leaves_the_policy_as_it_is(daemon: DaemonProcess) -> None:
    run = retraining.begin(daemon)
    wait_for(daemon, run, "learning")
    assert daemon.post(f"/v1/retrainings/{run}/cancel", {}).status_code == 200
    ended = retraining.end_of(daemon, run)
    assert (ended["status"], ended["error"]) == ("cancelled", None), ended
    assert retraining.who_writes(daemon) == POLICY
    assert daemon.post(f"/v1/retrainings/{run}/cancel", {}).status_code == 409
    assert not children(daemon, "seald.training")
    retraining.assert_nothing_is_left(daemon, run)


def test_a_policy_that_writes_by_rule_alone_is_not_retrained(start: Callable[..., DaemonProcess]) -> None:
    daemon = start(**retraining.SMALL, SEALD_POLICY__NAME="none")
    run = retraining.begin(daemon)
    ended = retraining.end_of(daemon, run)
    assert (ended["status"], ended["version"]) == ("failed", None), ended
    assert "by rule alone" in ended["error"]["message"]
    assert not retraining.events(daemon, run, "exam")
