"""How a collection stands with watching: watched, paused, or not watched, and how often it may still be rolled back.

Nothing of it is kept: it follows from what was found and from the moves of the live pointer, so that no restart forgets
a pause, and no kill between a rollback and its report gives another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from seald.config import Watch
from seald.domain.watch import LiveMove
from seald.ports import WatchStore


def rollbacks_left(moves: Sequence[LiveMove], now: datetime, settings: Watch) -> int:
    """How often watching may still roll back now. A person's rollback begins the count anew, a promotion does not: what
    is learned again and goes wrong again must come to an end."""
    since = now - timedelta(hours=settings.within_hours)
    since = max([since, *(move.at for move in moves if move.kind == "rollback")])
    return settings.max_rollbacks - sum(move.kind == "watch" and move.at > since for move in moves)


def is_paused(paused: datetime | None, moves: Sequence[LiveMove]) -> bool:
    """Whether nothing has moved since watching last paused: a person's rollback or a promotion ends a pause."""
    return paused is not None and not any(move.at > paused for move in moves)


def standing(watches: WatchStore, collection: str, settings: Watch) -> dict[str, Any]:
    """`{state: "watching" | "paused" | "off", last, outcome, reason}`; `last` in Unix seconds, None: there was none."""
    last = watches.last(collection)
    state = "watching" if settings.every_minutes else "off"
    paused = watches.last_pause(collection) if settings.every_minutes else None
    if paused is not None and is_paused(paused, watches.moves(collection)):
        state = "paused"
    if last is None:
        return {"state": state, "last": None, "outcome": None, "reason": None}
    return {"state": state, "last": int(last.at.timestamp()), "outcome": last.outcome, "reason": last.reason}
