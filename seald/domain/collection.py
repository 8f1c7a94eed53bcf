"""A collection's own settings: who approves, what its guards ask, which policy writes, how far sources are trusted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from seald.config import Guards

Approval = Literal["auto", "manual"]
Trust = Literal["auto", "review", "quarantine"]
"""What becomes of a document by its source: learned; learned, but a person looks before it is live; held before
anything is written about it."""
MOST_PATTERNS = 200
LONGEST_PATTERN = 500


class CollectionSettings(BaseModel):
    """What a collection has otherwise than the daemon's configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    approval: Approval = "auto"
    """`manual`: a candidate that passed its guards waits for a person, a compaction's too."""
    guards: dict[str, Any] = {}
    """Some of the keys of `[guards]`, as in the file: `{"retention": {"mode": "warn"}}`."""
    policy: str | None = None
    """A policy of `policies/`; None is the configured one."""
    trust: dict[str, Trust] = Field({}, max_length=MOST_PATTERNS)
    """Patterns of sources (`mail/*`, as in a shell, case counts) with their level. The first that matches decides."""
    scrub: bool = False
    """Whether personal data is taken out before anything is written."""
    teaches_policy: bool = True
    """Whether the policy that writes self-edits, for all collections, may learn from this one's documents."""

    @field_validator("guards")
    @classmethod
    def _fit(cls, guards: dict[str, Any]) -> dict[str, Any]:
        overlaid(Guards(), guards)
        return guards

    @field_validator("trust")
    @classmethod
    def _are_patterns(cls, trust: dict[str, Trust]) -> dict[str, Trust]:
        if not all(1 <= len(pattern) <= LONGEST_PATTERN for pattern in trust):
            raise ValueError(f"a pattern has 1 to {LONGEST_PATTERN} characters")
        return trust

    def trust_of(self, source: str | None) -> Trust:
        """The level of the first pattern that matches `source`, `auto` when none does. No source is the empty one."""
        return next(self._levels(source), "auto")

    def vouches_for(self, source: str | None) -> bool:
        """Whether somebody has said of `source` that it is trusted: `auto` by default is not that."""
        return next(self._levels(source), None) == "auto"

    def _levels(self, source: str | None) -> Iterator[Trust]:
        return (level for pattern, level in self.trust.items() if fnmatchcase(source or "", pattern))


class Collection(BaseModel):
    """A collection as it is kept: one that holds something, has settings, or both."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    documents: int = 0
    """Those that are not forgotten."""
    settings: CollectionSettings = CollectionSettings()
    changed: datetime | None = None
    """When its settings were last replaced; None when it never had any."""


def overlaid(guards: Guards, overlay: Mapping[str, Any]) -> Guards:
    """`guards` with the keys of `overlay` in their place. Raises pydantic's ValidationError, naming the key."""
    return Guards.model_validate(_over(guards.model_dump(), overlay))


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        under = below.get(key)
        merged[key] = _over(under, value) if isinstance(under, Mapping) and isinstance(value, Mapping) else value
    return merged
