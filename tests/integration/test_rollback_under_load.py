"""Rollback and roll forward under a steady load of chat: fast, nothing dropped, every reply from one version."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.daemon_process import DaemonProcess
from tests.integration.conftest import ENGINES, taught_daemon

STREAMS = 4


@pytest.fixture(scope="module", params=ENGINES)
def taught(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tiny_model: Path
) -> Iterator[DaemonProcess]:
    environment = {"SEALD_ENGINE__KIND": request.param}
    with taught_daemon(tmp_path_factory.mktemp("load"), tiny_model, (1, 2), environment) as daemon:
        yield daemon


class Load:
    """Clients that ask again and again; each notes what a reply said about its version."""

    def __init__(self, daemon: DaemonProcess) -> None:
        self.daemon = daemon
        self.replies: list[tuple[int, str, str]] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(STREAMS)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        body = {"model": "seald", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 16}
        with httpx.Client(base_url=self.daemon.url, timeout=60) as client:
            while not self._stop.is_set():
                answer = client.post("/v1/chat/completions", json=body)
                label = answer.json().get("system_fingerprint", answer.text)
                self.replies.append((answer.status_code, answer.headers.get("x-seald-adapter", ""), label))


def test_rollback_under_load(taught: DaemonProcess) -> None:
    taken = []
    with Load(taught) as load:
        for to in (1, 2) * 5:
            time.sleep(0.3)
            began = time.monotonic()
            answer = taught.post("/v1/adapters/default/rollback", {"to": to})
            taken.append(time.monotonic() - began)
            assert answer.status_code == 200, answer.text
    print(f"rollbacks: {[round(seconds, 3) for seconds in taken]} s, replies {len(load.replies)}")
    assert {status for status, _, _ in load.replies} == {200}
    assert all(header == fingerprint for _, header, fingerprint in load.replies)
    assert {header for _, header, _ in load.replies} == {"default@1", "default@2"}


def test_a_stream_begun_before_a_rollback_ends_in_its_own_version(taught: DaemonProcess) -> None:
    taught.post("/v1/adapters/default/rollback", {"to": 2})
    body = {
        "model": "seald",
        "messages": [{"role": "user", "content": "Hello"}],
        "max_tokens": 200,
        "stream": True,
        "ignore_eos": True,
    }
    with httpx.stream("POST", f"{taught.url}/v1/chat/completions", json=body, timeout=60) as answer:
        lines = answer.iter_lines()
        first = next(lines)
        taught.post("/v1/adapters/default/rollback", {"to": 1})
        rest = [line for line in lines if line.startswith("data: {")]
    assert answer.headers["x-seald-adapter"] == "default@2"
    assert '"default@2"' in first
    assert all('"default@2"' in line for line in rest)
