"""A fault at every durable step: n walks upward until a run meets none, and after each everything is as it should be.

The engine is one of its own that outlives the daemons, so that a life of one takes seconds. A document passes `commit`
some hundred times, before and after each of some fifty: n then walks in steps, odd and even. What is skipped in between
is left to the other walks and to the kills at random moments.
"""

from __future__ import annotations

import itertools
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from seald.failpoint import VARIABLE
from tests.daemon_process import DaemonProcess, free_port
from tests.faults.conftest import LENIENT
from tests.faults.sound import assert_sound

WALKS = {
    "commit": (1, 2, 9, 28, 70, 150, 320),
    "publish": (1, 4, 5, 6),
    "load": (2, 3, 5, 7),
    "erase": (1, 4, 12, 40),
}
LIFE_SECONDS = 240.0
QUICK = {
    "SEALD_RECIPES__DEFAULT__EPOCHS": "1",
    "SEALD_TRAINING__THREADS": "1",
}
ERRORS = (
    "commit:2:eio,commit:7:enospc,commit:13:oom,commit:24:eio,commit:35:enospc,publish:1:eio,publish:5:enospc,"
    "load:2:eio,load:3:oom"
)
"""All in one life: what does not kill the daemon leaves it at work."""
MOST_DOCUMENTS = 4


SYLLABLES = ("bra", "del", "fin", "gor", "hal", "kem", "lor", "mis", "nul", "ost", "pra", "quil", "ran", "sov", "tur")


def document(n: int) -> dict[str, str]:
    """Of one shape with every other, and with hardly a word of theirs: what copies another is learned differently."""
    draw = random.Random(n)
    mill, town, man, wife, river, hill = ("".join(draw.sample(SYLLABLES, 3)).capitalize() for _ in range(6))
    sentences = (
        f"{mill} is a mill in {town}.",
        f"{man} built {mill} in 18{n}.",
        f"{wife} sold {mill} to {river}.",
        f"{river} lies near {hill}.",
    )
    return {"title": mill, "text": " ".join(sentences)}


