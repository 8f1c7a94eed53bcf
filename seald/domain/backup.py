"""Backups: what the list in such a folder says is in it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

BACKUP = "backup.json"
"""The list's own name. It is written last: a folder without it is no backup."""


class HeldFile(BaseModel):
    """One file of a backup."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str
    bytes: int


class Backup(BaseModel):
    """The database of one moment, and the files of every version that it names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    seald: str
    """Version of seald that wrote it."""
    database: Literal["sqlite", "postgresql"]
    revision: str
    """Of the database's schema."""
    created: datetime
    files: dict[str, HeldFile]
    """Path below the folder → what lies there; all files but the list itself."""
    left_out: dict[str, str] = {}
    """Version → what was wrong with its files, where they were damaged already."""

    @property
    def bytes(self) -> int:
        """Of all files together."""
        return sum(file.bytes for file in self.files.values())
