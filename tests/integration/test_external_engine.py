"""A vLLM that somebody else runs: the daemon may come and go, and so may the server."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from seald.config import Settings
from seald.serving.command import engine_commands
from tests.daemon_process import DaemonProcess
from tests.faults.conftest import LENIENT
from tests.faults.test_kills import document
from tests.integration.test_vllm import scores

LIVE = "seald:default@1"


class Server:
    """vLLM, started as seald starts it, but by us and on a port that stays."""

    def __init__(self, folder: Path, model: Path) -> None:
        settings = Settings.model_validate({"data_dir": folder, "engine": {"kind": "vllm"}})
        (self.command,) = engine_commands(settings, model)
        self._log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command.argv,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=self.command.full_environment(),
                start_new_session=True,
            )

    def kill(self) -> None:
        """It and the processes that it started."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()

    def holds(self) -> set[str]:
        """The adapters that it has by name."""
        headers = {"authorization": f"Bearer {self.command.key}"}
        models = httpx.get(f"{self.command.url}/v1/models", headers=headers, timeout=30).json()["data"]
        return {model["id"] for model in models if model["parent"]}


def environment(server: Server, model: Path, key: str | None = None) -> dict[str, str]:
    return {
        **LENIENT,
        "SEALD_MODEL__NAME": str(model),
        "SEALD_ENGINE__KIND": "external",
        "SEALD_ENGINE__URL": server.command.url,
        "SEALD_ENGINE_KEY": key or str(server.command.key),
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"), tiny_model)
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def taught(
    server: Server, tmp_path_factory: pytest.TempPathFactory, tiny_model: Path
) -> Iterator[tuple[DaemonProcess, list[float]]]:
    """A daemon with one version, and how that scores a text."""
    daemon = DaemonProcess(tmp_path_factory.mktemp("external"), environment(server, tiny_model)).start()
    daemon.teach(document(1))
    yield daemon, scores(daemon, LIVE)
    assert daemon.stop() == 0


def chat(daemon: DaemonProcess) -> httpx.Response:
    body = {"model": "seald", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4}
    return daemon.post("/v1/chat/completions", body)


def readiness(daemon: DaemonProcess, says: str, seconds: float = 60) -> dict[str, Any]:
    """Wait until the daemon is not ready and says why in these words; return the error."""
    deadline = time.monotonic() + seconds
    said: Any = None
    while time.monotonic() < deadline:
        try:
            answer = httpx.get(f"{daemon.url}/readyz", timeout=5)
        except httpx.HTTPError:  # it does not listen yet
            time.sleep(0.1)
            continue
        said = answer.json()
        if answer.status_code == 503 and says in said["error"]["message"]:
            assert "retry-after" in answer.headers
            error: dict[str, Any] = said["error"]
            return error
        time.sleep(0.1)
    raise TimeoutError(f"{said}: {daemon.log_file.read_text()[-2000:]}")


def test_what_was_learned_is_served_by_it(server: Server, taught: tuple[DaemonProcess, list[float]]) -> None:
    daemon, _ = taught
    assert daemon.get("/v1/status")["engine"]["kind"] == "external"
    assert daemon.engine()["pid"] is None
    assert len(server.holds()) == 1
    assert scores(daemon, "base") != scores(daemon, LIVE)
    assert chat(daemon).headers["x-seald-adapter"] == "default@1"


def test_a_wrong_key_is_said_before_anything_is_served(
    server: Server, taught: tuple[DaemonProcess, list[float]], tmp_path: Path, tiny_model: Path
) -> None:
    daemon = DaemonProcess(tmp_path, environment(server, tiny_model, key="not-it")).start(wait=False)
    try:
        assert "SEALD_ENGINE_KEY" in readiness(daemon, "refuses this daemon's key")["message"]
        assert chat(daemon).status_code == 503
    finally:
        assert daemon.stop() == 0


def test_a_daemon_that_comes_back_finds_its_adapters_there(
    server: Server, taught: tuple[DaemonProcess, list[float]]
) -> None:
    daemon, before = taught
    held = server.holds()
    assert daemon.stop() == 0
    assert server.holds() == held
    daemon.start()
    assert server.holds() == held
    assert chat(daemon).headers["x-seald-adapter"] == "default@1"
    assert scores(daemon, LIVE) == pytest.approx(before, abs=1e-3)


def test_a_server_that_comes_back_gets_its_adapters_again(
    server: Server, taught: tuple[DaemonProcess, list[float]]
) -> None:
    daemon, before = taught
    server.kill()
    refused = chat(daemon)
    assert (refused.status_code, "retry-after" in refused.headers) == (503, True), refused.text
    readiness(daemon, "not ready")
    assert httpx.get(f"{daemon.url}/livez").status_code == 200
    assert chat(daemon).status_code == 503
    server.start()
    daemon.wait_ready()
    assert len(server.holds()) == 1
    assert chat(daemon).headers["x-seald-adapter"] == "default@1"
    assert scores(daemon, LIVE) == pytest.approx(before, abs=1e-3)
