"""A retraining on the tiny model, seen from outside: how it is begun, followed, and found whole at its end."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections import Counter
from typing import Any

import httpx

from seald.domain.episode import POLICY_ARM, Episode
from seald.domain.retraining import TERMINAL
from tests.daemon_process import DaemonProcess
from tests.lessons import WRITER, contexts

RETRAIN = "SEALD_POLICY__RETRAIN__"
SMALL = {
    f"{RETRAIN}TOGETHER": "8",
    f"{RETRAIN}GENERAL": "2",
    f"{RETRAIN}SEEDS": "2",
    # Somebody wins: what is tested is that each step happens once, not whether it was luck.
    f"{RETRAIN}NOISE": "0",
    f"{RETRAIN}EXPLORE": "0",
    # What holds nothing to train on then needs no training.
    f"{RETRAIN}PASSAGE": "false",
    f"{RETRAIN}TOURNAMENT__CONTEXTS": "2",
    f"{RETRAIN}TOURNAMENT__TOKENS": "60",
    f"{RETRAIN}TOURNAMENT__SAMPLES": "2",
    "SEALD_RECIPES__DEFAULT__EPOCHS": "1",
    "SEALD_RECIPES__REWARD__EPOCHS": "2",
    "SEALD_RECIPES__POLICY__EPOCHS": "2",
    "SEALD_POLICY__MAX_TOKENS": "16",
    # So small a model gains nothing by a second thread, and loses much where somebody else wants the core.
    "SEALD_TRAINING__THREADS": "1",
    "SEALD_ENGINE__THREADS": "1",
}
SAMPLES = 2
TAUGHT, HELD_OUT = 4, 2
SECONDS = 600.0


def begin(daemon: DaemonProcess) -> str:
    """Ask for one round over small contexts with ready-made self-edits."""
    body = {"contexts": contexts(TAUGHT + HELD_OUT), "rounds": 1, "samples": SAMPLES, "writer": WRITER}
    answer = daemon.post("/v1/policies/retrain", body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def seen(daemon: DaemonProcess, run: str) -> dict[str, Any]:
    """The run as it stands."""
    found: dict[str, Any] = daemon.get(f"/v1/retrainings/{run}")
    return found


def events(daemon: DaemonProcess, run: str, type: str | None = None) -> list[dict[str, Any]]:
    """What happened to it, of one type or of all."""
    found = daemon.get(f"/v1/retrainings/{run}/events", limit=1000)["data"]
    return [event for event in found if type in (None, event["type"])]


def end_of(daemon: DaemonProcess, run: str) -> dict[str, Any]:
    """Wait for its end."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError):
            found = seen(daemon, run)
            if found["status"] in TERMINAL:
                return found
        time.sleep(0.2)
    raise TimeoutError(daemon.log_file.read_text()[-4000:])


def who_writes(daemon: DaemonProcess) -> str:
    """The policy of passages that is live; there is always exactly one."""
    found = daemon.get("/v1/policies")["data"]
    (live,) = [policy["id"] for policy in found if policy["live"] and policy["subject"] == "passage"]
    return str(live)


def episodes(daemon: DaemonProcess, run: str) -> list[Episode]:
    """All that the run has stored, in the order of their keys."""
    with contextlib.closing(sqlite3.connect(daemon.data_dir / "seald.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = database.execute("SELECT body FROM episodes WHERE retraining = ? ORDER BY key", (run,)).fetchall()
    return [Episode.model_validate(json.loads(body)) for (body,) in rows]


def stored_status(daemon: DaemonProcess, run: str) -> str:
    """Where the run stands in the database, whether a daemon runs or not."""
    with contextlib.closing(sqlite3.connect(daemon.data_dir / "seald.db")) as database:
        return str(database.execute("SELECT status FROM retrainings WHERE id = ?", (run,)).fetchone()[0])


def assert_nothing_is_left(daemon: DaemonProcess, run: str) -> None:
    """No work folder, no draft, and no folder of a policy but those with weights, which verify."""
    assert not [*(daemon.data_dir / "work").glob(f"{run}*")]
    learned = daemon.data_dir / "policies" / "learned"
    assert not [*(learned / ".drafts").glob("*")]
    policies = [policy for policy in daemon.get("/v1/policies")["data"] if policy["kind"] == "learned"]
    shown = [daemon.get(f"/v1/policies/{policy['id']}", verify="true") for policy in policies]
    whole = {each["id"] for each in shown if each["verified"]}
    assert {f"learned@{folder.name}" for folder in learned.glob("[0-9]*")} == whole
    assert {each["id"] for each in shown if each["manifest"] is not None} == whole


def assert_once(daemon: DaemonProcess, run: str) -> None:
    """Nothing was noted twice: neither a move nor an exam, a sample, a score or a contestant's writing."""
    keys = ("round", "arm", "context", "sample", "seed", "from", "to")
    names = ("status", "exam", "sampled", "scored", "learned", "contested")
    noted = [e for e in events(daemon, run) if e["type"] in names]
    counted = Counter((e["type"], *(str(e["data"].get(key)) for key in keys)) for e in noted)
    assert {what: times for what, times in counted.items() if times > 1} == {}


def assert_all_scored(daemon: DaemonProcess, run: str) -> None:
    """Every self-edit that was to be learned from is there, and has one score of each seed."""
    own = [episode for episode in episodes(daemon, run) if episode.arm == POLICY_ARM]
    assert Counter(episode.sample for episode in own) == dict.fromkeys(range(SAMPLES), TAUGHT)
    assert len({episode.context_id for episode in own}) == TAUGHT
    assert {(e.survived, tuple(score.seed for score in e.scores)) for e in own} == {(True, (0, 1))}
