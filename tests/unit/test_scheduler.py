from __future__ import annotations

import threading

from seald.scheduler import Chore, Scheduler


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
