"""The first part of editing: probes are made and frozen before anything is written that could be trained on."""

from __future__ import annotations

from collections.abc import Iterator

from seald.domain.adaptation import Adaptation
from seald.domain.document import Document
from seald.guards.probes import Blank, make
from seald.pipeline.workshop import Workshop
from seald.policy import facts, sentences
from seald.policy.instructions import subject_of, told

DONE = "probes"
"""Key among the adaptation's figures that says the probes are frozen."""


def freeze_probes(shop: Workshop, adaptation: Adaptation) -> None:
    """Make the probes of the adaptation's documents, once."""
    if DONE in adaptation.figures:
        return
    total = 0
    for id in adaptation.documents:
        document = shop.documents.get(id)
        document = document.model_copy(update={"title": subject_of(document.title)})
        supplied = shop.probes.of_documents([id])
        made = make(shop.engine, document, list(_blanks(document)), from_client=len(supplied))
        shop.probes.add(made)
        probes = shop.probes.of_documents([id])
        counted = {origin: sum(p.origin == origin for p in probes) for origin in ("client", "model", "rule")}
        shop.adaptations.note(adaptation.id, "probes", {"document": id, **counted})
        total += len(probes)
    shop.adaptations.add_figures(adaptation.id, {DONE: total})


def _blanks(document: Document) -> Iterator[Blank]:
    for passage in document.passages:
        text = told(passage.text)
        for sentence in sentences.split(text):
            for fact in facts.extract(sentence):
                if fact.text.lower() not in document.title.lower():
                    yield Blank(passage=text, lead=sentence[: fact.start], answer=fact.text)
