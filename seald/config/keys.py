"""What keys may ask for in a time that were given no limits of their own."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from seald.config.section import Section

MOST = 1_000_000
Limit = Annotated[int, Field(ge=1, le=MOST)]


class Keys(Section):
    """Limits that a new key has unless it is given others; left out: none."""

    requests_per_minute: Limit | None = None
    concurrency: Limit | None = None
    """Requests of one key at once."""
