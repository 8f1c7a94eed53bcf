"""An hour of chat, documents, promotions, rollbacks and forgetting under faults: `make soak`, not among `make test`.

In the first half anything may be killed; in the second the engine is left alive, so that what piles up in it is seen.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest

from tests.conftest import ROOT
from tests.daemon_process import FINAL, DaemonProcess
from tests.faults.soak_meter import MOST_GROWTH, Meter
from tests.faults.sound import CHAT, Folder, assert_sound
from tests.faults.test_failpoints import document
from tests.faults.test_kills import children

MINUTES = float(os.environ.get("SEALD_SOAK_MINUTES", "60"))
OUT = Path(os.environ.get("SEALD_SOAK_OUT", str(ROOT / ".cache" / "soak")))
CHATTERS = 3
PAUSE_SECONDS = 0.5
REST_SECONDS = 15.0
"""Between two documents."""
KEPT = 6
"""Documents that are not forgotten again."""
FAULT_SECONDS = 45.0
HELD_SECONDS = 5.0
GRACE_SECONDS = 120.0
ERRORS = ",".join(
    f"{stage}:{n}:{kind}"
    for stage, kind, steps in (("commit", "eio", 400), ("commit", "enospc", 1100), ("publish", "eio", 37))
    for n in range(steps, 40 * steps, steps)
)
"""Errors of the disk, all through the daemon's life."""
UNDER = {
    "SEALD_FAILPOINT": ERRORS,
    "SEALD_TRAINING__CHECKPOINT_SECONDS": "0.5",
    "SEALD_ENGINE__START_SECONDS": "60",  # one that is stopped while it starts is given up after that
}


