"""The system's clock."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """Fulfils the port `Clock`."""

    def now(self) -> datetime:
        """The present, in UTC."""
        return datetime.now(UTC)
