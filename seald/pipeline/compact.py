"""Compaction: the adapter is rebuilt from the base over the whole ledger, as one more kind of adaptation.

Every version that starts from the one before carries along what its training damaged. A rebuild sees all lines afresh
and together, and walks the same states, is put to the same guards and is promoted like any other candidate.

Whether one is due is looked at after every promotion of a version that learned, and for all collections at start: a
kill between the promotion and the look loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import structlog
from scipy.stats import theilslopes

from seald.config import Settings
from seald.domain.adaptation import Adaptation, AdaptationKind, AdaptationStatus
from seald.domain.adapter import AdapterVersion
from seald.pipeline.contradict import find_among
from seald.pipeline.workshop import Workshop

log = structlog.get_logger(__name__)

Reason = Literal["asked", "every", "retention_trend", "general_trend", "held"]
Figures = dict[str, dict[str, Any]]
"""Guard name → the figures of its verdict on one version."""

WORTH_REBUILDING = 2
"""So many versions have learned since the last rebuild before another one may cure what was held."""
PAGE = 100
LEAST_VERSIONS = 3
"""So many points make a trend; and after a compaction, whatever became of it, so many versions come before the next
one that a trend asks for: what a rebuild did not cure would else be rebuilt after every document."""


def request_compaction(
    shop: Workshop, collection: str, reason: Reason, *, message: str | None = None
) -> tuple[Adaptation, bool]:
    """Queue a compaction, or find the open one (`False`). `message` is what the person who asks says to it.

    Raises:
        NotFound: there is no such collection.
        Conflict: code `nothing_to_compact`, when the base is live.
    """
    why = {"reason": reason, **({"message": message} if message is not None else {})}
    adaptation, new = shop.adapters.queue_compaction(collection, why)
    if new:
        log.info("compaction queued", adaptation=adaptation.id, collection=collection, reason=reason)
    return adaptation, new


def ask_for_compaction(shop: Workshop, collection: str, message: str | None) -> tuple[Adaptation, bool]:
    """`request_compaction` for a person, who may say why."""
    return request_compaction(shop, collection, "asked", message=message)


def queue_if_due(shop: Workshop, collection: str) -> None:
    """Queue a compaction where one is due. Doing it again queues no second one."""
    reason = is_due(shop, collection)
    if reason is not None:
        request_compaction(shop, collection, reason)


def rebuild_for_what_is_held(shop: Workshop, adaptation: Adaptation) -> None:
    """Queue a compaction where a candidate was held that a fresh start may help: several versions have added up since
    the last one, whatever became of that."""
    if adaptation.kind is AdaptationKind.LEARN and _has_added_up(shop, adaptation.collection):
        request_compaction(shop, adaptation.collection, "held")


def _has_added_up(shop: Workshop, collection: str) -> bool:
    last = shop.adaptations.latest_compaction(collection)
    return len(_learned_since(shop, collection, last)) >= WORTH_REBUILDING


def take_up_what_is_held(shop: Workshop, collection: str) -> None:
    """After a rebuild: what was held for want of evidence is learned anew, from the rebuilt adapter."""
    _take_up(shop, collection, "inconclusive")


def take_up_what_was_overtaken(shop: Workshop, collection: str) -> None:
    """After a start: what was held since something else became live meanwhile, and a kill kept from being queued."""
    _take_up(shop, collection, "parent_not_live")


def _take_up(shop: Workshop, collection: str, code: str) -> None:
    for adaptation in [*_held(shop, collection)]:
        if adaptation.kind is AdaptationKind.LEARN and (adaptation.error or {}).get("code") == code:
            again = shop.adapters.take_up_again(adaptation.id)
            log.info("taken up again", held_as=code, before=adaptation.id, adaptation=again.id)


def _held(shop: Workshop, collection: str) -> Iterator[Adaptation]:
    """All of them: what waits for a person may be more than a page."""
    after, more = None, True
    while more:
        page = shop.adaptations.page(collection=collection, status=AdaptationStatus.HELD, after=after, limit=PAGE)
        yield from page.data
        after, more = (page.data[-1].id if page.data else None), page.has_more


def is_due(shop: Workshop, collection: str) -> Reason | None:
    """Why the collection's live adapter should be rebuilt now; None: it need not."""
    last = shop.adaptations.latest_compaction(collection)
    versions = _learned_since(shop, collection, last)
    if _are_enough(shop, collection, len(versions)):
        return "every"
    if last is not None and len(versions) < LEAST_VERSIONS:
        return None
    return trend([_figures(shop, version) for version in versions], shop.settings)


