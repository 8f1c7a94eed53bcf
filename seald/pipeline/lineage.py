"""What a candidate is compared with, beside the live version: where each document stood when it was settled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seald.domain.adapter import AdapterStatus, AdapterVersion
from seald.domain.probe import Probe, ProbeResult
from seald.guards import spending
from seald.pipeline.known_results import recorded
from seald.pipeline.workshop import Workshop

Marks = dict[str, AdapterVersion]
"""Document → the version that it was settled in."""


def settled(shop: Workshop, candidate: AdapterVersion) -> Marks:
    """For each earlier document its last rebuild, or else the version that learned it."""
    found: Marks = {}
    for version, learned in _back(shop, candidate):
        found.update({document: version for document in learned if document not in found})
    return found


def settled_results(shop: Workshop, probes: Sequence[Probe], marks: Marks) -> dict[str, ProbeResult]:
    """What those versions made of their own documents' probes, by probe, as far as that was recorded then.

    Nothing is asked: old versions are not loaded for it. Empty where it could show no more than the live version does.
    """
    if len({version.label for version in marks.values()}) < 2:
        return {}
    known = {version.label: recorded(shop, version) for version in marks.values()}
    mine = {probe.id: known[marks[probe.document_id].label] for probe in probes if probe.document_id in marks}
    return {id: results[id] for id, results in mine.items() if id in results}


def level(shop: Workshop, candidate: AdapterVersion) -> float:
    """What the stream of the collection's adaptations lets this candidate spend; a repair is one more test.

    A person who promotes what the guards would not begins the stream anew: too many failures in a row leave it so
    little to spend that nothing could pass any more, and it is for a person to say that their cause is gone.
    """
    tests: int = 0
    discoveries: list[int] = []
    for version in shop.adapters.of_collection(candidate.collection):
        if version.version < candidate.version and version.sha256 is not None:
            tests += 1 + version.repairs
            if version.status in (AdapterStatus.APPROVED, AdapterStatus.RETIRED):
                if _was_shown_harmless(shop, version):
                    discoveries.append(tests)
                else:
                    tests, discoveries = 0, []
    return spending.level(shop.guards_of(candidate.collection).alpha, tests + 1 + candidate.repairs, discoveries)


def _was_shown_harmless(shop: Workshop, version: AdapterVersion) -> bool:
    """By its guards, not by a person who knew better."""
    verdicts = shop.adapters.verdicts(version.collection, version.version)
    return all(v.verdict == "pass" for v in verdicts if v.guard in ("retention", "general"))


def _back(shop: Workshop, candidate: AdapterVersion) -> Iterator[tuple[AdapterVersion, set[str]]]:
    """The versions from the one that it replaces back to a rebuild or the first, and what each brought."""
    number = candidate.replaces
    while number is not None:
        version = shop.adapters.get(candidate.collection, number)
        number = version.parent
        if version.sha256 is None:  # taken back with a document: nothing of it is left
            return
        earlier = shop.adapters.get(version.collection, number).documents if number is not None else ()
        yield version, set(version.documents) - set(earlier)
