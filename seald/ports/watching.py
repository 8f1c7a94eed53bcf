"""What clients say of answers, and what watching found, as they are kept."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Protocol

from seald.domain.feedback import Answer, Feedback, Rating, Ratings
from seald.domain.watch import LiveMove, Watch
from seald.ports.documents import Page


class Answers(Protocol):
    """Which version answered a request, for as long as it can be rated."""

    def note(self, request: str, model: str, label: str) -> None:
        """Remember it, in memory for now: the way of a chat waits for no disk. Of one id the latest to whoever asks
        counts: clients choose ids, and others may choose the same."""
        ...

    def find(self, request: str) -> Answer:
        """That of whoever asks, else the latest to anybody. Raises NotFound (code `unknown_request`)."""
        ...

    def flush(self) -> None:
        """Write down what was noted, in one transaction. Raises StoreError; what was noted is then kept."""
        ...

    def prune(self, keep: timedelta, most: int) -> int:
        """Forget answers older than `keep`, and all but the latest `most`; how many went."""
        ...


class FeedbackStore(Protocol):
    """Ratings, one an answer."""

    def rate(self, answer: Answer, rating: Rating, comment: str | None) -> tuple[Feedback, bool]:
        """Store a rating of an answer, or replace it with its comment; is it the first?"""
        ...

    def of_collection(self, collection: str) -> dict[int | None, Ratings]:
        """Version (None: the base) → its ratings; versions without one are left out."""
        ...

    def page(
        self,
        *,
        collection: str | None,
        after: int,
        limit: int,
        within: Collection[str] | None = None,
        asker: str | None = None,
    ) -> Page[tuple[int, Feedback]]:
        """Each with its number, oldest first, those with a number above `after`; of one `asker`'s answers alone."""
        ...


class WatchStore(Protocol):
    """What watching found, and what it looks back on."""

    def add(self, watch: Watch) -> Watch:
        """Store it, giving it its number."""
        ...

    def baseline(self, collection: str, version: int) -> Watch | None:
        """The watch that the version's later ones are compared with."""
        ...

    def last(self, collection: str, version: int | None = None) -> Watch | None:
        """The latest, of this version or of any; without its probes."""
        ...

    def last_pause(self, collection: str) -> datetime | None:
        """When watching last paused, whether it still does or not."""
        ...

    def page(self, collection: str, *, after: int, limit: int) -> Page[Watch]:
        """Oldest first, those with a number above `after`; without their probes."""
        ...

    def moves(self, collection: str) -> list[LiveMove]:
        """Every move of the live pointer, oldest first."""
        ...