def _are_enough(shop: Workshop, collection: str, learned: int) -> bool:
    """Whether so many versions since the last rebuild are to be rebuilt.

    A rebuild costs what all documents together do. That each of them makes for a share more keeps the sum of all
    rebuilds within a few times that, however many documents come.
    """
    settings, live = shop.settings.compaction, shop.adapters.live(collection)
    if not settings.every or live is None:
        return False
    return learned >= max(settings.every, settings.growth * (len(live.documents) - learned))


def trend(figures: Sequence[Figures], settings: Settings) -> Reason | None:
    """What the verdicts on the versions since the last compaction, oldest first, say about the way they go."""
    if _retention_fall(figures) >= settings.compaction.retention_fall:
        return "retention_trend"
    drop = figures[-1].get("general", {}).get("drop", 0.0) if figures else 0.0
    # Rounded as the figures are: 0.8 x 0.1 is a little more than 0.08.
    used_up = round(settings.compaction.general_share * settings.guards.general.margin, 4)
    return "general_trend" if drop > 0 and drop >= used_up else None


def gather(shop: Workshop, adaptation: Adaptation) -> None:
    """editing → training: nothing is written; the version is allotted, which settles what it replaces and rebuilds.

    What takes back a document without which all else is live already goes on to promoting: nothing has to be trained.

    Raises:
        Conflict: code `nothing_to_compact`, when the base has become live since the compaction was queued.
    """
    if adaptation.kind is AdaptationKind.FORGET and not shop.forgetting.has_to_rebuild(adaptation):
        shop.adaptations.move(adaptation.id, AdaptationStatus.EDITING, AdaptationStatus.PROMOTING)
        return
    version = shop.adapters.allot(adaptation)
    find_among(shop, adaptation, version.documents)
    entries = shop.ledger.promoted(version.collection, version.documents)
    lines = sum(len(entry.lines) for entry in entries)
    figures = {"documents": len(version.documents), "entries": len(entries), "lines": lines}
    shop.adaptations.move(
        adaptation.id, AdaptationStatus.EDITING, AdaptationStatus.TRAINING, figures={"ledger": figures}
    )


def _learned_since(shop: Workshop, collection: str, last: Adaptation | None) -> list[AdapterVersion]:
    """What has learned since this compaction was queued, whatever became of it."""
    return [v for v in _learned(shop, collection) if last is None or v.created > last.created]


def _learned(shop: Workshop, collection: str) -> list[AdapterVersion]:
    """The live version and those it came from, oldest first, back to the last rebuild or to the base."""
    known = {version.version: version for version in shop.adapters.of_collection(collection)}
    at, found = shop.adapters.live(collection), []
    while at is not None and not at.is_rebuild:
        found.append(at)
        at = known[at.parent] if at.parent is not None else None
    return found[::-1]


def _figures(shop: Workshop, version: AdapterVersion) -> Figures:
    return {v.guard: v.figures for v in shop.adapters.verdicts(version.collection, version.version)}


def _retention_fall(figures: Sequence[Figures]) -> float:
    """How far the accuracy on earlier documents fell from first to last, by the median of all slopes (Theil-Sen)."""
    retention = [(place, known["retention"]) for place, known in enumerate(figures) if "retention" in known]
    # A version without earlier documents has no probes, and an accuracy of 0 that means nothing.
    points = [(place, found["accuracy_after"]) for place, found in retention if found["n"]]
    if len(points) < LEAST_VERSIONS:
        return 0.0
    places, accuracies = zip(*points, strict=True)
    slope = float(theilslopes(accuracies, places).slope)
    return float(round(-slope * (places[-1] - places[0]), 4))
