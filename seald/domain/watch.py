"""One look at a live version after its promotion, and the moves of a live pointer."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

WatchOutcome = Literal["baseline", "kept", "regression"]
WatchAction = Literal["none", "rollback", "paused"]
MoveKind = Literal["promotion", "rollback", "watch", "forget"]
"""Who moved a live pointer: a promotion, a person, watching, or that a document was taken back."""


class Watch(BaseModel):
    """What was found of a live version, and what was done about it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seq: int = 0
    """Grows by time within one store, which gives it."""
    collection: str
    version: int
    outcome: WatchOutcome
    action: WatchAction
    reason: str
    figures: dict[str, Any]
    """Every number that the outcome was computed from."""
    probes: dict[str, int] = {}
    """Of a baseline: probe id → 0 wrong, 1 right, 2 right and what greedy decoding says. Nobody's words."""
    at: datetime


class LiveMove(BaseModel):
    """A move of a collection's live pointer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: MoveKind
    to: int | None
    """None: the base model."""
    at: datetime
