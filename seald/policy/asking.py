"""How a writer is asked for self-edits: what of a passage is data, how each form is sampled, what goes together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import groupby

from seald.config import Policy as PolicySettings
from seald.domain.policy import Form
from seald.policy import forms as form_rules
from seald.policy.instructions import divide, subject_of
from seald.policy.mentions import facts_of
from seald.ports import Sampling, Writer

Alike = tuple[float, float, int]
"""Temperature, top_p, most tokens: questions that agree in them can go out in one call."""


def as_data(title: str, passage: str) -> tuple[str, str, tuple[str, ...]]:
    """Title and passage as no more than what they tell, and the sentences of the passage that address the model. A
    title that does gives way to a plain one."""
    told, removed = divide(passage)
    return subject_of(title), told, removed


def prompts(forms: Sequence[Form], title: str, passage: str) -> list[str]:
    """What each form, none of them by rule, asks about a passage that is data; it may ask for all of its facts."""
    facts = [fact.text for fact in facts_of(title, passage)]
    return [form_rules.render(form, title, passage, facts) for form in forms]


def replies(
    writer: Writer, asked: Sequence[tuple[Form, str]], settings: PolicySettings, *, named: str, model: str
) -> Iterator[str]:
    """The reply to each form's prompt, in their order. One call for each run of forms that are sampled alike, so that
    the writer batches them.

    Raises:
        EngineUnavailable, EngineRefused: the writer did not answer.
    """
    for _, group in groupby(asked, key=lambda pair: alike(pair[0], settings)):
        pairs = list(group)
        how = sampling(pairs[0][0], settings, f"{named}/{len(pairs)}")
        yield from writer.ask([prompt for _, prompt in pairs], how, model=model)


def alike(form: Form, settings: PolicySettings) -> Alike:
    """How the form is sampled, within the configured length."""
    return form.temperature, form.top_p, min(form.max_tokens, settings.max_tokens)


def sampling(form: Form, settings: PolicySettings, named: str) -> Sampling:
    """The same name is sampled the same again, and another one otherwise."""
    temperature, top_p, limit = alike(form, settings)
    seed = int.from_bytes(hashlib.sha256(named.encode()).digest()[:4]) >> 1
    return Sampling(max_tokens=limit, temperature=temperature, top_p=top_p, seed=seed)
