"""What each arm of a benchmark trains on, for one passage."""

from __future__ import annotations

from collections.abc import Sequence

from seald.bench.passages import BenchPassage
from seald.bench.seal_lines import seal_lines
from seald.config import Policy as PolicySettings
from seald.domain.policy import Form, Policy
from seald.domain.self_edit import Line
from seald.policy import forms as form_rules
from seald.policy import targeting
from seald.policy.coverage import Tally
from seald.policy.mentions import facts_of
from seald.policy.ready_made import form_of, whole
from seald.policy.registry import BY_RULE
from seald.policy.support import SupportFilter
from seald.ports import BASE, Engine, Sampling


def written_now(
    engine: Engine, passage: BenchPassage, policy: Policy, forms: dict[str, Form], seed: int
) -> list[tuple[str, str]]:
    """`(form, text)` of each sample that the policy's mix asks of the base: the writer `own`."""
    wanted = [forms[mixed.form] for mixed in policy.mix for _ in range(mixed.samples)]
    facts = [fact.text for fact in facts_of(passage.title, passage.context)]
    edits = []
    for number, form in enumerate(form for form in wanted if form.prompt is not None):
        prompt = form_rules.render(form, passage.title, passage.context, facts)
        sampling = Sampling(form.max_tokens, form.temperature, form.top_p, seed=seed + number)
        edits.append((form.name, engine.ask([prompt], sampling, model=BASE)[0]))
    return edits


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
    coverage: PolicySettings,
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
        form = form_of(writer, forms)
        taken = support.take(form_rules.split(form, whole(form, text), passage.title))[0]
        if in_context and form.splitting == "question-answer":
            taken = [line.model_copy(update={"context": passage.context}) for line in taken]
        kept += taken
    lines = [*by_rule, *kept]
    return [*lines, *_covering(passage, lines, support, coverage)]


def _covering(passage: BenchPassage, lines: list[Line], support: SupportFilter, coverage: PolicySettings) -> list[Line]:
    """What covers, by rule, the facts that the lines leave open."""
    tally = Tally(passage.title, passage.context, coverage.phrasings)
    tally.take(lines)
    budget = targeting.budget(coverage, lines)
    if budget < targeting.LEAST_TOKENS:
        return []
    found = support.take(targeting.candidates(passage.title, passage.context))[0]
    return targeting.choose(tally, found, budget)
