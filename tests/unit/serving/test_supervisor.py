"""The supervisor with a real child: a small HTTP server that dies when told."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from seald.errors import EngineError
from seald.serving.command import EngineCommand
from seald.serving.supervisor import Supervisor
from tests.daemon_process import free_port

SERVER = """
import http.server
http.server.HTTPServer(('127.0.0.1', {port}), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


class Watched:
    """A supervisor, and what it asked for."""

    def __init__(self, folder: Path, source: str, port: int) -> None:
        self.restored = 0
        self.refuses: list[str] = []
        self.port = port
        argv = (sys.executable, "-c", source)
        self.supervisor = Supervisor(
            EngineCommand(kind="local", url=f"http://127.0.0.1:{port}", key=None, argv=argv),
            healthy=self.healthy,
            restore=self.restore,
            log_file=folder / "engine.log",
            start_seconds=10,
        )

    def healthy(self) -> bool:
        try:
            return httpx.head(f"http://127.0.0.1:{self.port}/", timeout=1).status_code == 200
        except httpx.HTTPError:
            return False

    def restore(self) -> None:
        if self.refuses:
            raise EngineError(self.refuses.pop())
        self.restored += 1


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    port = free_port()
    made = Watched(tmp_path, SERVER.format(port=port), port)
    made.supervisor.start()
    yield made
    made.supervisor.stop()


def test_ready_after_what_was_live_is_back(watched: Watched) -> None:
    assert watched.supervisor.wait_ready(10)
    assert watched.restored == 1
    assert watched.supervisor.ready() == (True, "ready")


def test_a_killed_engine_is_started_again_and_restored(watched: Watched) -> None:
    assert watched.supervisor.wait_ready(10)
    first = watched.supervisor.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    while watched.supervisor.pid == first:
        time.sleep(0.02)
    assert watched.supervisor.wait_ready(15)
    assert watched.restored == 2


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
        assert made.restored == 1
    finally:
        made.supervisor.stop()


def test_stop_ends_the_process(watched: Watched) -> None:
    assert watched.supervisor.wait_ready(10)
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
