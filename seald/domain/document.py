"""A document as ingested, and the passages it is studied in."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from seald.errors import InvalidRequest

COLLECTION_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
"""Names of collections become folder names and parts of model ids, so they hold nothing else."""


class Passage(BaseModel):
    """A slice of a document small enough to study at once: `text == document.text[start:end]`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    index: int
    text: str
    start: int
    end: int


class Document(BaseModel):
    """Text as ingested: immutable, known by the hash of its content within its collection."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    collection: str
    title: str
    text: str
    sha256: str
    source: str | None = None
    supersedes: str | None = None
    metadata: dict[str, Any] = {}
    passages: tuple[Passage, ...] = ()
    created: datetime
    forgotten: datetime | None = None
    """When it was taken back; its text, title and passages are then empty."""


def content_hash(text: str) -> str:
    """SHA-256 (hex) of the text as UTF-8."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def document_id(collection: str, sha256: str) -> str:
    """The same content in the same collection has the same id, whoever computes it."""
    return "doc-" + hashlib.sha256(f"{collection}\n{sha256}".encode()).hexdigest()[:24]


def check_collection(name: str) -> str:
    """Return `name`, or raise InvalidRequest when it cannot name a collection."""
    if not COLLECTION_NAME.fullmatch(name):
        raise InvalidRequest(
            f"collection {name!r} must be 1 to 63 of a-z, 0-9, '-' and '_', beginning with a letter or digit",
            param="collection",
        )
    return name
