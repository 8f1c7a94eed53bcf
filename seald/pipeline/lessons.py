"""Which passages, or tasks, a retraining learns from, and which are held out for its tournament.

Passages of one document, or under one title, stay on one side: what the policy learns from the one it would else meet
again in the other. They stay there from run to run: what a policy, or one that it came from, has learned from is never
held out.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from seald.config.retraining import Subject
from seald.domain.retraining import LEAST_TESTS, Context, Lesson, Retraining
from seald.domain.task import Task, known_tests
from seald.errors import ConfigError, InvalidRequest
from seald.pipeline.workshop import Workshop
from seald.policy.instructions import subject_of, told

KEY = "policy.retrain.file"
_CONTEXTS = TypeAdapter(tuple[Context, ...])
LEAST = 2
"""Contexts on each side without which nothing can be said."""
PAGE = 100
LEAST_WORDS = 20
"""A shorter passage gives no choice of self-edits."""


def choose(shop: Workshop, run: Retraining, policies: Iterable[int | None]) -> list[Lesson]:
    """The lessons of a run that goes by these policies, those that are learned from first. The same run chooses the
    same.

    Raises:
        InvalidRequest: code `too_few_contexts`.
    """
    given = run.spec.given or stored(shop, run.subject)
    found = list({context.id: context for context in _plain(given)}.values())
    known = _learned_from(shop, policies)
    held_out, taught = _divided(found, shop.settings.policy.retrain.tournament.contexts, run, known)
    if min(len(held_out), len(taught)) < LEAST:
        raise InvalidRequest(
            f"{_counted(run.subject, found)} are too few: the policy learns from some and is judged on others that it "
            f"never learned from, {LEAST} at least of each, never on two passages of one document",
            code="too_few_contexts",
        )
    placed = [(context, False) for context in taught] + [(context, True) for context in held_out]
    return [
        Lesson(retraining_id=run.id, place=place, context=context, held_out=held)
        for place, (context, held) in enumerate(placed)
    ]


def read_contexts(file: Path) -> tuple[Context, ...]:
    """Contexts of a JSON file: `[{title, context, questions: [{question, answer}], edits?: {writer: [text]}}]`, or of
    tasks `[{title, examples: [{input, output}], test: [{input, output}], edits?}]`.

    Raises:
        ConfigError: it cannot be read as such; the message says where.
    """
    try:
        return _CONTEXTS.validate_json(file.read_bytes())
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror or error}", param=KEY) from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{file}: {where}: {first['msg']}", param=KEY) from None


def spread(contexts: Iterable[Context], count: int, seed: str) -> tuple[Context, ...]:
    """So many of a file at most, drawn by `seed`, one under each title first: those under one title stay on one side
    of the tournament, and a round over a whole file would take days."""
    pool = list(contexts)
    shuffled = random.Random(seed).sample(pool, len(pool))
    first = {context.title: context for context in reversed(shuffled)}
    rest = [context for context in shuffled if first[context.title] is not context]
    return (*first.values(), *rest)[:count]


def stored(shop: Workshop, subject: Subject = "passage") -> Iterable[Context]:
    """Passages of the documents that live versions know, or tasks with enough tests that are known, of collections that
    let the policy learn from them."""
    return _stored_tasks(shop) if subject == "task" else _stored_passages(shop)


def _stored_tasks(shop: Workshop) -> Iterable[Context]:
    for task in _every_task(shop):
        is_enough = len(known_tests(task.examples, task.test)) >= LEAST_TESTS
        if is_enough and shop.settings_of(task.collection).teaches_policy:
            yield Context(title=task.name, examples=task.examples, test=task.test, document=task.id)


def _every_task(shop: Workshop) -> Iterable[Task]:
    after, more = None, True
    while more:
        page = shop.tasks.page(collection=None, after=after, limit=PAGE)
        yield from page.data
        after, more = page.data[-1].id if page.data else None, page.has_more


def _stored_passages(shop: Workshop) -> Iterable[Context]:
    for version in shop.adapters.all_live():
        if not shop.settings_of(version.collection).teaches_policy:
            continue
        for document in map(shop.documents.get, version.documents):
            for passage in document.passages:
                yield Context(title=document.title, context=passage.text, document=document.id, passage=passage.index)


def _plain(contexts: Iterable[Context]) -> Iterable[Context]:
    """What is left of each without what addresses the model, where that is enough. A task's pairs stay as they are:
    they are never more than data."""
    for context in contexts:
        if context.subject == "task":
            yield context
            continue
        text = told(context.context)
        # Who writes reads it once more as data: what is then left must be the same.
        if len(text.split()) >= LEAST_WORDS and told(text) == text:
            yield context.model_copy(update={"title": subject_of(context.title), "context": text})


def _learned_from(shop: Workshop, policies: Iterable[int | None]) -> set[str]:
    """Groups of the lessons that these policies, and those that they came from, have learned from."""
    found: set[str] = set()
    for number in policies:
        while number is not None:
            version = shop.policies.get(number)
            lessons = shop.retrainings.lessons(version.retraining_id)
            found |= {_group(lesson.context) for lesson in lessons if not lesson.held_out}
            number = version.parent
    return found


def _divided(
    found: Sequence[Context], wanted: int, run: Retraining, known: set[str]
) -> tuple[list[Context], list[Context]]:
    """Held out, group by group in an order that no run and no new document changes; and of the rest what this run
    learns from."""
    groups = _groups(found)
    wanted, left = min(wanted, len(found) // 2), len(found)
    held_out: list[Context] = []
    taught: list[Context] = []
    for name in sorted(groups, key=_place):
        group = sorted(groups[name], key=lambda context: _place(context.id))
        left -= len(group)
        # One long document must not be the whole tournament, and something must be left to learn from.
        if len(held_out) < wanted and len(taught) + left >= LEAST and name not in known:
            held_out += group[: max(LEAST, wanted // 2)][: wanted - len(held_out)]
        else:
            taught += group
    return held_out, random.Random(run.id).sample(taught, min(len(taught), run.spec.contexts))


def _counted(subject: Subject, found: Sequence[Context]) -> str:
    return f"{len(found)} contexts of {len(_groups(found))} {'documents' if subject == 'passage' else 'tasks'}"


def _groups(found: Iterable[Context]) -> dict[str, list[Context]]:
    groups: dict[str, list[Context]] = {}
    for context in found:
        groups.setdefault(_group(context), []).append(context)
    return groups


def _group(context: Context) -> str:
    return context.document or context.title


def _place(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
