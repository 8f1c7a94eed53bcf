"""Self-edits of tasks for episodes: several configurations of one task, each with what it makes of the examples.

Nothing is said in other words here: paraphrases are the base's own work, and a score would be of their quality as well.
A configuration that asks for them is paid for the rest of it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import replace

from seald.domain.policy import Form
from seald.domain.retraining import Context
from seald.domain.self_edit import Directives
from seald.domain.task import Configuration
from seald.policy import targeting
from seald.policy.augmenting import lines
from seald.policy.configuring import drawn, parse, prompt, sampling, written
from seald.policy.drafting import Draft, Drafting, edits_by
from seald.ports import Writer

UNPARSEABLE = "unparseable"
"""Why a reply was dropped: it is no configuration, or one out of bounds."""


def configurations(
    writer: Writer, context: Context, how: Drafting, *, named: str, forms: Sequence[Form]
) -> list[Draft]:
    """Configurations of a task, as many as `forms`, all asked for by the first of them. A share `how.explore` of them,
    replies that are none first, gives way to a draw.

    The same name, context and way of drafting ask the writer for the same.

    Raises:
        EngineUnavailable, EngineRefused: the writer did not answer.
    """
    began = time.perf_counter()
    asked = _prompt(context, how, forms[0])
    sampled = sampling(forms[0], context.kind, how.tasks.bounds, how.settings, named)
    replies = writer.ask([asked] * len(forms), sampled, model=how.model)
    seconds = (time.perf_counter() - began) / len(forms)
    found = [parse(reply, context.kind, how.tasks.bounds) for reply in replies]
    explored = _explored(found, how.explore, random.Random(f"{named}/explored"))
    made = []
    for n, (reply, wanted) in enumerate(zip(replies, found, strict=True)):
        if n in explored:
            other = drawn(context.kind, how.tasks.bounds, random.Random(f"{named}/{n}/configuration"))
            draft = draft_of(context, how, other, explored=True)
        else:
            draft = draft_of(context, how, wanted, raw=reply)
        dropped = {UNPARSEABLE: 1} if wanted is None else {}
        made.append(_numbered(draft, n, dropped=dropped, seconds=seconds))
    return made


def ready_made(context: Context, writer: str, how: Drafting, *, count: int) -> list[Draft]:
    """The task's own ready-made configurations by `writer`, at most `count`.

    Raises:
        InvalidRequest: there are none by it; the message names who wrote some.
    """
    made = []
    for n, text in enumerate(edits_by(context, writer, count)):
        wanted = parse(text, context.kind, how.tasks.bounds)
        dropped = {UNPARSEABLE: 1} if wanted is None else {}
        made.append(_numbered(draft_of(context, how, wanted, raw=text), n, dropped=dropped))
    return made


def draft_of(
    context: Context, how: Drafting, wanted: Configuration | None, *, raw: str | None = None, explored: bool = False
) -> Draft:
    """A configuration (None: there is none, so nothing to train on) with the lines and directives that it comes to;
    `raw`: as it was said, where somebody said it."""
    form = how.forms[how.policy.mix[0].form]
    made = lines(context.examples, wanted, most=how.tasks.lines, seed=how.seed) if wanted is not None else ()
    return Draft(
        sample=0,
        form=form.name,
        prompt=_prompt(context, how, form),
        raw=raw if raw is not None else written(wanted) if wanted is not None else "",
        directives=_directives(wanted),
        explored=explored,
        lines=made,
        dropped={},
        edit_tokens=targeting.tokens(made),
        seconds=0.0,
    )


def _prompt(context: Context, how: Drafting, form: Form) -> str:
    return prompt(form, context.kind, context.examples, how.tasks.bounds)


def _directives(wanted: Configuration | None) -> Directives:
    if wanted is None:
        return Directives()
    return Directives(learning_rate=wanted.learning_rate, epochs=wanted.epochs, loss_scope=wanted.loss)


def _explored(found: Sequence[Configuration | None], share: float, draw: random.Random) -> set[int]:
    """Places of those that give way, each with probability `share`: as many, but failed ones before others."""
    count = sum(draw.random() < share for _ in found)
    order = sorted(range(len(found)), key=lambda n: (found[n] is not None, draw.random()))
    return set(order[:count])


def _numbered(draft: Draft, sample: int, *, dropped: dict[str, int], seconds: float = 0.0) -> Draft:
    return replace(draft, sample=sample, dropped=dropped, seconds=seconds)
