"""Putting probes to a model, closed book: questions are answered and graded, clozes and choices are scored."""

from __future__ import annotations

from collections.abc import Sequence

from seald.domain.probe import Probe, ProbeResult
from seald.guards.grading import is_right
from seald.ports import Choice, Continuation, Engine, Sampling

ANSWER_TOKENS = 40


def put(engine: Engine, probes: Sequence[Probe], model: str) -> list[ProbeResult]:
    """What `model` makes of each probe; same length and order as `probes`.

    Raises:
        EngineUnavailable, EngineRefused: the engine did not answer.
    """
    kinds = {"question": _questions, "cloze": _clozes, "choice": _choices}
    found: dict[str, ProbeResult] = {}
    for kind, ask in kinds.items():
        chosen = [probe for probe in probes if probe.kind == kind]
        if chosen:
            found.update({result.probe_id: result for result in ask(engine, chosen, model)})
    return [found[probe.id] for probe in probes]


def _questions(engine: Engine, probes: Sequence[Probe], model: str) -> list[ProbeResult]:
    replies = engine.ask([p.question for p in probes], Sampling(max_tokens=ANSWER_TOKENS), model=model)
    scores = engine.score([_continuation(p) for p in probes], model=model)
    return [
        ProbeResult(
            probe_id=p.id, kind=p.kind, correct=is_right(reply, p.answer, p.question), logprob=score.mean, reply=reply
        )
        for p, reply, score in zip(probes, replies, scores, strict=True)
    ]


def _clozes(engine: Engine, probes: Sequence[Probe], model: str) -> list[ProbeResult]:
    scores = engine.score([_continuation(p) for p in probes], model=model)
    return [
        ProbeResult(probe_id=p.id, kind=p.kind, correct=score.greedy, logprob=score.mean)
        for p, score in zip(probes, scores, strict=True)
    ]


def _choices(engine: Engine, probes: Sequence[Probe], model: str) -> list[ProbeResult]:
    choices = [Choice(question=p.question, lead=p.lead, answer=p.answer, wrong=p.wrong) for p in probes]
    preferences = engine.prefer(choices, model=model)
    return [
        ProbeResult(
            probe_id=p.id,
            kind=p.kind,
            correct=found.answer > found.wrong,
            logprob=found.answer,
            first=found.answer >= found.best,
        )
        for p, found in zip(probes, preferences, strict=True)
    ]


def _continuation(probe: Probe) -> Continuation:
    return Continuation(question=probe.question, lead=probe.lead, answer=probe.answer)
