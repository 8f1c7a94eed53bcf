"""How often a key may ask, and for how much at once. Counted by the monotonic clock: a day's jump of the other one
neither frees a key nor shuts it out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pyrate_limiter import Decision, Duration, InMemoryBucket, MonotonicClock, Rate, RateItem

from seald.domain.key import Key
from seald.errors import TooManyRequests

SECONDS_OF_A_TURN = 1
"""Nobody knows when a request ends; a client that asks again after so long disturbs nobody."""


class Pace:
    """What each key has asked in the last minute (a moving window), and what is being answered. Of one event loop.

    `milliseconds` is the clock.
    """

    def __init__(self, milliseconds: Callable[[], int] = MonotonicClock().now) -> None:
        self._now = milliseconds
        self._minutes: dict[str, InMemoryBucket] = {}
        self._running: Counter[str] = Counter()

    @contextmanager
    def turn(self, key: Key) -> Iterator[None]:
        """One request of `key`, to its last byte. Raises TooManyRequests; what was refused does not count."""
        if key.concurrency is not None and self._running[key.id] >= key.concurrency:
            raise TooManyRequests(
                f"this key may have {key.concurrency} requests answered at once; wait until one has ended",
                retry_after=SECONDS_OF_A_TURN,
                code="too_many_concurrent_requests",
            )
        if key.requests_per_minute is not None:
            self._count(key, key.requests_per_minute)
        self._running[key.id] += 1
        try:
            yield
        finally:
            self._running[key.id] -= 1

    def _count(self, key: Key, most: int) -> None:
        bucket = self._minutes.setdefault(key.id, InMemoryBucket([Rate(most, Duration.MINUTE)]))
        now = self._now()
        bucket.leak(now)
        decision = bucket.put_decision(RateItem(key.id, now))
        assert isinstance(decision, Decision)
        if not decision.allowed:
            wait = max(1, math.ceil((decision.retry_after_ms or 0) / 1000))
            raise TooManyRequests(
                f"this key may send {most} requests a minute; try again in {wait} seconds", retry_after=wait
            )
