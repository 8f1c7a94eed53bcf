"""One daemon on the real embedded model for the whole run, and the official client."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from tests.daemon_process import DaemonProcess


@pytest.fixture(scope="session")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    running = DaemonProcess(tmp_path_factory.mktemp("daemon")).start()
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="session")
def client(daemon: DaemonProcess) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{daemon.url}/v1", api_key="none", max_retries=0, timeout=300) as made:
        yield made
