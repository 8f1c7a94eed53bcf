"""Is the base model fit to teach these documents? It is if, with the passage before it, it answers far better.

Context distillation learns the base's probabilities in the light of the passage. Where those are little better than
without it (a small model, a hard text), they would teach mistakes, and the words of the self-edits teach more.
"""

from __future__ import annotations

import random
from typing import Any

from seald.domain.adaptation import Adaptation
from seald.domain.document import Document
from seald.domain.probe import Probe
from seald.domain.self_edit import Line, SelfEdit, in_light_of
from seald.guards import probing
from seald.guards.paired import compare
from seald.pipeline.workshop import Workshop
from seald.policy.instructions import told
from seald.ports import BASE

MOST_PROBES = 64
"""Of a compaction over many documents, a sample tells enough."""


def contexts(shop: Workshop, adaptation: Adaptation) -> dict[tuple[str, int], str]:
    """Passages by `(document, index)` that the base may teach; none where the recipe or the figures forbid it.

    What was measured goes into the adaptation's figures as `open_book`.
    """
    recipe = shop.settings.recipe
    if not recipe.distill:
        return {}
    documents = [shop.documents.get(id) for id in adaptation.documents]
    # A run that was killed while it trained has measured already.
    figures = adaptation.figures.get("open_book") or _measure(shop, adaptation, documents)
    taught = figures["open_book"] - figures["closed_book"] >= recipe.distill_margin
    shop.adaptations.add_figures(adaptation.id, {"open_book": {**figures, "distilled": taught}})
    if not taught:
        return {}
    return {(document.id, p.index): told(p.text) for document in documents for p in document.passages}


def in_context(edit: SelfEdit, passages: dict[tuple[str, int], str], asking: frozenset[str]) -> list[Line]:
    """The edit's lines; those of a form that asks questions (`asking`) with the passage, if it may be taught."""
    context = passages.get((edit.document_id, edit.passage_index))
    if context is None or edit.form not in asking:
        return list(edit.lines)
    return [line.model_copy(update={"context": context}) if line.prompt else line for line in edit.lines]


def _measure(shop: Workshop, adaptation: Adaptation, documents: list[Document]) -> dict[str, Any]:
    probes = [
        (probe, _opened(probe, document)) for document in documents for probe in shop.probes.of_documents([document.id])
    ]
    if len(probes) > MOST_PROBES:
        probes = random.Random(adaptation.id).sample(probes, MOST_PROBES)
    closed, opened = (probing.put(shop.engine, [pair[side] for pair in probes], BASE) for side in (0, 1))
    pair = compare(closed, opened)
    return {
        "n": pair.n,
        "closed_book": round(pair.accuracy_before, 4),
        "open_book": round(pair.accuracy_after, 4),
    }


def _opened(probe: Probe, document: Document) -> Probe:
    """The probe with the passage that holds its answer."""
    texts = [told(passage.text) for passage in document.passages]
    holding = (text for text in texts if probe.answer.strip().lower() in text.lower())
    text = texts[probe.passage] if probe.passage is not None else next(holding, texts[0])
    return probe.model_copy(update={"question": in_light_of(text, probe.question)})
