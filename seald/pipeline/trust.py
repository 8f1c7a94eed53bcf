"""Where a person has the last word: by how far a document's source is trusted, or for all that a collection learns."""

from __future__ import annotations

from seald.domain.adaptation import RELEASED, Adaptation, AdaptationKind, AdaptationStatus
from seald.domain.collection import Trust
from seald.pipeline.workshop import Workshop

Code = str


def is_quarantined(shop: Workshop, adaptation: Adaptation) -> str | None:
    """Why nothing may be written yet; None once a person has released it, or where nobody needs to."""
    if adaptation.kind is not AdaptationKind.LEARN or adaptation.figures.get(RELEASED):
        return None
    sources = _sources_at(shop, adaptation, "quarantine")
    return f"{sources} is in quarantine: approve it to have it learned, or reject it" if sources else None


def wants_a_person(shop: Workshop, adaptation: Adaptation) -> tuple[Code, str] | None:
    """Code and message where a candidate that passed its guards must wait for a person; None where it need not."""
    if shop.settings_of(adaptation.collection).approval == "manual":
        return "needs_approval", f"it passed its guards; collection {adaptation.collection!r} asks for approval"
    if adaptation.kind is AdaptationKind.LEARN:
        sources = _sources_at(shop, adaptation, "review")
        if sources:
            return "needs_review", f"it passed its guards; {sources} is to be reviewed before it is live"
    return None


def go_on(shop: Workshop, adaptation: Adaptation) -> None:
    """guarding → promoting for a candidate that passed, or → held where a person is to look first."""
    asked = wants_a_person(shop, adaptation)
    if asked is None:
        shop.adaptations.move(adaptation.id, AdaptationStatus.GUARDING, AdaptationStatus.PROMOTING)
    else:
        error = {"message": asked[1], "code": asked[0]}
        shop.adaptations.move(adaptation.id, AdaptationStatus.GUARDING, AdaptationStatus.HELD, error=error)


def _sources_at(shop: Workshop, adaptation: Adaptation, level: Trust) -> str:
    """The sources of its documents that the collection trusts so far, named; empty when there is none."""
    settings = shop.settings_of(adaptation.collection)
    sources = dict.fromkeys(shop.documents.get(id).source for id in adaptation.documents)
    found = [source or "a document without source" for source in sources if settings.trust_of(source) == level]
    return ", ".join(found)
