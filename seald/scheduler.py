"""When, never what: looks for work every few seconds and at once when told that there is some, calls chores, and keeps
appointments.

APScheduler runs one `tick` at a time. Job stores cannot be shared between processes, so nothing is kept in one:
what is to be done lies in the database, and a trigger only looks.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from seald.errors import SealdError

log = structlog.get_logger(__name__)

LOOK_SECONDS = 2.0
ASIDE = "aside"
CLOCK_SECONDS = 5.0
"""How often the clock is looked at, and by how much it must have been set back to matter."""


@dataclass(frozen=True)
class Chore:
    """Something to be done every so often, first after that time."""

    name: str
    every_seconds: float
    run: Callable[[], object]
    aside: bool = False
    """Whether it may run while a step does, in a thread of the chores: it is short, and nothing of the pipeline's."""


@dataclass(frozen=True)
class Appointment:
    """Something short to be done at set times, in the thread of the chores.

    `run` gets the time that was set, in UTC, by which its effect is to be keyed. Of times that went by while it could
    not be called only the last is made up for; those at which no daemon ran are not.
    """

    name: str
    cron: str
    """Five fields, UTC, weekdays by name."""
    run: Callable[[datetime], object]


class Scheduler:
    """Calls `step` until it says False, in one thread of its own, and between two steps the chores that are due."""

    def __init__(
        self, step: Callable[[], bool], chores: Sequence[Chore] = (), appointments: Sequence[Appointment] = ()
    ) -> None:
        self._step = step
        self._stopped = False
        self._gone = threading.Event()
        self._clock = threading.Thread(target=self._mind_the_clock, name="clock", daemon=True)
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
        for appointment in appointments:
            self._agree(appointment)

    def start(self) -> None:
        """Begin looking; returns at once."""
        self._scheduler.start()
        self._clock.start()

    def alive(self) -> bool:
        """Whether its thread is there. It ends by `stop`, or by an error of APScheduler's own that nothing mends."""
        # What the public `running` says is whether somebody has called `start`.
        thread: threading.Thread | None = self._scheduler._thread
        return thread is not None and thread.is_alive()

    def wake(self) -> None:
        """Look now rather than at the next interval. Any thread may call it."""
        if not self._stopped:
            self._job.modify(next_run_time=datetime.now(UTC))

    def stop(self) -> None:
        """Look no more, and wait until the step in progress has returned."""
        self._stopped = True
        self._gone.set()
        self._scheduler.shutdown(wait=True)

    def _mind_the_clock(self) -> None:
        # APScheduler waits for times of the clock: were it set back by a day, nothing would be done for a day.
        ahead = _ahead()
        while not self._gone.wait(CLOCK_SECONDS):
            before, ahead = ahead, _ahead()
            if ahead < before - CLOCK_SECONDS:
                log.warning("the clock was set back", seconds=round(before - ahead))
                self._set_anew(datetime.now(UTC))

    def _set_anew(self, now: datetime) -> None:
        for job in self._scheduler.get_jobs():
            if isinstance(job.func, _Kept):
                job.func.set_anew(now)
            interval = isinstance(job.trigger, IntervalTrigger)
            at = now + job.trigger.interval if interval else job.trigger.get_next_fire_time(None, now)
            job.modify(next_run_time=at)

    def _add(self, chore: Chore) -> None:
        interval = IntervalTrigger(seconds=chore.every_seconds, timezone=UTC)
        if chore.aside:
            self._put_aside(partial(_run, chore.name, chore.run), interval)
        else:
            self._put_aside(partial(self._fall_due, chore), interval)

    def _agree(self, appointment: Appointment) -> None:
        trigger = CronTrigger.from_crontab(appointment.cron, timezone=UTC)
        self._put_aside(_Kept(appointment, trigger), trigger)

    def _put_aside(self, what: Callable[[], object], trigger: BaseTrigger) -> None:
        self._scheduler.add_job(what, trigger, executor=ASIDE, max_instances=1, coalesce=True, misfire_grace_time=None)

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
        _run(chore.name, chore.run)
        return True


class _Kept:
    """An appointment with the last of its times: APScheduler does not tell a job for which one it is called."""

    def __init__(self, appointment: Appointment, trigger: CronTrigger) -> None:
        self._appointment = appointment
        self._trigger = trigger
        self._at: datetime | None = trigger.get_next_fire_time(None, datetime.now(UTC))

    def set_anew(self, now: datetime) -> None:
        """What it waited for is further away than the next of its times, now that it is `now`."""
        self._at = self._trigger.get_next_fire_time(None, now)

    def __call__(self) -> None:
        """Run it for the last of its times that has come; called once more before the next one, for the same."""
        if self._at is not None:
            self._at = last_come(self._trigger, self._at, datetime.now(UTC))
            _run(self._appointment.name, partial(self._appointment.run, self._at))


def _ahead() -> float:
    """Seconds by which the clock is ahead of one that nobody can set."""
    return time.time() - time.monotonic()


def last_come(trigger: BaseTrigger, since: datetime, now: datetime) -> datetime:
    """The last time of `trigger` up to `now`, of those from `since`, its first one, on."""
    at = since
    while (after := trigger.get_next_fire_time(at, now)) is not None and at < after <= now:
        at = after
    return at


def _run(name: str, what: Callable[[], object]) -> None:
    try:
        what()
    except SealdError as error:
        log.warning("chore_failed", chore=name, code=error.code, error=error.message)
    except Exception:
        log.exception("chore_broke", chore=name)
