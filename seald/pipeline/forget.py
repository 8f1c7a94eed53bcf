"""Forgetting a document: at once nobody who may be asked knows it; the rest is an adaptation like any other.

At once: the collection goes back to the last version that never saw it, or to the base, whatever knows it is retired
and all that was being made of it is stopped. Then the pipeline rebuilds the adapter without it (`compact.gather`,
training, guards, promotion), and `certify` shows that it is gone.
"""

from __future__ import annotations

from contextlib import ExitStack

import structlog
from rapidfuzz import fuzz

from seald.domain.adaptation import Adaptation
from seald.domain.adapter import AdapterVersion
from seald.domain.document import Document
from seald.errors import EngineError, EngineUnavailable, IntegrityError
from seald.pipeline.promote import follow
from seald.pipeline.workshop import Workshop

log = structlog.get_logger(__name__)

COPY = 85
"""Similarity (0 to 100) from which one document's text is a near copy of another's."""


def forget(shop: Workshop, document: str, reason: str | None = None) -> tuple[Adaptation, bool]:
    """Take a document back; the adaptation that rebuilds without it, and whether this is the first time.

    When it returns, no live version knows the document, and a kill changes nothing about that. `reason` goes into the
    audit.

    Raises:
        NotFound: there is no such document.
    """
    with shop.pointer, ExitStack() as staged:
        known = shop.documents.get(document)
        if known.forgotten is not None:
            follow(shop, known.collection)  # the first time may have ended before it
            return shop.forgetting.adaptation_of(document), False
        knew = shop.forgetting.known_by(document)
        ways_back = shop.forgetting.ways_back(document)
        target = _first_that_serves(shop, ways_back or [], staged)
        to = target.version if target is not None else None
        try:
            adaptation, new = shop.forgetting.begin(document, to=to, copies=_copies(shop, known), reason=reason)
        finally:
            follow(shop, known.collection)
    for version in knew:
        if version.sha256 is not None:
            shop.serving.discard(version)
    log.info("forgetting", document=document, adaptation=adaptation.id, versions=[v.label for v in knew])
    return adaptation, new


def _first_that_serves(shop: Workshop, ways_back: list[AdapterVersion], staged: ExitStack) -> AdapterVersion | None:
    """Load the nearest that can be served: a damaged ancestor must not keep a document known. None is the base."""
    for version in ways_back:
        try:
            _stage(shop, version, staged)
        except (EngineError, IntegrityError) as error:
            log.warning("a version to go back to cannot be served", version=version.label, reason=error.message)
        else:
            return version
    return None


def _stage(shop: Workshop, version: AdapterVersion, staged: ExitStack) -> None:
    """Raises EngineError or IntegrityError where it cannot be served."""
    try:
        staged.enter_context(shop.serving.staged(version))
    except EngineUnavailable:
        # Whatever serves next loads it before it answers, which needs whole files.
        shop.files.verify(version)


def _copies(shop: Workshop, forgotten: Document) -> list[str]:
    """Documents that were not, or not wholly, trained on, since this one taught the same: they are to stand alone."""
    found = shop.forgetting.dropped_as_copies(forgotten.id)
    return [other.id for other in found if fuzz.ratio(forgotten.text, other.text, score_cutoff=COPY)]
