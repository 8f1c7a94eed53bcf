"""Daemons on a tiny random model: an adaptation takes seconds, so it can be killed many times."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.daemon_process import DaemonProcess

LENIENT = {
    # A random model cannot answer anything. What is tested is that each step happens once, not what it taught.
    "SEALD_GUARDS__INCONCLUSIVE": "promote",
    "SEALD_GUARDS__ACQUISITION__MIN_ACCURACY": "0",
    "SEALD_GUARDS__ACQUISITION__MIN_LOGPROB_GAIN": "0",
    "SEALD_GUARDS__GENERAL__MAX_DROP": "1",
    "SEALD_GUARDS__RETENTION__MAX_DROP": "1",
    "SEALD_GUARDS__INTEGRITY__MAX_DEGENERATE": "1",
    "SEALD_COMPACTION__RETENTION_FALL": "1",
    "SEALD_TRAINING__CHECKPOINT_SECONDS": "1",
    "SEALD_POLICY__NAME": "none",
}


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
