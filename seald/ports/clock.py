"""Time."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Time, so that tests can hold it."""

    def now(self) -> datetime:
        """The present, in UTC."""
        ...
