"""How the trainer yields to requests: fewer threads, pauses, and an end when its parent is gone. Knows no torch.

A step takes seconds, so the pace is kept inside it: `breathe` is called before each decoder layer's work.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import TextIO

EXIT_ORPHANED = 75
"""The daemon closed our standard input: it is gone, or wants us gone."""

LONGEST_PAUSE = 0.5
"""Seconds; a pause that would be longer is cut, so that a change to idle is soon seen."""


def cores() -> int:
    """Processor cores that this process may use; a container or `taskset` may allow fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Pace:
    """Shared by the thread that reads the daemon's control lines and the thread that trains."""

    def __init__(self, *, threads: int, busy_threads: int, busy_share: float) -> None:
        self._threads = threads or cores()
        self._busy_threads = min(busy_threads, self._threads)
        self._busy_share = busy_share
        self._busy = threading.Event()
        self._applied = 0
        self._worked_since = time.monotonic()
        self.paused_seconds = 0.0

    def listen(self, control: TextIO = sys.stdin) -> None:
        """Follow `busy` and `idle` lines in a thread of its own; end the process at the end of `control`."""
        threading.Thread(target=self._follow, args=(control,), name="control", daemon=True).start()

    def _follow(self, control: TextIO) -> None:
        for line in control:
            self.set_busy(line.strip() == "busy")
        os._exit(EXIT_ORPHANED)

    def set_busy(self, busy: bool) -> None:
        """Whether requests are being answered."""
        if busy:
            self._busy.set()
        else:
            self._busy.clear()

    def breathe(self, set_threads: Callable[[int], None]) -> None:
        """Apply what the daemon asked for. `set_threads` must act on the calling thread, as torch's does."""
        busy = self._busy.is_set()
        wanted = self._busy_threads if busy else self._threads
        if wanted != self._applied:
            set_threads(wanted)
            self._applied = wanted
        if busy and self._busy_share < 1:
            worked = time.monotonic() - self._worked_since
            pause = min(worked * (1 / self._busy_share - 1), LONGEST_PAUSE)
            time.sleep(pause)
            self.paused_seconds += pause
        self._worked_since = time.monotonic()
