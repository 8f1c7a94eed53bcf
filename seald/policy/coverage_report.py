"""The figures of coverage: of one passage's lines, and of several passages together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seald.domain.self_edit import Line
from seald.policy.coverage import Coverage, diversity, duplicates, measure, together


@dataclass(frozen=True)
class Report:
    """Coverage by some lines, and how these resemble each other."""

    coverage: Coverage
    lines: int
    diversity: float
    duplicates: int

    def figures(self) -> dict[str, Any]:
        """`covered`, `covered_k`, `both_directions` and `diversity` are in [0, 1], the others are counts."""
        return {
            "facts": len(self.coverage.facts),
            "covered": round(self.coverage.covered, 3),
            "covered_k": round(self.coverage.covered_k, 3),
            "phrasings": self.coverage.wanted,
            "both_directions": round(self.coverage.both_directions, 3),
            "diversity": round(self.diversity, 3),
            "duplicates": self.duplicates,
        }


def report(title: str, passage: str, lines: Sequence[Line], phrasings: int) -> Report:
    """Measure the lines of one passage."""
    return Report(measure(title, passage, lines, phrasings), len(lines), diversity(lines), duplicates(lines))


def join(reports: Sequence[Report]) -> Report:
    """Several passages as one: facts and duplicates are added up, diversity is the mean over their lines."""
    lines = sum(part.lines for part in reports)
    diverse = sum(part.diversity * part.lines for part in reports) / lines if lines else 0.0
    coverage = together([part.coverage for part in reports])
    return Report(coverage, lines, diverse, sum(part.duplicates for part in reports))