@dataclass
class Soak:
    """One daemon, those who use it, and what they saw."""

    daemon: DaemonProcess
    over: threading.Event = field(default_factory=threading.Event)
    seen: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    learned: list[str] = field(default_factory=list)
    dice: random.Random = field(default_factory=lambda: random.Random(1))

    def chat(self) -> None:
        """Ask, as stream and not, the live version, the base and pinned ones; now and then hang up."""
        dice = random.Random(threading.get_ident())
        while not self.over.wait(PAUSE_SECONDS):
            model = dice.choice(["seald", "seald", "base", f"seald:{Folder(self.daemon).live()}".removesuffix(":base")])
            try:
                dice.choice([self._whole, self._streamed, self._hung_up])({**CHAT, "model": model})
            except httpx.HTTPError as error:
                self.seen[f"chat {type(error).__name__}"] += 1

    def _whole(self, asked: dict[str, object]) -> None:
        answer = self.daemon.post("/v1/chat/completions", asked)
        self.seen[f"chat {answer.status_code}"] += 1
        if answer.status_code == 200:
            if answer.headers["x-seald-adapter"] != answer.json()["system_fingerprint"]:
                self.wrong.append(f"mixed: {answer.headers} {answer.text}")
        elif answer.status_code == 404 and "@" in str(asked["model"]):
            pass  # forgotten between the asking for its number and for its answer
        elif answer.status_code != 503 or "retry-after" not in answer.headers:
            self.wrong.append(f"{answer.status_code} {answer.text}")

    def _streamed(self, asked: dict[str, object]) -> None:
        body = {**asked, "stream": True, "max_tokens": 32}
        with httpx.stream("POST", f"{self.daemon.url}/v1/chat/completions", json=body, timeout=120) as answer:
            lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line]
        self.seen[f"stream {answer.status_code}"] += 1
        if answer.status_code != 200:
            return
        if lines[-1] != "[DONE]":
            self.seen["stream broken off, and said so"] += "error" in json.loads(lines[-1])
            return
        of = {json.loads(line).get("system_fingerprint") for line in lines[:-1]} - {None}
        if of != {answer.headers["x-seald-adapter"]}:
            self.wrong.append(f"mixed: {answer.headers} {of}")

    def _hung_up(self, asked: dict[str, object]) -> None:
        body = {**asked, "stream": True, "max_tokens": 400}
        with httpx.stream("POST", f"{self.daemon.url}/v1/chat/completions", json=body, timeout=120) as answer:
            for _ in answer.iter_lines():
                break
        self.seen["hung up"] += 1

    def teach(self) -> None:
        """Documents one after another; old ones are forgotten, versions rolled back and forth."""
        for n in range(10, 10**6):
            if self.over.wait(REST_SECONDS):
                return
            self._learn(document(n))
            if len(self.learned) > KEPT and self._until(self._forget):
                self.learned.pop(0)
            if n % 3 == 0:
                for _ in range(2):  # back, and forth again: the one before the live one is then the newer one
                    self._until(self._rolled_back)

    def _learn(self, what: dict[str, str]) -> None:
        def sent() -> bool:
            answer = self.daemon.post("/v1/documents", what)
            if answer.status_code not in (200, 202):
                self.seen[f"document {answer.status_code}"] += 1
                return False
            id, adaptation = answer.json()["id"], answer.json()["adaptation"]
            self.learned = [*dict.fromkeys([*self.learned, id])]
            status = self._ended(adaptation)
            self.seen[f"learned: {status}"] += 1
            return status == "promoted"

        self._until(sent)

    def _ended(self, adaptation: str) -> str:
        """How; "unknown" where it has not in a long time."""
        deadline = time.monotonic() + GRACE_SECONDS * 5
        while time.monotonic() < deadline:
            with suppress(httpx.HTTPError):
                status = str(self.daemon.get(f"/v1/adaptations/{adaptation}")["status"])
                if status in FINAL:
                    return status
            time.sleep(0.2)
        return "unknown"

    def _forget(self) -> bool:
        answer = httpx.delete(f"{self.daemon.url}/v1/documents/{self.learned[0]}", timeout=120)
        self.seen[f"forget {answer.status_code}"] += 1
        if answer.status_code not in (200, 202):  # 200: it was done, and only the word of it was lost
            return False
        return self._ended(answer.json()["adaptation"]) == "promoted"

    def _rolled_back(self) -> bool:
        answer = self.daemon.post("/v1/adapters/default/rollback", {"reason": "soak"})
        self.seen[f"rollback {answer.status_code}"] += 1
        return answer.status_code in (200, 409)

    def _until(self, done: Callable[[], bool]) -> bool:
        """Whether it was done, tried again after each refusal until long after the end."""
        deadline = time.monotonic() + GRACE_SECONDS * 5
        while time.monotonic() < deadline:
            with suppress(httpx.HTTPError):
                if done():
                    return True
            time.sleep(1)
        self.wrong.append(f"not done in {GRACE_SECONDS * 5:.0f} s: {done.__name__}")
        return False

    def told(self) -> dict[str, object]:
        """How often each thing was seen, and what should not have been."""
        return {"seen": dict(sorted(self.seen.copy().items())), "wrong": [*self.wrong]}

    def harm(self, *, engine: bool) -> None:
        """One fault."""
        faults = [self._trainer_killed, self._database_held]
        fault = self.dice.choice([*faults, self._engine_killed, self._engine_hung] if engine else faults)
        self.seen[fault.__name__.strip("_")] += 1
        with suppress(psutil.Error, httpx.HTTPError, ProcessLookupError):
            fault()

    def _engine_killed(self) -> None:
        os.kill(self.daemon.engine()["pid"], signal.SIGKILL)

    def _engine_hung(self) -> None:
        os.kill(self.daemon.engine()["pid"], signal.SIGSTOP)

    def _trainer_killed(self) -> None:
        for trainer in children(self.daemon, "seald.training"):
            trainer.kill()

    def _database_held(self) -> None:
        with closing(sqlite3.connect(self.daemon.data_dir / "seald.db", isolation_level=None, timeout=60)) as database:
            database.execute("BEGIN IMMEDIATE")
            time.sleep(HELD_SECONDS)
            database.execute("ROLLBACK")


@pytest.mark.soak
@pytest.mark.timeout(MINUTES * 60 + 1800)
def test_an_hour_under_faults_loses_nothing_and_piles_nothing_up(start: Callable[..., DaemonProcess]) -> None:
    soak = Soak(start(**UNDER))
    with Meter(soak.daemon) as meter, ThreadPoolExecutor(CHATTERS + 1) as pool:
        users = [pool.submit(soak.chat) for _ in range(CHATTERS)] + [pool.submit(soak.teach)]
        began = time.monotonic()
        try:
            while (minutes := (time.monotonic() - began) / 60) < MINUTES:
                time.sleep(min(FAULT_SECONDS, MINUTES * 6))
                soak.harm(engine=minutes < MINUTES / 2)
                meter.write(OUT, soak.told())
        finally:
            soak.over.set()
        for user in users:
            user.result()
    soak.daemon.wait_ready()
    grown = meter.grown()
    meter.write(OUT, soak.told() | {"grown": grown})
    print(json.dumps(soak.told() | {"grown": grown}, indent=1))
    assert soak.wrong == []
    assert {name: by for name, by in grown.items() if by > MOST_GROWTH[name]} == {}
    assert_sound(soak.daemon, soak.learned)
    assert soak.daemon.stop() == 0
