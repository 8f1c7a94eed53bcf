"""The result of one guard's check of one candidate."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

GuardName = Literal[
    "integrity", "acquisition", "retention", "general", "refusals", "health", "drift", "triggers", "in_context"
]
Outcome = Literal["pass", "fail", "inconclusive"]


class Verdict(BaseModel):
    """`figures` holds every number that the outcome was computed from; `reason` says it in a sentence."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    guard: GuardName
    verdict: Outcome
    figures: dict[str, Any]
    reason: str
