"""The supervisor with a real child: a small HTTP server that dies when told."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from seald.errors import EngineError, EngineUnavailable
from seald.serving.command import EngineCommand
from seald.serving.supervisor import Supervisor
from tests.daemon_process import free_port

SERVER = """
import http.server
http.server.HTTPServer(('127.0.0.1', {port}), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


class Watched:
    """A supervisor, its engine and its charge; notes what it asks of them."""

    def __init__(self, folder: Path, source: str, port: int, *, sleeps: bool = False) -> None:
        self.done: list[str] = []
        self.refuses: list[str] = []
        self.whole = True
        self.busy = False
        self.sleepless = False
        self.port = port
        argv = (sys.executable, "-c", source)
        self.supervisor = Supervisor(
            EngineCommand(kind="local", url=f"http://127.0.0.1:{port}", key=None, argv=argv, sleeps=sleeps),
            self,
            self,
            log_file=folder / "engine.log",
            start_seconds=10,
            drain_seconds=10,
        )

    def healthy(self) -> bool:
        try:
            return httpx.head(f"http://127.0.0.1:{self.port}/", timeout=1).status_code == 200
        except httpx.HTTPError:
            return False

    def restore(self) -> bool:
        if self.refuses:
            raise EngineError(self.refuses.pop())
        self.done.append("restore")
        return self.whole

    def withdraw(self) -> None:
        self.done.append("withdraw")

    def idle(self) -> bool:
        return not self.busy

    def sleep(self) -> None:
        if self.sleepless:
            raise EngineUnavailable("it cannot sleep")
        self.done.append("sleep")

    def wake_up(self) -> None:
        self.done.append("wake_up")


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Callable[..., Watched]]:
    """Starts one that is ready."""
    made: list[Watched] = []

    def start(*, sleeps: bool = False) -> Watched:
        port = free_port()
        made.append(Watched(tmp_path, SERVER.format(port=port), port, sleeps=sleeps))
        made[-1].supervisor.start()
        assert made[-1].supervisor.wait_ready(10)
        return made[-1]

    yield start
    for watched in made:
        watched.supervisor.stop()


def test_ready_after_what_was_live_is_back(watch: Callable[..., Watched]) -> None:
    watched = watch()
    assert watched.done == ["restore"]
    assert watched.supervisor.ready() == (True, "ready")


def test_a_killed_engine_is_started_again_and_restored(watch: Callable[..., Watched]) -> None:
    watched = watch()
    first = watched.supervisor.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert watched.supervisor.restarts == 0
    while watched.supervisor.pid == first:
        time.sleep(0.02)
    assert watched.supervisor.wait_ready(15)
    assert watched.supervisor.restarts == 1
    assert watched.done == ["restore", "withdraw", "restore"]


def test_an_engine_that_cannot_be_served_from_is_not_ready_and_asked_again(tmp_path: Path) -> None:
    port = free_port()
    made = Watched(tmp_path, SERVER.format(port=port), port)
    made.refuses = ["it does not know our key"]
    said = set()
    made.supervisor.start()
    try:
        while not made.supervisor.wait_ready(0.01):
            said.add(made.supervisor.ready())
        assert (False, "it does not know our key") in said
        assert made.done == ["withdraw", "restore"]
    finally:
        made.supervisor.stop()


def test_what_it_lacks_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seald.serving.supervisor.MEND_SECONDS", 0.1)
    port = free_port()
    made = Watched(tmp_path, SERVER.format(port=port), port)
    made.whole = False
    made.supervisor.start()
    try:
        assert made.supervisor.wait_ready(10)
        while len(made.done) < 3:
            time.sleep(0.02)
        made.whole = True
        time.sleep(0.5)
        tried = len(made.done)
        time.sleep(0.5)
        assert set(made.done) == {"restore"}
        assert len(made.done) == tried
    finally:
        made.supervisor.stop()


