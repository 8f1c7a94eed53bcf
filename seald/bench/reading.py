"""Data files of a bench: read whole, checked, and refused with file, entry and key."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from seald.errors import InvalidRequest


class Entry(BaseModel):
    """Base of what a data file holds. Keys that nothing reads are let through: the files are other people's."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


E = TypeVar("E", bound=Entry)


def read_json_list(file: Path, kind: type[E]) -> list[E]:
    """All entries of a JSON array.

    Raises:
        InvalidRequest: the file cannot be read or does not fit; names file, entry (counted from 1) and key.
    """
    try:
        return TypeAdapter(list[kind]).validate_json(_text(file))  # type: ignore[valid-type]
    except ValidationError as error:
        raise _refusal(file, error, entry=None) from None


def read_json_lines(file: Path, kind: type[E]) -> list[E]:
    """All entries of a file with one JSON object a line; empty lines are passed over.

    Raises:
        InvalidRequest: as of `read_json_list`; the entry is the number of the line.
    """
    return [_line(file, number, line, kind) for number, line in enumerate(_text(file).split("\n"), 1) if line.strip()]


def first_of(entries: Sequence[E], count: int | None, file: Path) -> list[E]:
    """The first `count` entries, or all for None.

    Raises:
        InvalidRequest: the file has fewer, or none at all: figures over another number would mislead.
    """
    wanted = len(entries) if count is None else count
    if not 1 <= wanted <= len(entries):
        raise InvalidRequest(f"{file} has {len(entries)} entries, {wanted} are asked for", param="first")
    return list(entries[:wanted])


def _line(file: Path, number: int, line: str, kind: type[E]) -> E:
    try:
        return kind.model_validate_json(line)
    except ValidationError as error:
        raise _refusal(file, error, entry=number) from None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{file} cannot be read: {error}") from None


def _refusal(file: Path, error: ValidationError, *, entry: int | None) -> InvalidRequest:
    first = error.errors()[0]
    place = list(first["loc"])
    if entry is None and place and isinstance(place[0], int):
        entry = place.pop(0) + 1  # type: ignore[operator]
    key = ".".join(str(part) for part in place)
    where = [str(file), *([f"entry {entry}"] if entry else []), *([key] if key else [])]
    return InvalidRequest(f"{', '.join(where)}: {first['msg']}", param=key or None)
