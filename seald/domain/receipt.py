"""What was answered to a request that came with an Idempotency-Key."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Receipt(BaseModel):
    """`status` is None until the request was answered; `body` is None, too, where the answer is not kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fingerprint: str
    """Hash of what was asked."""
    status: int | None = None
    body: str | None = None
    running: bool = False
    """Whether somebody is at work on it. One that is neither answered nor running was broken off."""
