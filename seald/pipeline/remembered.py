"""What can be computed again but takes long: kept in a file of the cache folder, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")


def remembered(file: Path, shape: TypeAdapter[T], compute: Callable[[], T]) -> T:
    """Read `file` as `shape`; where it is missing or does not fit, compute the value and write it."""
    try:
        return shape.validate_json(file.read_bytes())
    except (OSError, ValidationError):
        value = compute()
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".tmp")
    draft.write_bytes(shape.dump_json(value))
    draft.replace(file)
    return value
