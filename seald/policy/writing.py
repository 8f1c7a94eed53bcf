"""Writing self-edits for one passage: all samples asked for at once, each split, filtered, kept with its raw text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from seald.config import DirectiveBounds
from seald.domain.document import Document, Passage
from seald.domain.policy import Form, Policy
from seald.domain.self_edit import Directives, DroppedLine, Line, SelfEdit
from seald.policy import forms as form_rules
from seald.policy.directives import take_directives
from seald.policy.support import SupportFilter
from seald.ports import Engine, Sampling


@dataclass(frozen=True)
class Assignment:
    """What is to be written: for which passage, by which policy, within which bounds."""

    adaptation_id: str
    document: Document
    passage: Passage
    policy: Policy
    forms: dict[str, Form]
    model: str
    max_tokens: int
    bounds: DirectiveBounds
    questions: tuple[str, ...]
    """Of the probes: what must not be trained on."""


def write(engine: Engine, task: Assignment, done: Sequence[SelfEdit]) -> Iterator[SelfEdit]:
    """Yield the self-edits of one passage that are not among `done`, which are those of an interrupted run.

    Raises:
        EngineUnavailable, EngineRefused: the engine did not answer.
    """
    wanted = [(task.forms[mixed.form], n) for mixed in task.policy.mix for n in range(mixed.samples)]
    made = {(edit.form, edit.sample): edit for edit in done}
    support = SupportFilter(task.passage.text, task.document.title, task.questions)
    support.accepted += [line.text for edit in done for line in edit.lines]
    missing = [(form, n) for form, n in wanted if (form.name, n) not in made]
    for form, n in (pair for pair in missing if pair[0].prompt is None):
        yield _by_rule(task, form, n, support)
    sampled = [pair for pair in missing if pair[0].prompt is not None]
    for (form, n), reply in zip(sampled, _replies(engine, task, sampled), strict=True):
        yield _from_reply(task, form, n, reply, support)


def _replies(engine: Engine, task: Assignment, sampled: Sequence[tuple[Form, int]]) -> Iterator[str]:
    """One call for each run of forms that are sampled alike, so that the engine batches them."""
    for (temperature, top_p, limit), group in groupby(sampled, key=lambda pair: _settings(task, pair[0])):
        prompts = [form_rules.render(form, task.document.title, task.passage.text) for form, _ in group]
        yield from engine.ask(
            prompts,
            Sampling(max_tokens=limit, temperature=temperature, top_p=top_p, seed=_seed(task, prompts)),
            model=task.model,
        )


def _settings(task: Assignment, form: Form) -> tuple[float, float, int]:
    return form.temperature, form.top_p, min(form.max_tokens, task.max_tokens)


def _seed(task: Assignment, prompts: Sequence[str]) -> int:
    """The same adaptation writes the same again; another one writes something else."""
    named = f"{task.adaptation_id}/{task.document.id}/{task.passage.index}/{len(prompts)}"
    return int.from_bytes(hashlib.sha256(named.encode()).digest()[:4]) >> 1


def _by_rule(task: Assignment, form: Form, n: int, support: SupportFilter) -> SelfEdit:
    kept: list[Line] = []
    dropped: list[DroppedLine] = []
    for line in form_rules.by_rule(form, task.document.title, task.passage.text):
        reason = support.reason_against_quote(line)
        if reason is None:
            kept.append(line)
        else:
            dropped.append(DroppedLine(line=line, reason=reason))
    support.accepted += [line.text for line in kept]
    return _edit(task, form, n, "", kept, dropped, Directives())


def _from_reply(task: Assignment, form: Form, n: int, reply: str, support: SupportFilter) -> SelfEdit:
    directives, text = take_directives(reply, task.bounds)
    kept, dropped = support.take(form_rules.split(form, text, task.document.title))
    return _edit(task, form, n, reply, kept, dropped, directives)


def _edit(
    task: Assignment,
    form: Form,
    n: int,
    raw: str,
    kept: list[Line],
    dropped: list[DroppedLine],
    directives: Directives,
) -> SelfEdit:
    return SelfEdit(
        adaptation_id=task.adaptation_id,
        document_id=task.document.id,
        passage_index=task.passage.index,
        form=form.name,
        sample=n,
        policy=task.policy.version,
        raw=raw,
        lines=tuple(kept),
        dropped=tuple(dropped),
        directives=directives,
    )