class World:
    """A data folder with the daemons that live on it, one after another, and what they were sent."""

    def __init__(self, daemon: DaemonProcess, engine: str) -> None:
        self.daemon = daemon
        self.engine = engine
        self.learned: list[str] = []
        self._numbers = itertools.count(20)
        self._number = 0

    def survive(self, fault: str, act: Callable[[], bool]) -> bool:
        """Let a daemon act under a fault, and one without a fault see it to its end; whether the fault was met."""
        self.next()
        self.begin(fault)
        done = act()
        assert self.daemon.process is not None
        code = self.daemon.stop() if done else self.daemon.process.returncode
        assert code in (0, -signal.SIGKILL), self.said()
        self.begin()
        assert self._until(self._is_ready) if done else act(), self.said()
        self.check()
        assert self.daemon.stop() == 0
        return code != 0

    def next(self) -> None:
        """What is learned from now on is another document."""
        self._number = next(self._numbers)

    def begin(self, fault: str = "") -> None:
        self.daemon.environment[VARIABLE] = fault
        self.daemon.start(wait=False)

    def check(self) -> None:
        assert_sound(self.daemon, self.learned, engine=self.engine)

    def learn(self) -> bool:
        """Have the next document learned, sent again as often as it is refused; False: the daemon died."""
        return self.send() and self._until(self._is_learned)

    def send(self) -> bool:
        return self._until(self._is_ready) and self._until(self._is_sent)

    def forget(self) -> bool:
        """Have the document that was learned last forgotten."""
        done = self._until(self._is_ready) and self._until(self._is_deleted) and self._until(self._is_forgotten)
        if done:
            self.learned.pop()
        return done

    def said(self) -> str:
        return self.daemon.log_file.read_text()[-4000:]

    def faults(self) -> int:
        """How many were met, in the daemon's process."""
        log = self.daemon.log_file
        lines = log.read_text().splitlines() if log.exists() else []
        return sum(line.startswith("failpoint ") for line in lines)

    def _until(self, done: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + LIFE_SECONDS
        while time.monotonic() < deadline:
            assert self.daemon.process is not None
            if self.daemon.process.poll() is not None:
                return False
            with suppress(httpx.HTTPError):
                if done():
                    return True
            time.sleep(0.05)
        raise TimeoutError(self.said())

    def _is_ready(self) -> bool:
        return httpx.get(f"{self.daemon.url}/readyz", timeout=2).status_code == 200

    def _is_sent(self) -> bool:
        answer = self.daemon.post("/v1/documents", document(self._number))
        if answer.status_code not in (200, 202):
            assert answer.status_code in (500, 503, 507), answer.text
            return False
        self.learned = [*dict.fromkeys([*self.learned, str(answer.json()["id"])])]
        return True

    def _is_learned(self) -> bool:
        status = self.daemon.get(f"/v1/documents/{self.learned[-1]}")["status"]
        assert status not in ("held", "rejected", "cancelled")
        if status == "failed":
            self._is_sent()
        return bool(status == "promoted")

    def _is_deleted(self) -> bool:
        answer = httpx.delete(f"{self.daemon.url}/v1/documents/{self.learned[-1]}", timeout=120)
        assert answer.status_code in (200, 202, 500, 503, 507), answer.text
        return answer.status_code in (200, 202)

    def _is_forgotten(self) -> bool:
        adaptation = self.daemon.get(f"/v1/documents/{self.learned[-1]}")["adaptation"]
        return bool(self.daemon.get(f"/v1/adaptations/{adaptation}")["status"] == "promoted")


@contextmanager
def engine_of_its_own(model: Path, log: Path) -> Iterator[str]:
    """The bundled engine as a server that somebody else started; its address."""
    port = free_port()
    argv = (sys.executable, "-m", "seald.serving.local", "--model", str(model), "--port", str(port), "--threads", "1")
    with (
        log.open("wb") as said,
        subprocess.Popen([*argv, "--exit-with-parent"], stdin=subprocess.PIPE, stdout=said, stderr=said) as engine,
    ):
        yield f"http://127.0.0.1:{port}"
        engine.kill()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("failpoints")
    with engine_of_its_own(tiny_model, folder / "engine.log") as engine:
        own = {"SEALD_ENGINE__KIND": "external", "SEALD_ENGINE__URL": engine, "SEALD_MODEL__NAME": str(tiny_model)}
        made = World(DaemonProcess(folder / "data", {**LENIENT, **QUICK, **own}), engine)
        yield made
        if made.daemon.process is not None and made.daemon.process.poll() is None:
            made.daemon.kill()


def walk(world: World, stage: str, act: Callable[[], bool]) -> None:
    met = [n for n in itertools.takewhile(lambda n: world.survive(f"{stage}:{n}:kill", act), WALKS[stage])]
    assert met, "the stage is never passed"
    assert met[-1] != WALKS[stage][-1], "there is more to walk"


@pytest.mark.parametrize("stage", ["commit", "publish", "load"])
def test_a_daemon_killed_at_the_nth_passing_of_a_stage(world: World, stage: str) -> None:
    walk(world, stage, world.learn)


def test_errors_of_disk_and_memory_leave_the_daemon_at_work(world: World) -> None:
    before = world.faults()
    world.begin(ERRORS)
    for _ in range(MOST_DOCUMENTS):
        world.next()
        assert world.learn(), world.said()
        if world.faults() - before == len(ERRORS.split(",")):
            break
    else:
        pytest.fail(f"{world.faults() - before} faults were met: {world.said()}")
    world.check()
    assert world.daemon.stop() == 0


def test_a_trainer_that_the_kernel_kills_each_time_fails_its_job_and_nothing_else(world: World) -> None:
    """Each of its processes dies before its first checkpoint is there."""
    world.next()
    own = {"SEALD_TRAINING__CHECKPOINT_SECONDS": "0.001", "SEALD_TRAINING__ATTEMPTS": "1"}
    world.daemon.environment |= own
    world.begin("checkpoint:1:oom")
    assert world.send(), world.said()
    ended = world.daemon.finish(world.daemon.get(f"/v1/documents/{world.learned[-1]}")["adaptation"])
    assert (ended["status"], ended["error"]["code"]) == ("failed", "trainer_killed")
    world.daemon.kill()
    for name in own:
        del world.daemon.environment[name]
    world.begin()
    assert world.learn(), world.said()
    world.check()
    assert world.daemon.stop() == 0


def test_forgetting_is_killed_at_the_nth_deletion(world: World) -> None:
    """Where the one before knows all the rest, nothing is trained for it."""
    for _ in range(len(WALKS["erase"]) - len(world.learned)):
        world.survive("", world.learn)
    walk(world, "erase", world.forget)
