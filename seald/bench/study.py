"""What each arm of a benchmark trains on, for one passage."""

from __future__ import annotations

from collections.abc import Sequence

from seald.bench.passages import BenchPassage
from seald.bench.seal_lines import seal_lines
from seald.config import Policy
from seald.domain.policy import Form
from seald.domain.self_edit import Line
from seald.policy import forms as form_rules
from seald.policy import targeting
from seald.policy.coverage import Tally
from seald.policy.registry import BY_RULE
from seald.policy.support import SupportFilter

FORM_OF = {"self_qa": "self-qa", "rewrite": "rewrite", "implications_long": "implications-long"}
"""By which form's rule a writer's text is split; any other writer wrote implications."""


def passage_alone(passage: BenchPassage) -> list[Line]:
    """The passage as one raw text."""
    return seal_lines(passage.title, passage.context, None)


def as_seal_does(passage: BenchPassage, edits: Sequence[tuple[str, str]]) -> list[Line]:
    """SEAL's sequences of the `(writer, text)` edits, and the passage once."""
    lines = [line for _, text in edits for line in seal_lines(passage.title, passage.context, text)]
    return [*dict.fromkeys(line for line in lines if line not in passage_alone(passage)), *passage_alone(passage)]


def as_seald_does(
    passage: BenchPassage,
    edits: Sequence[tuple[str, str]],
    forms: dict[str, Form],
    coverage: Policy,
    *,
    in_context: bool = False,
) -> list[Line]:
    """As an adaptation trains: the passage by rule, the lines of the edits that it bears out, and what they leave open.

    `in_context`: questions of the edits carry the passage, for context distillation.
    """
    by_rule = form_rules.by_rule(forms[BY_RULE], passage.title, passage.context)
    support = SupportFilter(passage.context, passage.title)
    support.accepted += [line.text for line in by_rule]
    kept: list[Line] = []
    for writer, text in edits:
        form = forms[FORM_OF.get(writer, "implications")]
        whole = f"Question 1: {text}" if form.splitting == "question-answer" else text
        taken = support.take(form_rules.split(form, whole, passage.title))[0]
        if in_context and form.splitting == "question-answer":
            taken = [line.model_copy(update={"context": passage.context}) for line in taken]
        kept += taken
    lines = [*by_rule, *kept]
    return [*lines, *_covering(passage, lines, support, coverage)]


def _covering(passage: BenchPassage, lines: list[Line], support: SupportFilter, coverage: Policy) -> list[Line]:
    """What covers, by rule, the facts that the lines leave open."""
    tally = Tally(passage.title, passage.context, coverage.phrasings)
    tally.take(lines)
    budget = min(coverage.coverage_tokens, int(coverage.coverage_growth * targeting.tokens(lines)))
    if budget < targeting.LEAST_TOKENS:
        return []
    found = support.take(targeting.candidates(passage.title, passage.context))[0]
    return targeting.choose(tally, found, budget)
