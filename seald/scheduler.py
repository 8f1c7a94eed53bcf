"""When, never what: looks for work every few seconds and at once when told that there is some, and calls chores.

APScheduler runs one `tick` at a time. Job stores cannot be shared between processes, so nothing is kept in one:
what is to be done lies in the database, and a trigger only looks.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from seald.errors import SealdError

log = structlog.get_logger(__name__)

LOOK_SECONDS = 2.0
ASIDE = "aside"


@dataclass(frozen=True)
class Chore:
    """Something to be done every so often, first after that time."""

    name: str
    every_seconds: float
    run: Callable[[], object]
    aside: bool = False
    """Whether it may run while a step does, in a thread of the chores: it is short, and nothing of the pipeline's."""


class Scheduler:
    """Calls `step` until it says False, in one thread of its own, and between two steps the chores that are due."""

    def __init__(self, step: Callable[[], bool], chores: Sequence[Chore] = ()) -> None:
        self._step = step
        self._stopped = False
        self._due: dict[str, Chore] = {}
        # A look that comes while a long one still works is skipped, which APScheduler would warn about each time.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        pools = {"default": ThreadPoolExecutor(1), ASIDE: ThreadPoolExecutor(1)}
        self._scheduler = BackgroundScheduler(executors=pools, timezone=UTC)
        self._job = self._scheduler.add_job(
            self._tick, "interval", seconds=LOOK_SECONDS, max_instances=1, coalesce=True, misfire_grace_time=None
        )
        for chore in chores:
            self._add(chore)

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

    def _add(self, chore: Chore) -> None:
        what = _run if chore.aside else self._fall_due
        self._scheduler.add_job(
            what,
            "interval",
            [chore],
            seconds=chore.every_seconds,
            executor=ASIDE,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
        )

    def _fall_due(self, chore: Chore) -> None:
        self._due[chore.name] = chore
        self.wake()

    def _tick(self) -> None:
        while not self._stopped and (self._do_what_is_due() or self._step()):
            pass

    def _do_what_is_due(self) -> bool:
        if not self._due:
            return False
        _, chore = self._due.popitem()
        _run(chore)
        return True


def _run(chore: Chore) -> None:
    try:
        chore.run()
    except SealdError as error:
        log.warning("chore_failed", chore=chore.name, code=error.code, error=error.message)
    except Exception:
        log.exception("chore_broke", chore=chore.name)
