"""The path of a task: taken in here, then `task_configure`, `task_train`, `task_guard`, `promote`; and `task_solve`."""

from __future__ import annotations

import shutil
from functools import lru_cache
from pathlib import Path

from tokenizers import Tokenizer

from seald.domain.adaptation import Adaptation
from seald.domain.document import check_collection
from seald.domain.task import Task, TaskAsk
from seald.errors import InvalidRequest
from seald.pipeline.certify import left_by
from seald.pipeline.task_solve import solve
from seald.pipeline.workshop import Workshop
from seald.policy.augmenting import shown, turns
from seald.policy.targeting import TOKENS_OF_A_TURN

__all__ = ["remove", "solve", "submit"]


def submit(shop: Workshop, ask: TaskAsk) -> tuple[Task, Adaptation, bool]:
    """Store a task and queue what learns it; the flag says whether it is new.

    Raises:
        InvalidRequest: no such collection can be, or the examples do not fit into one prompt.
        Conflict: another task has its name.
    """
    check_collection(ask.collection)
    task = Task.of(ask, shop.clock.now())
    _require_room(shop, task)
    return shop.tasks.add(task)


def remove(shop: Workshop, task: Task) -> None:
    """Delete a task with its adapters: the base answers no more for it, its files are gone. A policy that learned from
    it writes no more, and its files are gone, too. Twice is once.

    Raises:
        StoreError: nothing has changed.
    """
    versions = shop.adapters.of_collection(task.lineage)
    policies = [version for version in shop.policies.all() if task.id in version.documents]
    retrainings = shop.forgetting.retrained_by(task.id)
    with shop.pointer:
        retired = shop.tasks.delete(task)
        shop.serving.route(task.lineage, None)
    for version in versions:
        if version.sha256 is not None:
            shop.serving.discard(version)
    for number in retired:
        shop.files.remove(task.lineage, number)
    for policy in policies:
        shop.policy_files.remove(policy.version)
    for folder in (folder for id in retrainings for folder in left_by(shop, id)):
        shutil.rmtree(folder, ignore_errors=True)


def _require_room(shop: Workshop, task: Task) -> None:
    most, encode = shop.settings.tasks.max_tokens, _tokenizer(shop.base.folder / "tokenizer.json")
    inputs = [pair.input for pair in task.examples] + [question.input for question in task.test]
    longest = max(inputs, key=lambda value: len(shown(value)))
    output = max((shown(pair.output) for pair in task.examples), key=len)
    tokens = sum(len(encode.encode(turn).ids) + TOKENS_OF_A_TURN for turn in (*turns(task.examples, longest), output))
    if tokens > most:
        raise InvalidRequest(
            f"all examples with one more input and output are {tokens} tokens; the limit is {most} (tasks.max_tokens): "
            "send fewer or smaller examples",
            param="examples",
        )


@lru_cache(maxsize=2)
def _tokenizer(file: Path) -> Tokenizer:
    return Tokenizer.from_file(str(file))
