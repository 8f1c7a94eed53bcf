"""One figure for whoever watches over the daemon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sample:
    """`name` is a family of `api/families.py`, which says what it means and which labels it has."""

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
