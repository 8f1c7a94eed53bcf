"""Limits on what a document may be."""

from __future__ import annotations

from pydantic import Field

from seald.config.section import Section


class Ingest(Section):
    """Limits on what a document may be."""

    max_bytes: int = Field(16 * 1024 * 1024, ge=1)
    max_characters: int = Field(400_000, ge=1)
    parse_seconds: float = Field(30.0, gt=0)
    parse_memory_mb: int = Field(1024, ge=128)
    passage_tokens: int = Field(256, ge=32)
    max_probes: int = Field(64, ge=0)
    """That a client may send with a document."""
    made_probes: int = Field(16, ge=0, le=256)
    """Made by the daemon from a document, however long it is; a third of them is kept from the guards."""
    scrub: bool = False
    """Replace e-mail addresses, phone, card and account numbers and IP addresses before anything is stored."""
    phone_region: str | None = Field(None, pattern=r"^[A-Z]{2}$")
    """A country (`DE`) whose phone numbers are scrubbed without their `+49`, too."""
