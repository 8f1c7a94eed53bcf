"""What a daemon and its engine hold, read again and again: memory, open files, sockets, threads, adapters."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import psutil
from matplotlib.figure import Figure

from tests.daemon_process import DaemonProcess

EVERY_SECONDS = 10.0


@dataclass(frozen=True)
class Reading:
    """At one moment; of the daemon, and of the engine that it had then."""

    minutes: float
    engine_pid: int
    """Another one, another life: its memory begins anew."""
    daemon_mb: float
    engine_mb: float
    daemon_files: int
    """With sockets."""
    engine_files: int
    daemon_threads: int
    engine_threads: int
    loaded: int
    """Adapters in the engine."""
    children: int
    """Processes, trainers among them."""
    work: int
    """Entries of the data folder's `work/`."""


MOST_GROWTH = {
    "daemon_mb": 32.0,
    "engine_mb": 64.0,
    "daemon_files": 6,
    "engine_files": 6,
    "daemon_threads": 4,
    "engine_threads": 4,
    "loaded": 1,
    "children": 1,
    "work": 2,
}
"""From the third quarter's median to that of the last."""


@dataclass
class Meter:
    """Reads in a thread of its own from the beginning to the end of a block."""

    daemon: DaemonProcess
    readings: list[Reading] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Meter:
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._read_on, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def grown(self) -> dict[str, float]:
        """By how much each figure is more in the last quarter than in the one before, in the median."""
        quarter = len(self.readings) // 4
        before, last = self.readings[-2 * quarter : -quarter], self.readings[-quarter:]
        return {name: _median(last, name) - _median(before, name) for name in MOST_GROWTH}

    def write(self, folder: Path, told: dict[str, object]) -> None:
        """`soak.json`, with what else is told, and `soak.png` with a curve for each figure."""
        folder.mkdir(parents=True, exist_ok=True)
        readings = [asdict(reading) for reading in self.readings]
        (folder / "soak.json").write_text(json.dumps({**told, "readings": readings}))
        figure = Figure(figsize=(10, 14), layout="constrained")
        for axes, name in zip(figure.subplots(len(MOST_GROWTH), sharex=True), MOST_GROWTH, strict=True):
            axes.plot([reading.minutes for reading in self.readings], [getattr(r, name) for r in self.readings])
            axes.set_ylabel(name)
        figure.savefig(folder / "soak.png")

    def _read_on(self) -> None:
        while not self._over.wait(EVERY_SECONDS):
            # While an engine is down there is nothing to read, and processes and folders come and go.
            with suppress(httpx.HTTPError, psutil.Error, OSError):
                state = self.daemon.engine()
                if state["pid"] is not None:
                    self.readings.append(self._read(state))

    def _read(self, state: dict[str, Any]) -> Reading:
        assert self.daemon.process is not None
        own, engine = psutil.Process(self.daemon.process.pid), psutil.Process(state["pid"])
        return Reading(
            minutes=(time.monotonic() - self._began) / 60,
            engine_pid=engine.pid,
            daemon_mb=own.memory_full_info().uss / 2**20,
            engine_mb=engine.memory_full_info().uss / 2**20,
            daemon_files=own.num_fds(),
            engine_files=engine.num_fds(),
            daemon_threads=own.num_threads(),
            engine_threads=engine.num_threads(),
            loaded=len(state["loaded"]),
            children=len(own.children(recursive=True)),
            work=sum(1 for _ in (self.daemon.data_dir / "work").iterdir()),
        )


def _median(readings: Iterable[Reading], name: str) -> float:
    of: Callable[[Reading], float] = lambda reading: getattr(reading, name)  # noqa: E731
    return median(map(of, readings))
