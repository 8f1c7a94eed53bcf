"""What an adaptation has found out about learning its task, in words."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from seald.domain.task import Marks, Practice

FIGURES = "task"
"""Key among an adaptation's figures: what it has found out, as Practice."""


def practice_of(figures: dict[str, Any]) -> Practice | None:
    """Of an adaptation's figures; None: it learns no task, has not begun, or is of another release."""
    try:
        return Practice.model_validate(figures.get(FIGURES))
    except ValidationError:
        return None


def practised(figures: dict[str, Any]) -> list[str]:
    """How the configuration that has done best so far compares with the examples in the prompt: a sentence at most."""
    practice = practice_of(figures)
    tried = [] if practice is None else [each for each in practice.tried if each.marks]
    if practice is None or not practice.ways:
        return []
    best, asking = practice.best
    said = f"Of {len(practice.tried)} configurations {len(tried)} were tried on examples left out"
    broken = sum(each.failure is not None for each in practice.tried)
    said += f", {broken} could not be trained" if broken else ""
    said += f"; the best, by the {best.by}, has {_right((best.marks or {})[asking])} right"
    if practice.in_context is not None:
        said += f", the base with the others in its prompt {_right(practice.in_context)}"
    return [f"{said}."]


def _right(marks: Marks) -> str:
    return f"{sum(marks.correct)} of {len(marks.correct)}"
