"""The first part of editing: probes are made and frozen before anything is written that could be trained on."""

from __future__ import annotations

from seald.domain.adaptation import Adaptation
from seald.domain.document import Document
from seald.domain.probe import Probe
from seald.guards.probes import make
from seald.pipeline.blanks import blanks_of
from seald.pipeline.workshop import Workshop
from seald.policy.instructions import subject_of, told

DONE = "probes"
"""Key among the adaptation's figures that says the probes are frozen."""


def freeze_probes(shop: Workshop, adaptation: Adaptation) -> None:
    """Make the probes of the adaptation's documents, once; a document that has made ones keeps them as they are."""
    if DONE in adaptation.figures:
        return
    total = 0
    for id in adaptation.documents:
        probes = _frozen(shop, shop.documents.get(id))
        counted: dict[str, int] = {o: sum(p.origin == o for p in probes) for o in ("client", "model", "rule")}
        counted["reward"] = sum(p.split == "reward" for p in probes)
        shop.adaptations.note(adaptation.id, "probes", {"document": id, **counted})
        total += len(probes)
    shop.adaptations.add_figures(adaptation.id, {DONE: total})


def _frozen(shop: Workshop, document: Document) -> list[Probe]:
    """All probes of the document. They are stored in one transaction, so after a kill all are there or none."""
    probes = shop.probes.of_documents([document.id], split=None)
    if any(probe.origin != "client" for probe in probes):
        return probes
    most, factual = shop.settings.ingest.made_probes, _without_instructions(document)
    shop.probes.add(make(shop.engine, factual, blanks_of(factual), supplied=probes, most=most))
    return shop.probes.of_documents([document.id], split=None)


def _without_instructions(document: Document) -> Document:
    """What addresses a model is nothing to ask for."""
    passages = tuple(passage.model_copy(update={"text": told(passage.text)}) for passage in document.passages)
    return document.model_copy(update={"title": subject_of(document.title), "passages": passages})
