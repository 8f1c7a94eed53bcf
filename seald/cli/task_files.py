"""Tasks and inputs as they lie in files: in our JSON, or in ARC's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from seald.cli.client import Refused

EXAMPLES = ("train", "examples")
"""A task has one of these: ARC's word, or ours."""
Task = dict[str, Any]


def read_tasks(file: Path, *, only: Sequence[str], name: str | None, collection: str | None) -> list[Task]:
    """The bodies to send, of a file that is one task, or that holds several by their ids, as ARC's challenges do.

    Raises Refused: it cannot be read, holds no task, or none of an id that `only` names.
    """
    content = read_json(file)
    several = not is_task(content)
    if not several and only:
        raise typer.BadParameter("the file is one task by itself", param_hint="--only")
    found = _challenges(file, content) if several else {str(content.get("name", file.stem.lower())): content}
    if missing := [id for id in only if id not in found]:
        raise Refused(f"{file} holds no task {missing[0]!r}", code="not_found")
    chosen = {id: task for id, task in found.items() if not only or id in only}
    if name is not None and len(chosen) > 1:
        raise typer.BadParameter(f"the file holds {len(chosen)} tasks: pick one with --only", param_hint="--name")
    more = {} if collection is None else {"collection": collection}
    return [{**task, **more, "name": name or (id.lower() if several else id)} for id, task in chosen.items()]


def read_inputs(text: str | None, file: Path | None, kind: str) -> list[Any] | None:
    """The inputs that a person names; None: those of the task's own test. A file holds one input or a list of them.

    Raises Refused: a grid that is no JSON, or a file that cannot be read.
    """
    if text is not None and file is not None:
        raise typer.BadParameter("give --input or --file, not both", param_hint="--file")
    if text is not None:
        return [text if kind == "text" else _parsed(text, "--input")]
    if file is None:
        return None
    if kind == "text" and file.suffix.lower() != ".json":
        return [_read(file)]
    found = read_json(file)
    return [found] if kind == "grid" and _is_grid(found) else found if isinstance(found, list) else [found]


def _challenges(file: Path, content: Any) -> dict[str, Task]:
    if not isinstance(content, dict) or not content or not all(map(is_task, content.values())):
        raise Refused(
            f"{file} is no task: seald reads {{name, examples, test}}, ARC's {{train, test}}, or several by their ids",
            code="no_task",
        )
    return content


def is_task(content: Any) -> bool:
    """Whether it has the examples of a task, by one of their names."""
    return isinstance(content, dict) and any(isinstance(content.get(key), list) for key in EXAMPLES)


def _is_grid(content: Any) -> bool:
    rows = content if isinstance(content, list) else []
    return bool(rows) and isinstance(rows[0], list) and not any(isinstance(cell, list) for cell in rows[0])


def read_json(file: Path) -> Any:
    """Raises Refused: it is no JSON, or cannot be read."""
    return _parsed(_read(file), str(file))


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused(f"{where} is not valid JSON: {error}", code="malformed_json") from None


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Refused(f"{file} is no text in UTF-8", code="unreadable_file") from None
