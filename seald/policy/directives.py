"""What a self-edit asks of the trainer: read from its lines, or drawn, and kept within the configured bounds."""

from __future__ import annotations

import math
import random
import re
from typing import Any

from seald.config import DirectiveBounds
from seald.domain.self_edit import Directives

DIRECTIVE = re.compile(r"^\s*(learning_rate|epochs|loss_scope)\s*[:=]\s*(\S+)\s*$", re.MULTILINE)

EXPLORED_EPOCHS = (2, 6)
EXPLORED_RATES = 4.0
"""The highest rate that is drawn over the lowest: far below the highest nothing is learned, whatever the words."""
LEAST_RATE = 1e-8
"""Where the bound is 0, which has no logarithm."""


def take_directives(reply: str, bounds: DirectiveBounds) -> tuple[Directives, str]:
    """The directives of `reply`, clamped, and the reply without them. What cannot be read is ignored."""
    asked: dict[str, Any] = {}
    for name, value in DIRECTIVE.findall(reply):
        bounded = _bounded(name, value, bounds)
        if bounded is not None:
            asked[name] = bounded
    return Directives(**asked), DIRECTIVE.sub("", reply).strip()


def head_of(reply: str) -> str:
    """The directives of a reply as they stand in it, one a line."""
    return "\n".join(match.group().strip() for match in DIRECTIVE.finditer(reply))


def drawn(bounds: DirectiveBounds, draw: random.Random) -> str:
    """Directives at random, one a line as `take_directives` reads them: each with probability 1/2, at least one.

    Learning rates are log-uniform over the upper part of their bounds, epochs uniform, within the bounds; a loss scope
    is drawn where there is a choice.
    """
    low, high = (min(max(n, bounds.epochs[0]), bounds.epochs[1]) for n in EXPLORED_EPOCHS)
    slowest, fastest = (max(rate, LEAST_RATE) for rate in bounds.learning_rate)
    slow, fast = math.log(max(slowest, fastest / EXPLORED_RATES)), math.log(fastest)
    lines = [f"learning_rate: {math.exp(draw.uniform(slow, fast)):.2g}", f"epochs: {draw.randint(low, high)}"]
    if len(set(bounds.loss_scope)) > 1:
        lines.append(f"loss_scope: {draw.choice(bounds.loss_scope)}")
    return "\n".join([line for line in lines if draw.random() < 0.5] or [draw.choice(lines)])


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
