"""Whether the disk has room for a step's work: none is begun that would be thrown away at its end."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from seald.errors import InsufficientStorage

LEAST_BYTES = 16 * 2**20
"""A step that finds less waits. What is short of this takes documents in, and moves pointers, as long as it can."""
TIMES_THE_WEIGHTS = 7
"""A training writes the weights, and a checkpoint of them with AdamW's two moments, which is there twice while it
replaces the one before."""


def require_room(data_dir: Path) -> None:
    """Raise InsufficientStorage where the disk of an existing data folder has less than `LEAST_BYTES` free, or less
    than a training needs by the largest adapter that is there."""
    free = shutil.disk_usage(data_dir).free
    needed = max(LEAST_BYTES, TIMES_THE_WEIGHTS * max(_weights(data_dir), default=0))
    if free < needed:
        raise InsufficientStorage(f"the disk has {free // 2**20} MiB free, and work needs {needed // 2**20}")


def _weights(data_dir: Path) -> Iterator[int]:
    for file in (data_dir / "adapters").rglob("*.safetensors"):
        with suppress(OSError):  # others come and go
            yield file.stat().st_size
