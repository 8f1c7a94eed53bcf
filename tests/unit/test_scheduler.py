from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta, tzinfo

import pytest
from apscheduler.triggers.cron import CronTrigger

from seald import scheduler as schedulers
from seald.errors import StoreError
from seald.scheduler import ASIDE, Appointment, Chore, Scheduler, last_come

FIRST = datetime(2026, 1, 2, 3, 0, tzinfo=UTC)


def test_chores_come_between_two_steps_and_short_ones_meanwhile() -> None:
    """A step that goes on and on keeps no chore waiting, and the runner's thread does not do two things at once."""
    threads: dict[str, set[str]] = {"step": set(), "chore": set(), "aside": set()}
    done = {name: threading.Event() for name in threads}

    def work(name: str) -> bool:
        threads[name].add(threading.current_thread().name)
        done[name].set()
        # More steps are waiting than will ever be taken; the first lasts until the short chore was done beside it.
        return name != "step" or done["aside"].wait(10)

    chores = [Chore("chore", 0.05, lambda: work("chore")), Chore("aside", 0.05, lambda: work("aside"), aside=True)]
    scheduler = Scheduler(lambda: work("step"), chores)
    scheduler.start()
    scheduler.wake()
    assert all(event.wait(10) for event in done.values())
    scheduler.stop()
    assert threads["step"] == threads["chore"]
    assert not threads["step"] & threads["aside"]


def test_a_chore_that_breaks_is_done_again() -> None:
    calls, twice = [], threading.Event()

    def breaks() -> None:
        calls.append(1)
        if len(calls) > 1:
            twice.set()
        raise RuntimeError("no")

    scheduler = Scheduler(lambda: False, [Chore("breaks", 0.05, breaks)])
    scheduler.start()
    assert twice.wait(10)
    scheduler.stop()


def test_an_appointment_is_kept_for_the_time_that_was_set() -> None:
    """Whatever the clock says when it is called: what it does is keyed by that time."""
    kept: list[datetime] = []
    began = datetime.now(UTC)
    # Not started: it would be called by itself within a minute.
    scheduler = Scheduler(lambda: False, appointments=[Appointment("retrain", "* * * * *", kept.append)])
    # The first job looks for work.
    _, job = scheduler._scheduler.get_jobs()
    assert job.trigger.get_next_fire_time(None, FIRST) == FIRST
    assert job.trigger.get_next_fire_time(FIRST, FIRST) == FIRST + timedelta(minutes=1)
    assert (job.executor, job.coalesce, job.misfire_grace_time, job.max_instances) == (ASIDE, True, None, 1)
    job.func()
    job.func()
    assert kept[0] == kept[1]
    assert timedelta(0) <= kept[0] - began <= timedelta(minutes=1)
    assert (kept[0].utcoffset(), kept[0].second, kept[0].microsecond) == (timedelta(0), 0, 0)


def test_an_appointment_that_fails_is_kept_again() -> None:
    calls = []

    def fails(at: datetime) -> None:
        calls.append(at)
        raise StoreError("the disk is full") if len(calls) == 1 else RuntimeError("no")

    scheduler = Scheduler(lambda: False, appointments=[Appointment("retrain", "0 3 * * sun", fails)])
    scheduler.start()
    _, job = scheduler._scheduler.get_jobs()
    job.func()
    job.func()
    assert (len(calls), calls[0].weekday(), calls[0].hour) == (2, 6, 3)
    scheduler.stop()


def test_a_clock_that_is_set_back_by_a_day_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """APScheduler would go on a day later. What it does is seen with real waiting; only the clock is ours."""
    ahead = [timedelta(0)]
    real = time.time

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.now(tz) + ahead[0]

    monkeypatch.setattr("apscheduler.schedulers.base.datetime", Clock)
    monkeypatch.setattr(schedulers, "datetime", Clock)
    monkeypatch.setattr(schedulers.time, "time", lambda: real() + ahead[0].total_seconds())
    monkeypatch.setattr(schedulers, "CLOCK_SECONDS", 0.2)
    done, kept = threading.Event(), []
    chores = [Chore("chore", 0.2, done.set, aside=True)]
    scheduler = Scheduler(lambda: False, chores, [Appointment("retrain", "0 3 * * *", kept.append)])
    scheduler.start()
    *_, appointment = scheduler._scheduler.get_jobs()
    at = appointment.next_run_time
    ahead[0] = -timedelta(days=1)
    time.sleep(0.5)
    done.clear()
    assert done.wait(5)
    assert scheduler._scheduler.get_job(appointment.id).next_run_time == at - timedelta(days=1)
    appointment.func()
    assert kept == [at - timedelta(days=1)]
    scheduler.stop()


@pytest.mark.parametrize("day", ["2026-03-28", "2026-10-24"], ids=["an hour is lost", "an hour comes twice"])
def test_appointments_know_no_summer_time(monkeypatch: pytest.MonkeyPatch, day: str) -> None:
    """Neither hour of the night in which the clocks are changed brings one twice or not at all."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        scheduler = Scheduler(lambda: False, appointments=[Appointment("retrain", "30 0,1 * * *", lambda _: None)])
        _, job = scheduler._scheduler.get_jobs()
        since = datetime.fromisoformat(f"{day}T12:00:00+00:00")
        first = job.trigger.get_next_fire_time(None, since)
        times = [first]
        for _ in range(3):
            times.append(job.trigger.get_next_fire_time(times[-1], times[-1]))
        hours = [round((at - since).total_seconds() / 3600, 2) for at in times]
        assert hours == [12.5, 13.5, 36.5, 37.5]
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("late", "last"),
    [
        (timedelta(seconds=-1), FIRST),
        (timedelta(0), FIRST),
        (timedelta(hours=23, minutes=59), FIRST),
        (timedelta(days=1), FIRST + timedelta(days=1)),
        (timedelta(days=3, hours=2), FIRST + timedelta(days=3)),
    ],
)
def test_of_the_times_that_went_by_it_is_the_last(late: timedelta, last: datetime) -> None:
    assert last_come(CronTrigger.from_crontab("0 3 * * *", timezone=UTC), FIRST, FIRST + late) == last


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_it_is_alive_until_it_is_stopped_or_its_thread_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped, broken = Scheduler(lambda: False), Scheduler(lambda: False)
    assert not stopped.alive()
    for scheduler in (stopped, broken):
        scheduler.start()
        assert scheduler.alive()
    stopped.stop()
    assert not stopped.alive()

    def end() -> None:
        raise RuntimeError("a bug of the library")

    monkeypatch.setattr(broken._scheduler, "_process_jobs", end)
    broken.wake()
    broken._scheduler._thread.join(10)
    assert not broken.alive()
    broken.stop()
