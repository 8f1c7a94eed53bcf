"""Whether the disk has room for a step's work: none is begun that would be thrown away at its end."""

from __future__ import annotations

import shutil
from pathlib import Path

from seald.errors import InsufficientStorage

LEAST_BYTES = 16 * 2**20
"""A step that finds less waits. What is short of this takes documents in, and moves pointers, as long as it can."""


def require_room(folder: Path) -> None:
    """Raise InsufficientStorage where the disk of an existing folder has less than `LEAST_BYTES` free."""
    free = shutil.disk_usage(folder).free
    if free < LEAST_BYTES:
        raise InsufficientStorage(f"the disk has {free // 2**20} MiB free, and work needs {LEAST_BYTES // 2**20}")
