"""Daemons on a tiny random model: an adaptation takes seconds, so it can be killed many times."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seald.bench.swap import ANY_MAY_SERVE
from tests.daemon_process import DaemonProcess

# A random model cannot answer anything. What is tested is that each step happens once, not what it taught.
LENIENT = {**ANY_MAY_SERVE, "SEALD_TRAINING__CHECKPOINT_SECONDS": "1", "SEALD_COMPACTION__EVERY": "0"}


@pytest.fixture
def start(tmp_path: Path, tiny_model: Path) -> Iterator[Callable[..., DaemonProcess]]:
    """Start daemons on the tiny model; whatever is left is killed at the end."""
    started: list[DaemonProcess] = []

    def make(name: str = "data", **environment: str) -> DaemonProcess:
        daemon = DaemonProcess(tmp_path / name, {**LENIENT, "SEALD_MODEL__NAME": str(tiny_model), **environment})
        started.append(daemon)
        return daemon.start()

    yield make
    for daemon in started:
        if daemon.process is not None and daemon.process.poll() is None:
            daemon.kill()
