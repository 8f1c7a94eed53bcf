"""Where a person has the last word: by how far a document's source is trusted, or for all that a collection learns."""

from __future__ import annotations

from seald.domain.adaptation import APPROVED, RELEASED, Adaptation, AdaptationKind, AdaptationStatus
from seald.domain.collection import Trust
from seald.pipeline.workshop import Workshop
from seald.policy.instructions import divide

Code = str
QUOTED = 120
"""Characters."""


def wants_release(shop: Workshop, adaptation: Adaptation) -> tuple[Code, str] | None:
    """Code and message where nothing may be written yet; None once a person has released it, or where nobody needs to.

    What speaks to the model waits here, and not with a trained candidate: two dozen copies of it cost a second then.
    """
    if adaptation.kind is not AdaptationKind.LEARN or adaptation.figures.get(RELEASED):
        return None
    sources = _sources_at(shop, adaptation, "quarantine")
    if sources:
        return "quarantined", f"{sources} is in quarantine: approve it to have it learned, or reject it"
    orders = _orders(shop, adaptation)
    if orders:
        return "addresses_model", (
            f"{len(orders)} of its sentences speak to the model and will be left out, as "
            f"“{orders[0][:QUOTED]}”: approve it if the rest may be learned"
        )
    return None


def wants_a_person(shop: Workshop, adaptation: Adaptation) -> tuple[Code, str] | None:
    """Code and message where a candidate must wait for a person, whatever its guards say; None where it need not, or
    where one has let it go on already."""
    if adaptation.figures.get(APPROVED):
        return None
    if shop.settings_of(adaptation.collection).approval == "manual":
        return "needs_approval", f"collection {adaptation.collection!r} asks for approval"
    if adaptation.kind is AdaptationKind.LEARN:
        sources = _sources_at(shop, adaptation, "review")
        if sources:
            return "needs_review", f"{sources} is to be reviewed before it is live"
    return None


def go_on(shop: Workshop, adaptation: Adaptation) -> None:
    """guarding → promoting for a candidate that passed, or → held where a person is to look first."""
    asked = wants_a_person(shop, adaptation)
    if asked is None:
        shop.adaptations.move(adaptation.id, AdaptationStatus.GUARDING, AdaptationStatus.PROMOTING)
    else:
        error = {"message": f"it passed its guards; {asked[1]}", "code": asked[0]}
        shop.adaptations.move(adaptation.id, AdaptationStatus.GUARDING, AdaptationStatus.HELD, error=error)


def _orders(shop: Workshop, adaptation: Adaptation) -> list[str]:
    """What its documents say to the model, but for sources that somebody has said to trust.

    Whoever writes such sentences may have meant the other sentences to do harm as well.
    """
    settings = shop.settings_of(adaptation.collection)
    documents = [shop.documents.get(id) for id in adaptation.documents]
    doubted = [document for document in documents if not settings.vouches_for(document.source)]
    texts = (text for document in doubted for text in (document.title, document.text))
    return [order for text in texts for order in divide(text)[1]]


def _sources_at(shop: Workshop, adaptation: Adaptation, level: Trust) -> str:
    """The sources of its documents that the collection trusts so far, named; empty when there is none."""
    settings = shop.settings_of(adaptation.collection)
    sources = dict.fromkeys(shop.documents.get(id).source for id in adaptation.documents)
    found = [source or "a document without source" for source in sources if settings.trust_of(source) == level]
    return ", ".join(found)
