"""What a retraining is to learn from, as it lies in files: passages with questions, or tasks with tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seald.cli.task_files import EXAMPLES, is_task, read_json, read_tasks


def read_contexts(file: Path, *, first: int | None) -> list[dict[str, Any]]:
    """The first contexts of a file (None: all) as the API takes them, without what it does not take.

    The file: passages as `seald bench acquire` takes them; a list of tasks, `[{title, examples, test}]`; or tasks by
    their ids, as ARC's challenges are, with the outputs of their tests.

    Raises:
        Refused: it cannot be read as JSON, or holds no task. InvalidRequest: it does not fit as passages.
    """
    content = read_json(file)
    if isinstance(content, dict):
        return [_context(task) for task in read_tasks(file, only=(), name=None, collection=None)[:first]]
    if isinstance(content, list) and content and is_task(content[0]):
        return [_context(task) for task in content[:first]]
    from seald.bench.passages import read_passages

    return [passage.model_dump(mode="json") for passage in read_passages(file, first=first)]


def _context(task: Any) -> Any:
    """What is no task is sent as it is: the daemon says what is wrong with it."""
    if not is_task(task):
        return task
    named = next(key for key in EXAMPLES if isinstance(task.get(key), list))
    kept = {key: task[key] for key in ("test", "edits") if key in task}
    return {"title": task.get("title", task.get("name")), "examples": task[named], **kept}
