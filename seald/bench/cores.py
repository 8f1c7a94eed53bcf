"""Which cores a bench's processes run on."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

Cores = frozenset[int]


def cores() -> tuple[Cores, Cores]:
    """One core for what is measured, and the others; where there is but one, or no way to choose, all of them twice."""
    ours = frozenset(os.sched_getaffinity(0)) if sys.platform == "linux" else frozenset()
    if len(ours) < 2:
        return ours, ours
    one = frozenset({max(ours)})
    return one, ours - one


@contextmanager
def running_on(wanted: Cores) -> Iterator[None]:
    """This thread, and every process that it starts meanwhile, on these cores."""
    if sys.platform != "linux":
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, wanted)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
