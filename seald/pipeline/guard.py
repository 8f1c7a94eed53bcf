"""guarding → promoting, training (a repair), rejected or held: the candidate is put to the probes, the gate decides."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import TypeAdapter

from seald.domain.adaptation import Adaptation, AdaptationStatus
from seald.domain.adapter import AdapterVersion
from seald.domain.probe import Probe, ProbeResult
from seald.domain.verdict import GuardName, Verdict
from seald.errors import CanaryMismatch
from seald.guards import acquisition, gate, general, probing, retention, suite
from seald.guards.retention import Results
from seald.pipeline.behaviour import BEHAVIOUR, weights
from seald.pipeline.compact import rebuild_for_what_is_held
from seald.pipeline.contradict import overruled
from seald.pipeline.known_results import results
from seald.pipeline.lineage import level, settled, settled_results
from seald.pipeline.remembered import remembered
from seald.pipeline.repair import repair
from seald.pipeline.sampling import stratified
from seald.pipeline.trust import go_on, wants_a_person
from seald.pipeline.workshop import Workshop
from seald.ports import BASE

CURED: tuple[GuardName, ...] = ("retention", "general")
"""What adds up from version to version, and a rebuild from the base may undo."""
_RESULTS = TypeAdapter(list[ProbeResult])


def guard(shop: Workshop, adaptation: Adaptation) -> None:
    """Stage the candidate, collect one verdict a guard, and move the adaptation where the gate says."""
    assert adaptation.version is not None, "training allots the version"
    candidate = shop.adapters.get(adaptation.collection, adaptation.version)
    try:
        with shop.serving.staged(candidate):
            verdicts = _collect(shop, adaptation, candidate)
    except CanaryMismatch as mismatch:
        hold(shop, adaptation, mismatch.message, mismatch.code)
        return
    _follow(shop, adaptation, candidate, verdicts)


def _follow(shop: Workshop, adaptation: Adaptation, candidate: AdapterVersion, verdicts: Sequence[Verdict]) -> None:
    settings = shop.guards_of(adaptation.collection)
    may_repair = candidate.repairs < settings.repairs
    reasons = "; ".join(v.reason for v in verdicts if gate.objects(v))
    match gate.decide(verdicts, settings.inconclusive, may_repair=may_repair):
        case "promote":
            go_on(shop, adaptation)
        case "repair":
            repair(shop, candidate, reasons)
        case "hold":
            hold_back(shop, adaptation, reasons, curable=any(v.guard in CURED and gate.objects(v) for v in verdicts))
        case "reject":
            shop.adapters.reject(adaptation.id, error={"message": reasons, "code": "guard_failed"})
            shop.serving.discard(candidate)


def hold_back(shop: Workshop, adaptation: Adaptation, reasons: str, *, curable: bool) -> None:
    """For want of evidence: of what it does to the rest, which a rebuild may bring (`curable`), so that one is queued,
    or only that it was learned. Unless a person has to look."""
    asked = wants_a_person(shop, adaptation)
    if asked is not None:
        hold(shop, adaptation, f"{reasons}; and {asked[1]}", asked[0])
        return
    hold(shop, adaptation, reasons, "inconclusive" if curable else "not_learned")
    if curable:
        rebuild_for_what_is_held(shop, adaptation)


def hold(shop: Workshop, adaptation: Adaptation, message: str, code: str) -> None:
    """guarding → held."""
    error = {"message": message, "code": code}
    shop.adaptations.move(adaptation.id, AdaptationStatus.GUARDING, AdaptationStatus.HELD, error=error)


def _collect(shop: Workshop, adaptation: Adaptation, candidate: AdapterVersion) -> list[Verdict]:
    """Run the guards that are on and whose verdict is not stored yet, cheapest first."""
    stored = {v.guard: v for v in shop.adapters.verdicts(candidate.collection, candidate.version)}
    for name, check in CHECKS.items():
        mode = shop.guards_of(candidate.collection).of(name).mode
        if name in stored or mode == "off":
            continue
        verdict = check(shop, candidate)
        stored[name] = verdict.model_copy(update={"figures": {**verdict.figures, "mode": mode}})
        shop.adapters.add_verdict(candidate.collection, candidate.version, stored[name])
        shop.adaptations.note(adaptation.id, "verdict", stored[name].model_dump())
    return [stored[name] for name in CHECKS if name in stored]


def _acquisition(shop: Workshop, candidate: AdapterVersion) -> Verdict:
    adaptation = shop.adaptations.get(candidate.adaptation_id)
    settings = shop.guards_of(candidate.collection).acquisition
    if adaptation.rebuilds:
        probes = _sample(shop, candidate, candidate.documents)
        before, after = results(shop, probes, None), results(shop, probes, candidate)
        return acquisition.judge(before, after, settings, rebuilt=True)
    own = shop.probes.of_documents(adaptation.documents)
    before = results(shop, own, _replaced(shop, candidate))
    return acquisition.judge(before, results(shop, own, candidate), settings)


def _retention(shop: Workshop, candidate: AdapterVersion) -> Verdict:
    adaptation = shop.adaptations.get(candidate.adaptation_id)
    own = () if adaptation.rebuilds else adaptation.documents
    # A newer document said otherwise: that the old answer is gone is no loss.
    gone = overruled(shop, adaptation)
    earlier = [id for id in candidate.documents if id not in own]
    probes = [probe for probe in _sample(shop, candidate, earlier) if probe.id not in gone]
    marks = settled_results(shop, probes, settled(shop, candidate))
    live, settings = _replaced(shop, candidate), shop.guards_of(candidate.collection).retention

    def look(size: int, share: float) -> Verdict:
        asked = probes[:size]
        after = results(shop, asked, candidate)
        documents = [probe.document_id for probe in asked]
        marked = [(marks[p.id], a, p.document_id) for p, a in zip(asked, after, strict=True) if p.id in marks]
        then = Results(*map(list, zip(*marked, strict=True))) if marked else Results()
        return retention.judge(Results(results(shop, asked, live), after, documents), then, settings, share)

    return gate.stepwise(len(probes), level(shop, candidate), look)


def _general(shop: Workshop, candidate: AdapterVersion) -> Verdict:
    settings = shop.guards_of(candidate.collection).general
    probes = list(suite.load(settings.file))
    # Drawn in an order of the candidate's own, so that the first look is a sample of all kinds of questions.
    random.Random(candidate.label).shuffle(probes)
    base = {result.probe_id: result for result in _base_general(shop, settings.file)}

    def look(size: int, share: float) -> Verdict:
        after = results(shop, probes[:size], candidate)
        return general.judge([base[probe.id] for probe in probes[:size]], after, settings, share)

    return gate.stepwise(len(probes), level(shop, candidate), look)


def _sample(shop: Workshop, candidate: AdapterVersion, documents: Sequence[str]) -> list[Probe]:
    # Seeded by the version: a repeated run draws the same sample.
    most = shop.guards_of(candidate.collection).retention.max_probes
    return stratified(shop.probes.of_documents(documents), most, candidate.label)


def _replaced(shop: Workshop, candidate: AdapterVersion) -> AdapterVersion | None:
    return shop.adapters.get(candidate.collection, candidate.replaces) if candidate.replaces is not None else None


def _base_general(shop: Workshop, file: Path | None) -> list[ProbeResult]:
    """The base model's results on the general suite: the same for every candidate, so computed once."""
    kept = shop.cache / f"general-answers-{shop.base.sha256[:16]}-{suite.fingerprint(file)}.json"
    return remembered(kept, _RESULTS, lambda: probing.put(shop.engine, suite.load(file), BASE))


CHECKS: dict[GuardName, Callable[[Workshop, AdapterVersion], Verdict]] = {
    "integrity": weights,
    "acquisition": _acquisition,
    "retention": _retention,
    "general": _general,
    **BEHAVIOUR,
}
