"""Who asks for a change: told to the audit without being handed through every call."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """A key's id, `local` for whoever reaches an open loopback port, `offline` for who writes into the data folder
    itself, or `daemon` for what happens by itself."""

    name: str = "daemon"
    request_id: str | None = None


acting: ContextVar[Actor] = ContextVar("acting", default=Actor())  # noqa: B039, it is frozen
"""Whoever acts now. The API sets it for each request; threads of the pipeline act as the daemon."""