def test_a_silent_engine_gets_no_requests_until_it_answers_again(
    watch: Callable[..., Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped for a moment it is restored, stopped for good it is started anew."""
    for name, seconds in (("BEAT", 0.1), ("SILENT", 0.5), ("LOST", 6.0)):
        monkeypatch.setattr(f"seald.serving.supervisor.{name}_SECONDS", seconds)
    watched = watch()
    first = watched.supervisor.pid
    assert first is not None
    for woken in (True, False):
        os.kill(first, signal.SIGSTOP)
        while watched.supervisor.ready()[0]:
            time.sleep(0.02)
        assert "does not answer for" in watched.supervisor.ready()[1]
        if woken:
            os.kill(first, signal.SIGCONT)
            assert watched.supervisor.wait_ready(5)
            assert watched.supervisor.pid == first
    assert watched.supervisor.wait_ready(30)
    assert watched.supervisor.pid != first
    assert watched.done == ["restore", "withdraw", "restore", "withdraw", "withdraw", "restore"]


def test_whatever_goes_wrong_it_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    made = Watched(tmp_path, SERVER.format(port=port), port)
    broken = [MemoryError(), OSError(5, "Input/output error")]
    restore = made.restore

    def restore_once_well() -> bool:
        if broken:
            raise broken.pop()
        return restore()

    monkeypatch.setattr(made, "restore", restore_once_well)
    made.supervisor.start()
    assert made.supervisor.wait_ready(20)
    made.supervisor.stop()


def test_stop_ends_the_process(watch: Callable[..., Watched]) -> None:
    watched = watch()
    pid = watched.supervisor.pid
    assert pid is not None
    watched.supervisor.stop()
    assert not watched.supervisor.ready()[0]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_an_engine_that_cannot_start_says_where_to_look(tmp_path: Path) -> None:
    made = Watched(tmp_path, "import sys; sys.exit('no such model')", free_port())
    made.supervisor.start()
    deadline = time.monotonic() + 10
    while "ended with code 1" not in made.supervisor.ready()[1] and time.monotonic() < deadline:
        time.sleep(0.02)
    made.supervisor.stop()
    assert "no such model" in (tmp_path / "engine.log").read_text()


def test_an_engine_that_can_sleeps_in_its_process(watch: Callable[..., Watched]) -> None:
    watched = watch(sleeps=True)
    pid = watched.supervisor.pid
    watched.supervisor.sleep()
    assert watched.supervisor.ready() == (False, "sleeping")
    assert watched.supervisor.resting
    watched.supervisor.wake()
    assert watched.supervisor.wait_ready(10)
    assert watched.done == ["restore", "withdraw", "sleep", "wake_up", "restore"]
    assert watched.supervisor.pid == pid
    assert not watched.supervisor.resting


def test_one_that_wakes_up_with_other_weights_is_started_anew(watch: Callable[..., Watched]) -> None:
    watched = watch(sleeps=True)
    pid = watched.supervisor.pid
    watched.supervisor.sleep()
    watched.whole = False
    watched.supervisor.wake()
    assert watched.supervisor.wait_ready(10)
    assert watched.done == ["restore", "withdraw", "sleep", "wake_up", "restore", "withdraw", "restore"]
    assert watched.supervisor.pid != pid


@pytest.mark.parametrize("sleepless", [False, True], ids=["it has no such mode", "it fails to"])
def test_one_that_cannot_sleep_ends_and_starts_again(watch: Callable[..., Watched], *, sleepless: bool) -> None:
    watched = watch(sleeps=sleepless)
    watched.sleepless = sleepless
    pid = watched.supervisor.pid
    assert pid is not None
    watched.supervisor.sleep()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert watched.supervisor.ready() == (False, "sleeping")
    assert watched.supervisor.restarts == 0
    watched.supervisor.wake()
    assert watched.supervisor.wait_ready(10)
    assert watched.supervisor.pid != pid


def test_what_is_being_answered_ends_before_it_sleeps(watch: Callable[..., Watched]) -> None:
    watched = watch(sleeps=True)
    watched.busy = True
    bed = threading.Thread(target=watched.supervisor.sleep)
    bed.start()
    while "withdraw" not in watched.done:
        time.sleep(0.01)
    time.sleep(0.2)
    assert "sleep" not in watched.done
    watched.busy = False
    bed.join(10)
    assert watched.done == ["restore", "withdraw", "sleep"]
    watched.supervisor.wake()
