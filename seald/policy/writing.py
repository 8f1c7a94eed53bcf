"""Writing self-edits for one passage: all samples asked for at once, each split, filtered, kept with its raw text.

Then, aimed at the facts that these leave open, some more: see `_cover`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from seald.config import Policy as PolicySettings
from seald.domain.document import Document, Passage
from seald.domain.policy import Form, Policy
from seald.domain.self_edit import Directives, DroppedLine, Line, SelfEdit
from seald.policy import asking, targeting
from seald.policy import forms as form_rules
from seald.policy.coverage import CoveredFact, Tally
from seald.policy.directives import take_directives
from seald.policy.registry import TARGETED
from seald.policy.support import SupportFilter
from seald.ports import BASE, Writer

MOST_FACTS = 6
"""Facts that one round asks for: a longer list is not heeded."""


@dataclass(frozen=True)
class Assignment:
    """What is to be written: for which passage, by which policy, within which bounds."""

    adaptation_id: str
    document: Document
    passage: Passage
    policy: Policy
    forms: dict[str, Form]
    settings: PolicySettings
    questions: tuple[str, ...]
    """Of the probes: what must not be trained on."""
    model: str = BASE
    """By what name the writer knows the model that is to write."""
    taught: Collection[str] = ()
    """Lines that other documents have taught already, each as `support.said`."""
    removed: tuple[str, ...] = ()
    """Sentences of the passage that address the model; `write` takes them out before anything sees the passage."""


def write(writer: Writer, task: Assignment, done: Sequence[SelfEdit]) -> Iterator[SelfEdit]:
    """Yield the self-edits of one passage that are not among `done`, which are those of an interrupted run.

    First those of the policy's mix, then what covers the facts that these leave open (`_cover`).

    Raises:
        EngineUnavailable, EngineRefused: the writer did not answer.
    """
    task = _as_data(task)
    wanted = [(task.forms[mixed.form], n) for mixed in task.policy.mix for n in range(mixed.samples)]
    if not task.passage.text:  # only the form by rule, which says what became of it
        wanted = [(form, n) for form, n in wanted if form.prompt is None]
    made = {(edit.form, edit.sample): edit for edit in done}
    support = SupportFilter(task.passage.text, task.document.title, task.questions, task.taught)
    support.accepted += [text for edit in done for text in _accepted(task, edit)]
    missing = [(form, n) for form, n in wanted if (form.name, n) not in made]
    for edit in _mix(writer, task, missing, support):
        made[edit.form, edit.sample] = edit
        yield edit
    lines = [line for form, n in wanted for line in made[form.name, n].lines]
    later = {n: edit for (form, n), edit in made.items() if form == TARGETED and n >= _first_round(task)}
    if task.passage.text:
        yield from _cover(writer, task, lines, later, support)


def _as_data(task: Assignment) -> Assignment:
    title, told, removed = asking.as_data(task.document.title, task.passage.text)
    document = task.document.model_copy(update={"title": title})
    passage = task.passage.model_copy(update={"text": told})
    return replace(task, document=document, passage=passage, removed=(*task.removed, *removed))


def _mix(
    writer: Writer, task: Assignment, missing: Sequence[tuple[Form, int]], support: SupportFilter
) -> Iterator[SelfEdit]:
    for form, n in (pair for pair in missing if pair[0].prompt is None):
        yield _by_rule(task, form, n, support)
    sampled = [pair for pair in missing if pair[0].prompt is not None]
    for (form, n), reply in zip(sampled, _replies(writer, task, sampled), strict=True):
        directives, written = _lines_of(task, form, reply)
        kept, dropped = support.take(written)
        yield _edit(task, form, n, reply, kept, dropped, directives)


def _cover(
    writer: Writer, task: Assignment, lines: Sequence[Line], made: dict[int, SelfEdit], support: SupportFilter
) -> Iterator[SelfEdit]:
    """What is still open: by rule, which costs no model, then round by round from the model, until every fact stands
    in enough phrasings and both directions, or rounds or budget are spent.

    What a round does follows from the edits before it alone, so that an interrupted run goes on to the same end.
    """
    settings, form, first = task.settings, task.forms[TARGETED], _first_round(task)
    tally = Tally(task.document.title, task.passage.text, settings.phrasings)
    tally.take(lines)
    budget = targeting.budget(settings, lines)
    for n in range(first, first + settings.coverage_rounds + 1):
        if budget < targeting.LEAST_TOKENS or not tally.coverage().missing():
            return
        edit = made.get(n)
        if edit is not None:
            tally.take(edit.lines)
        else:
            reply = _ask_for(writer, task, form, n, tally.coverage().missing()) if n > first else None
            edit = _round(task, form, n, reply, tally, support, budget)
            yield edit
        budget -= targeting.tokens(edit.lines)


def _round(
    task: Assignment, form: Form, n: int, reply: str | None, tally: Tally, support: SupportFilter, budget: int
) -> SelfEdit:
    """Of the lines of a reply, or without one of those by rule, those that are borne out and mend something."""
    if reply is None:
        directives, written = Directives(), targeting.candidates(task.document.title, task.passage.text)
    else:
        directives, written = _lines_of(task, form, reply)
    before = list(support.accepted)
    kept, dropped = support.take(written)
    chosen = targeting.choose(tally, kept, budget)
    support.accepted = before + [line.whole for line in chosen]
    if reply is None:
        dropped = []  # there is no end to what could be written by rule
    else:
        dropped += [DroppedLine(line=line, reason="surplus") for line in kept if line not in chosen]
    return _edit(task, form, n, reply or "", chosen, dropped, directives)


def _ask_for(writer: Writer, task: Assignment, form: Form, n: int, missing: Sequence[CoveredFact]) -> str:
    facts = [fact.text for fact in missing[:MOST_FACTS]]
    prompt = form_rules.render(form, task.document.title, task.passage.text, facts)
    how = asking.sampling(form, task.settings, f"{_named(task)}/{TARGETED}/{n}")
    return writer.ask([prompt], how, model=task.model)[0]


def _first_round(task: Assignment) -> int:
    """A mix that holds the form itself has the samples before it."""
    return sum(mixed.samples for mixed in task.policy.mix if mixed.form == TARGETED)


def _accepted(task: Assignment, edit: SelfEdit) -> list[str]:
    """What the support filter had noted of a self-edit when it was written."""
    by_rule = edit.form in task.forms and task.forms[edit.form].prompt is None
    return [line.text if by_rule else line.whole for line in edit.lines]


def _replies(writer: Writer, task: Assignment, sampled: Sequence[tuple[Form, int]]) -> Iterator[str]:
    forms = [form for form, _ in sampled]
    asked = zip(forms, asking.prompts(forms, task.document.title, task.passage.text), strict=True)
    return asking.replies(writer, list(asked), task.settings, named=_named(task), model=task.model)


def _named(task: Assignment) -> str:
    """The same adaptation writes the same again; another one writes something else."""
    return f"{task.adaptation_id}/{task.document.id}/{task.passage.index}"


def _by_rule(task: Assignment, form: Form, n: int, support: SupportFilter) -> SelfEdit:
    kept: list[Line] = []
    dropped = [DroppedLine(line=Line(text=text), reason="instruction") for text in task.removed]
    lines = form_rules.by_rule(form, task.document.title, task.passage.text) if task.passage.text else []
    for line in lines:
        reason = support.reason_against_quote(line)
        if reason is None:
            kept.append(line)
        else:
            dropped.append(DroppedLine(line=line, reason=reason))
    support.accepted += [line.text for line in kept]
    return _edit(task, form, n, "", kept, dropped, Directives())


def _lines_of(task: Assignment, form: Form, reply: str) -> tuple[Directives, list[Line]]:
    directives, text = take_directives(reply, task.settings.directives)
    return directives, form_rules.split(form, text, task.document.title)


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
