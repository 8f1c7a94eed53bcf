"""Self-edits for episodes: several of one context, each with directives, so that it is seen which are good.

Nothing that a context says of itself reaches a prompt but as data, and no line is kept that it does not bear out.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from seald.config import Policy as PolicySettings
from seald.config.tasks import Tasks
from seald.domain.policy import Form, Policy
from seald.domain.retraining import Context
from seald.domain.self_edit import Directives, Line
from seald.errors import ConfigError, InvalidRequest
from seald.policy import asking, targeting
from seald.policy import forms as form_rules
from seald.policy.directives import drawn, take_directives
from seald.policy.ready_made import form_of, whole
from seald.policy.registry import BY_RULE
from seald.policy.support import SupportFilter
from seald.ports import Writer

SELDOM = 0.25
"""Weight of a form that has no sample in the mix any more: one that is never drawn could never win again."""


@dataclass(frozen=True)
class Drafting:
    """What self-edits are sampled for an episode from."""

    policy: Policy
    forms: dict[str, Form]
    settings: PolicySettings
    model: str
    """By what name the writer knows the model that is to write."""
    explore: float
    """Share of the replies without directives that get some by the draw, 0 to 1; of tasks, of all replies."""
    questions: tuple[str, ...] = ()
    """What must not be trained on."""
    tasks: Tasks = field(default_factory=Tasks)
    """Of tasks: how many lines there may be, and what a configuration may ask for."""
    seed: int = 0
    """Of tasks: draws which of an augmentation's lines are taken."""


@dataclass(frozen=True)
class Draft:
    """One self-edit, as it came and as it is trained on."""

    sample: int
    form: str
    prompt: str
    """What the writer was asked."""
    raw: str
    """What it replied, at its head the directives that were drawn."""
    directives: Directives
    explored: bool
    """The directives were drawn, not written."""
    lines: tuple[Line, ...]
    dropped: dict[str, int]
    """Reason → lines that the filter dropped."""
    edit_tokens: int
    """Tokens that its lines train on in one epoch, about."""
    seconds: float
    """Of sampling it: its share of what all samples took."""


def drafts(
    writer: Writer,
    context: Context,
    task: Drafting,
    *,
    named: str,
    forms: Sequence[Form],
) -> list[Draft]:
    """Self-edits of a context, one of each of `forms`; none where it holds nothing but what addresses the model.

    The same name, context and task ask the writer for the same.

    Raises:
        EngineUnavailable, EngineRefused: the writer did not answer.
    """
    context = _as_data(context)
    if not context.context:
        return []
    prompts = asking.prompts(forms, context.title, context.context)
    began = time.perf_counter()
    replies = _replies(writer, task, forms, prompts, named)
    seconds = (time.perf_counter() - began) / max(len(forms), 1)
    found = []
    for n, (form, prompt, reply) in enumerate(zip(forms, prompts, replies, strict=True)):
        raw = _explored(reply, task, random.Random(f"{named}/{n}/directives"))
        found.append(_draft(context, task, n, form, prompt, raw, explored=raw != reply, seconds=seconds))
    return found


def imported(context: Context, writer: str, task: Drafting, *, count: int) -> list[Draft]:
    """The context's own ready-made self-edits by `writer`, at most `count`, each under the prompt of its form.

    Raises:
        InvalidRequest: there are none by it; the message names who wrote some.
    """
    edits = edits_by(context, writer, count)
    context = _as_data(context)
    if not context.context:
        return []
    form = form_of(writer, task.forms)
    (prompt,) = asking.prompts([form], context.title, context.context)
    return [
        _draft(context, task, n, form, prompt, whole(form, text), explored=False, seconds=0.0)
        for n, text in enumerate(edits)
    ]


def edits_by(context: Context, writer: str, count: int) -> Sequence[str]:
    """The context's own ready-made self-edits by `writer`, at most `count`.

    Raises:
        InvalidRequest: there are none by it; the message names who wrote some.
    """
    edits = context.edits.get(writer, ())[:count]
    if not edits:
        known = ", ".join(sorted(context.edits)) or "none"
        raise InvalidRequest(f"{context.title!r} has no self-edits by {writer!r}; it has: {known}", param="writer")
    return edits


def sampled(policy: Policy, forms: dict[str, Form]) -> dict[str, float]:
    """The forms of its mix that a model writes, with their weights.

    Raises:
        ConfigError: there is none.
    """
    weights = {m.form: m.samples or SELDOM for m in policy.mix if forms[m.form].prompt is not None}
    if not weights:
        raise ConfigError(f"policy {policy.version!r} writes by rule alone: there is nothing to sample")
    return weights


def _as_data(context: Context) -> Context:
    title, told, _ = asking.as_data(context.title, context.context)
    return context.model_copy(update={"title": title, "context": told})


def draw_forms(task: Drafting, named: str, count: int) -> list[Form]:
    """`count` forms of the policy's mix by their weights; policies with one mix draw the same under one name.

    Raises:
        ConfigError: the mix holds no form that a model writes.
    """
    weights = sampled(task.policy, task.forms)
    draw = random.Random(f"{named}/forms")
    return [task.forms[name] for name in draw.choices(list(weights), list(weights.values()), k=count)]


def _replies(writer: Writer, task: Drafting, forms: Sequence[Form], prompts: Sequence[str], named: str) -> list[str]:
    """In the order of `forms`; those that are sampled alike are asked for together."""
    order = sorted(range(len(forms)), key=lambda n: asking.alike(forms[n], task.settings))
    asked = [(forms[n], prompts[n]) for n in order]
    found = list(asking.replies(writer, asked, task.settings, named=named, model=task.model))
    return [reply for _, reply in sorted(zip(order, found, strict=True))]


def _explored(reply: str, task: Drafting, draw: random.Random) -> str:
    """The reply, perhaps with directives at its head, where it names none itself."""
    named, _ = take_directives(reply, task.settings.directives)
    if named != Directives() or draw.random() >= task.explore:
        return reply
    return f"{drawn(task.settings.directives, draw)}\n{reply}"


def _draft(
    context: Context,
    task: Drafting,
    sample: int,
    form: Form,
    prompt: str,
    raw: str,
    *,
    explored: bool,
    seconds: float,
) -> Draft:
    directives, text = take_directives(raw, task.settings.directives)
    # Every mix holds the passage by rule: a line that copies it is dropped there, so it is not paid for here.
    quoted = form_rules.by_rule(task.forms[BY_RULE], context.title, context.context)
    accepted = [line.text for line in quoted]
    support = SupportFilter(context.context, context.title, task.questions, accepted=accepted)
    kept, dropped = support.take(form_rules.split(form, text, context.title))
    return Draft(
        sample=sample,
        form=form.name,
        prompt=prompt,
        raw=raw,
        directives=directives,
        explored=explored,
        lines=tuple(kept),
        dropped=dict(Counter(line.reason for line in dropped)),
        edit_tokens=targeting.tokens(kept),
        seconds=seconds,
    )
