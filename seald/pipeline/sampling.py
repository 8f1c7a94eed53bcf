"""A sample of many documents' probes that is fair to each document, so that cost stays flat as the collection grows."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import chain, zip_longest

from seald.domain.probe import Probe


def stratified(probes: Sequence[Probe], most: int, seed: str) -> list[Probe]:
    """At most `most` probes: one of each document in turn, documents and their probes in an order drawn by `seed`.

    The same probes, in whatever order, and the same seed give the same sample in the same order, and a smaller sample
    is the beginning of a larger one. Two documents differ by at most one probe, unless one has no more.
    """
    drawn = random.Random(seed)
    by_document: dict[str, list[Probe]] = {}
    for probe in sorted(probes, key=lambda probe: (probe.document_id or "", probe.id)):
        by_document.setdefault(probe.document_id or "", []).append(probe)
    strata = list(by_document.values())
    drawn.shuffle(strata)
    for stratum in strata:
        drawn.shuffle(stratum)
    in_turn = chain.from_iterable(zip_longest(*strata))
    return [probe for probe in in_turn if probe is not None][: max(most, 0)]
