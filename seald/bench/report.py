"""What every bench hands over: named numbers, with how and where they were measured."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table
from rich.text import Text

from seald.bench.intervals import Interval
from seald.bench.machine import describe

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def arm_name(arm: str) -> str:
    """An arm inside a figure's name: `seal-v1` is `seal_v1`."""
    return re.sub(r"[^a-z0-9]+", "_", arm.lower()).strip("_")


@dataclass
class Figures:
    """The result of one bench. Each figure has one name and is a finite number."""

    bench: str
    settings: dict[str, Any] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=describe)
    figures: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        """Take up one figure.

        Raises:
            ValueError: the name is taken or not of the form a_b1, or the number is not finite.
        """
        if not _NAME.fullmatch(name) or name in self.figures:
            raise ValueError(f"{name!r} is taken, or no name of a figure")
        if not math.isfinite(value):
            raise ValueError(f"{name} is {value}")
        self.figures[name] = value

    def add_interval(self, name: str, interval: Interval) -> None:
        """Take up `name`, `name_low` and `name_high`; raises as `add`."""
        self.add(name, interval.value)
        self.add(f"{name}_low", interval.low)
        self.add(f"{name}_high", interval.high)

    def interval(self, name: str) -> Interval:
        """The figure `name` with its bounds; raises KeyError if it has none."""
        return Interval(self.figures[name], self.figures[f"{name}_low"], self.figures[f"{name}_high"])

    def as_object(self) -> dict[str, Any]:
        """The object that `--json` prints. Numbers are rounded to what is worth reading."""
        rounded = {name: _rounded(value) for name, value in self.figures.items()}
        return {"bench": self.bench, "figures": rounded, "settings": self.settings, "machine": self.machine}

    def as_table(self) -> Table:
        """One row a figure, bounds in its row; settings and machine below."""
        table = Table(title=f"seald bench {self.bench}", title_justify="left", caption_justify="left")
        table.add_column("figure")
        table.add_column("value", justify="right")
        table.add_column("95% interval")
        for name, value in self.figures.items():
            if not self._is_bound(name):
                table.add_row(name, f"{_rounded(value):g}", self._between(name))
        known = {key: value for key, value in (self.settings | self.machine).items() if value not in (None, [])}
        table.caption = Text("; ".join(f"{key} {value}" for key, value in known.items()))
        return table

    def _is_bound(self, name: str) -> bool:
        figure, _, bound = name.rpartition("_")
        return bound in ("low", "high") and {f"{figure}_low", f"{figure}_high", figure} <= self.figures.keys()

    def _between(self, name: str) -> str:
        if f"{name}_low" not in self.figures or f"{name}_high" not in self.figures:
            return ""
        return f"{_rounded(self.figures[f'{name}_low']):g} to {_rounded(self.figures[f'{name}_high']):g}"


def _rounded(value: float) -> float:
    """Four digits after the point, or four in all for small numbers; whole numbers stay whole."""
    if isinstance(value, int) or value == 0:
        return value
    return round(value, max(4, 3 - math.floor(math.log10(abs(value)))))
