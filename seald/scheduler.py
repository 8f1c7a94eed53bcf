"""When, never what: looks for work every few seconds and at once when told that there is some.

APScheduler runs one `tick` at a time. Job stores cannot be shared between processes, so nothing is kept in one:
what is to be done lies in the database, and a trigger only looks.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

LOOK_SECONDS = 2.0


class Scheduler:
    """Calls `step` until it says False, in one thread of its own."""

    def __init__(self, step: Callable[[], bool]) -> None:
        self._step = step
        self._stopped = False
        # A look that comes while a long one still works is skipped, which APScheduler would warn about each time.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._scheduler = BackgroundScheduler(executors={"default": ThreadPoolExecutor(1)}, timezone=UTC)
        self._job = self._scheduler.add_job(
            self._tick, "interval", seconds=LOOK_SECONDS, max_instances=1, coalesce=True, misfire_grace_time=None
        )

    def start(self) -> None:
        """Begin looking; returns at once."""
        self._scheduler.start()

    def wake(self) -> None:
        """Look now rather than at the next interval. Any thread may call it."""
        if not self._stopped:
            self._job.modify(next_run_time=datetime.now(UTC))

    def stop(self) -> None:
        """Look no more, and wait until the step in progress has returned."""
        self._stopped = True
        self._scheduler.shutdown(wait=True)

    def _tick(self) -> None:
        while not self._stopped and self._step():
            pass
