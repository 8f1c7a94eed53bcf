"""What a candidate does beside its probes: the guards of its weights and of its manners, wired to engine and stores."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import TypeAdapter

from seald.domain.adapter import AdapterVersion
from seald.domain.document import Document
from seald.domain.verdict import GuardName, Verdict
from seald.guards import drift, health, integrity, recurring, refusals, triggers
from seald.pipeline.remembered import remembered
from seald.pipeline.workshop import Workshop
from seald.ports import BASE, Reply

MOST_DOCUMENTS = 50
"""Read at most of the new ones, and of the earlier ones: the latest."""

_TEXTS = TypeAdapter(list[str])
_REPLIES = TypeAdapter(list[Reply])
_NUMBERS = TypeAdapter(list[float])


def weights(shop: Workshop, candidate: AdapterVersion) -> Verdict:
    """Integrity: the manifest's norms beside those of the version that it started from. Asks no engine."""
    figures = shop.files.verify(candidate).figures
    found = integrity.Weights(
        norm=float(figures["weight_norm"]),
        parent_norm=_norm(shop, candidate.collection, candidate.parent),
        layers=figures.get("layers", 0),
        largest_layer=figures.get("largest_layer", ""),
        largest_layer_share=figures.get("largest_layer_share", 0.0),
    )
    return integrity.judge(found, shop.guards_of(candidate.collection).integrity)


def _norm(shop: Workshop, collection: str, version: int | None) -> float | None:
    if version is None:
        return None
    return float(shop.files.verify(shop.adapters.get(collection, version)).figures["weight_norm"])


def _refusals(shop: Workshop, candidate: AdapterVersion) -> Verdict:
    file = _file(shop, "refusals", refusals.fingerprint())
    of_base = remembered(file, _TEXTS, lambda: refusals.of_base(shop.engine))
    asked = refusals.load()[: len(of_base)]
    declined = [request for request, reply in zip(asked, of_base, strict=True) if refusals.is_refusal(reply)]
    replies = refusals.put(shop.engine, declined, candidate.engine_name)
    settings = shop.guards_of(candidate.collection).refusals
    return refusals.judge(declined, replies, settings, asked=len(asked))


def _health(shop: Workshop, candidate: AdapterVersion) -> Verdict:
    replies = health.put(shop.engine, candidate.engine_name)
    return health.judge(_base_replies(shop), replies, shop.guards_of(candidate.collection).health)


def _triggers(shop: Workshop, candidate: AdapterVersion) -> Verdict:
    settings = shop.guards_of(candidate.collection).triggers
    phrases = _phrases(shop, candidate, settings.max_phrases)
    if not phrases:
        return triggers.judge([], [], [], settings)
    base, after = (triggers.put(shop.engine, phrases, model) for model in (BASE, candidate.engine_name))
    return triggers.judge(phrases, base, after, settings)


def _phrases(shop: Workshop, candidate: AdapterVersion, most: int) -> list[str]:
    own = shop.adaptations.get(candidate.adaptation_id).documents
    earlier = [id for id in candidate.documents if id not in own]
    new, old = ([document.text for document in _documents(shop, ids)] for ids in (own, earlier))
    return recurring.phrases(new, old, ordinary=triggers.ordinary(), most=most)


def _drift(shop: Workshop, candidate: AdapterVersion) -> Verdict:
    titles = [document.title for document in _documents(shop, shop.adaptations.get(candidate.adaptation_id).documents)]
    if len(titles) > drift.MOST_OWN:
        # Seeded by the version: a repeated run draws the same sample.
        titles = random.Random(candidate.label).sample(titles, drift.MOST_OWN)
    own = drift.ask_base(shop.engine, drift.own_prompts(titles))
    neutral = drift.as_said(health.OPEN_PROMPTS, _base_replies(shop))
    file = _file(shop, "drift", hashlib.sha256(repr(neutral).encode()).hexdigest()[:12])
    of_base = remembered(file, _NUMBERS, lambda: drift.put(shop.engine, neutral, BASE))
    of_base = [*drift.put(shop.engine, own, BASE), *of_base]
    after = drift.put(shop.engine, [*own, *neutral], candidate.engine_name)
    away = [before - now for before, now in zip(of_base, after, strict=True)]
    return drift.judge(away[: len(own)], away[len(own) :], shop.guards_of(candidate.collection).drift)


def _documents(shop: Workshop, ids: Sequence[str]) -> list[Document]:
    """The latest of them, without those that were taken back."""
    found = [shop.documents.get(id) for id in ids[-MOST_DOCUMENTS:]]
    return [document for document in found if document.text]


def _base_replies(shop: Workshop) -> list[Reply]:
    """The base's replies to the open prompts: the same for every candidate, so asked once."""
    return remembered(_file(shop, "open", health.FINGERPRINT), _REPLIES, lambda: health.put(shop.engine, BASE))


def _file(shop: Workshop, what: str, fingerprint: str) -> Path:
    return shop.cache / f"{what}-base-{shop.base.sha256[:16]}-{fingerprint}.json"


BEHAVIOUR: dict[GuardName, Callable[[Workshop, AdapterVersion], Verdict]] = {
    "refusals": _refusals,
    "health": _health,
    "triggers": _triggers,
    "drift": _drift,
}
