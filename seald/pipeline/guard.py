"""guarding → promoting, rejected or held: the candidate is put to the probes, and the gate decides."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import nullcontext

from pydantic import TypeAdapter

from seald.domain.adaptation import Adaptation, AdaptationStatus
from seald.domain.adapter import AdapterVersion
from seald.domain.probe import Probe, ProbeResult
from seald.domain.verdict import GuardName, Verdict
from seald.errors import CanaryMismatch
from seald.guards import acquisition, gate, general, integrity, probing, retention, suite
from seald.pipeline.remembered import remembered
from seald.pipeline.trust import go_on
from seald.pipeline.workshop import Workshop
from seald.ports import BASE

_RESULTS = TypeAdapter(list[ProbeResult])


def guard(shop: Workshop, adaptation: Adaptation) -> None:
    """Stage the candidate, collect one verdict a guard, and move the adaptation where the gate says."""
    assert adaptation.version is not None, "training allots the version"
    candidate = shop.adapters.get(adaptation.collection, adaptation.version)
    try:
        with shop.serving.staged(candidate):
            verdicts = _collect(shop, adaptation, candidate)
    except CanaryMismatch as mismatch:
        _hold(shop, adaptation, mismatch.message, mismatch.code)
        return
    decision = gate.decide(verdicts, shop.settings.guards.inconclusive)
    reasons = "; ".join(v.reason for v in verdicts if v.verdict != "pass")
    if decision == "promote":
        go_on(shop, adaptation)
    elif decision == "hold":
        _hold(shop, adaptation, reasons, "inconclusive")
    else:
        shop.adapters.reject(adaptation.id, error={"message": reasons, "code": "guard_failed"})
        shop.serving.discard(candidate)


def _hold(shop: Workshop, adaptation: Adaptation, message: str, code: str) -> None:
    error = {"message": message, "code": code}
    shop.adaptations.move(adaptation.id, AdaptationStatus.GUARDING, AdaptationStatus.HELD, error=error)


def _collect(shop: Workshop, adaptation: Adaptation, candidate: AdapterVersion) -> list[Verdict]:
    """Run the guards whose verdict is not stored yet, cheapest first."""
    stored = {v.guard: v for v in shop.adapters.verdicts(candidate.collection, candidate.version)}
    for name, check in CHECKS.items():
        if name not in stored:
            stored[name] = check(shop, candidate)
            shop.adapters.add_verdict(candidate.collection, candidate.version, stored[name])
            shop.adaptations.note(adaptation.id, "verdict", stored[name].model_dump())
    return [stored[name] for name in CHECKS]


def _integrity(shop: Workshop, candidate: AdapterVersion) -> Verdict:
    manifest = shop.files.verify(candidate)
    replies = integrity.put(shop.engine, candidate.engine_name)
    return integrity.judge(
        replies, weight_norm=float(manifest.figures["weight_norm"]), settings=shop.settings.guards.integrity
    )


def _acquisition(shop: Workshop, candidate: AdapterVersion) -> Verdict:
    settings = shop.settings.guards.acquisition
    if candidate.is_rebuild:
        results = _before_and_after(shop, candidate, _sample(shop, candidate, candidate.documents), before=None)
        return acquisition.judge(*results, settings, rebuilt=True)
    own = shop.probes.of_documents(shop.adaptations.get(candidate.adaptation_id).documents)
    return acquisition.judge(*_before_and_after(shop, candidate, own, before=candidate.replaces), settings)


def _retention(shop: Workshop, candidate: AdapterVersion) -> Verdict:
    own = () if candidate.is_rebuild else shop.adaptations.get(candidate.adaptation_id).documents
    probes = _sample(shop, candidate, [id for id in candidate.documents if id not in own])
    results = _before_and_after(shop, candidate, probes, before=candidate.replaces)
    return retention.judge(*results, shop.settings.guards.retention)


def _sample(shop: Workshop, candidate: AdapterVersion, documents: Sequence[str]) -> list[Probe]:
    probes = shop.probes.of_documents(documents)
    most = shop.settings.guards.retention.max_probes
    if len(probes) <= most:
        return probes
    # Seeded by the version: a repeated run draws the same sample.
    return random.Random(candidate.label).sample(probes, most)


def _general(shop: Workshop, candidate: AdapterVersion) -> Verdict:
    probes = suite.load()
    after = probing.put(shop.engine, probes, candidate.engine_name)
    return general.judge(_base_general(shop, probes), after, shop.settings.guards.general)


def _before_and_after(
    shop: Workshop, candidate: AdapterVersion, probes: list[Probe], *, before: int | None
) -> tuple[list[ProbeResult], list[ProbeResult]]:
    """What the version `before` (None: the base) and the candidate make of the same probes."""
    earlier = shop.adapters.get(candidate.collection, before) if before is not None else None
    with shop.serving.staged(earlier) if earlier is not None else nullcontext(BASE) as model:
        known = probing.put(shop.engine, probes, model)
    return known, probing.put(shop.engine, probes, candidate.engine_name)


def _base_general(shop: Workshop, probes: Sequence[Probe]) -> list[ProbeResult]:
    """The base model's results on the general suite: the same for every candidate, so computed once."""
    file = shop.cache / f"general-base-{shop.base.sha256[:16]}-{suite.fingerprint()}.json"
    return remembered(file, _RESULTS, lambda: probing.put(shop.engine, probes, BASE))


CHECKS: dict[GuardName, Callable[[Workshop, AdapterVersion], Verdict]] = {
    "integrity": _integrity,
    "acquisition": _acquisition,
    "retention": _retention,
    "general": _general,
}
