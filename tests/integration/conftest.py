"""A daemon on the real embedded model for the whole run, once for each kind of engine, and the official client."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import openai
import pytest

from tests.daemon_process import DaemonProcess
from tests.faults.conftest import LENIENT
from tests.faults.test_kills import document

ENGINES = ("local", "vllm")
FEW = {"SEALD_TASKS__SAMPLES": "1", "SEALD_TASKS__DRAWN": "0"}
TOOLS = '["--enable-auto-tool-choice", "--tool-call-parser", "hermes"]'


@pytest.fixture(scope="session", params=ENGINES)
def daemon(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    environment = {"SEALD_ENGINE__KIND": request.param, "SEALD_ENGINE__ARGS": TOOLS, **FEW}
    running = DaemonProcess(tmp_path_factory.mktemp(f"daemon-{request.param}"), environment).start()
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="session")
def client(daemon: DaemonProcess) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{daemon.url}/v1", api_key="none", max_retries=0, timeout=300) as made:
        yield made


@contextmanager
def taught_daemon(
    folder: Path, model: Path, versions: Sequence[int], environment: dict[str, str]
) -> Iterator[DaemonProcess]:
    """A daemon that has promoted these versions, whatever they know; it must stop cleanly."""
    daemon = DaemonProcess(folder, {**LENIENT, "SEALD_MODEL__NAME": str(model), **environment}).start()
    for n in versions:
        daemon.teach(document(n))
    yield daemon
    assert daemon.stop() == 0
