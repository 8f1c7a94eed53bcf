"""What a self-edit asks of the trainer: read from its first lines, kept within the configured bounds."""

from __future__ import annotations

import re
from typing import Any

from seald.config import DirectiveBounds
from seald.domain.self_edit import Directives

DIRECTIVE = re.compile(r"^\s*(learning_rate|epochs|loss_scope)\s*[:=]\s*(\S+)\s*$", re.MULTILINE)


def take_directives(reply: str, bounds: DirectiveBounds) -> tuple[Directives, str]:
    """The directives of `reply`, clamped, and the reply without them. What cannot be read is ignored."""
    asked: dict[str, Any] = {}
    for name, value in DIRECTIVE.findall(reply):
        bounded = _bounded(name, value, bounds)
        if bounded is not None:
            asked[name] = bounded
    return Directives(**asked), DIRECTIVE.sub("", reply).strip()


def _bounded(name: str, value: str, bounds: DirectiveBounds) -> float | int | str | None:
    if name == "loss_scope":
        return value if value in bounds.loss_scope else None
    try:
        number = float(value)
    except ValueError:
        return None
    if number != number:  # NaN passes every comparison of a clamp
        return None
    if name == "epochs":
        return int(min(max(number, bounds.epochs[0]), bounds.epochs[1]))
    return min(max(number, bounds.learning_rate[0]), bounds.learning_rate[1])
