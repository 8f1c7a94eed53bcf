"""guarding → promoting, rejected or held, of a task: its adapter must beat the examples in the prompt."""

from __future__ import annotations

from collections.abc import Sequence

from seald.domain.adaptation import Adaptation
from seald.domain.adapter import AdapterVersion
from seald.domain.probe import ProbeResult
from seald.domain.task import Marks, Practice
from seald.domain.task_explained import FIGURES
from seald.domain.verdict import Verdict
from seald.errors import CanaryMismatch
from seald.guards import gate, in_context
from seald.pipeline.behaviour import weights
from seald.pipeline.guard import hold
from seald.pipeline.trust import go_on
from seald.pipeline.workshop import Workshop


def guard_task(shop: Workshop, adaptation: Adaptation) -> None:
    """Stage the candidate, see that its files are sound and what its configuration made of examples left out."""
    assert adaptation.version is not None, "training allots the version"
    candidate = shop.adapters.get(adaptation.collection, adaptation.version)
    try:
        with shop.serving.staged(candidate):
            verdicts = [weights(shop, candidate), _in_context(shop, adaptation)]
    except CanaryMismatch as mismatch:
        hold(shop, adaptation, mismatch.message, mismatch.code)
        return
    for verdict in verdicts:
        shop.adapters.add_verdict(candidate.collection, candidate.version, verdict)
        shop.adaptations.note(adaptation.id, "verdict", verdict.model_dump())
    _follow(shop, adaptation, candidate, verdicts)


def _follow(shop: Workshop, adaptation: Adaptation, candidate: AdapterVersion, verdicts: Sequence[Verdict]) -> None:
    reasons = "; ".join(verdict.reason for verdict in verdicts if gate.objects(verdict))
    match gate.decide(verdicts, shop.settings.guards.inconclusive):
        case "promote":
            go_on(shop, adaptation)
        case "reject":
            shop.adapters.reject(adaptation.id, error={"message": reasons, "code": "guard_failed"})
            shop.serving.discard(candidate)
        case _:
            hold(shop, adaptation, reasons, "not_learned")


def _in_context(shop: Workshop, adaptation: Adaptation) -> Verdict:
    practice = Practice.model_validate(adaptation.figures[FIGURES])
    chosen, asking = practice.best
    assert practice.in_context is not None and chosen.marks is not None, "training has tried it"
    before, after = _results(practice.in_context), _results(chosen.marks[asking])
    # The best of so many ways is better than the base by luck more often than one is.
    ways = sum(len(tried.marks or {}) for tried in practice.tried)
    return in_context.judge(before, after, alpha=shop.settings.tasks.alpha, ways=ways)


def _results(marks: Marks) -> list[ProbeResult]:
    pairs = zip(marks.correct, marks.logprobs, strict=True)
    return [ProbeResult(probe_id=str(n), correct=right, logprob=logprob) for n, (right, logprob) in enumerate(pairs)]
