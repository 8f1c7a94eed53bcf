"""Two documents that contradict each other, through real stores and the real trainer; the guards are passed over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from seald.domain.adaptation import Adaptation
from seald.domain.adaptation import AdaptationStatus as S
from seald.domain.self_edit import SelfEdit
from seald.pipeline.compact import request_compaction
from seald.pipeline.contradict import FOUND, overruled, settled
from seald.pipeline.ingest import Ingest
from tests.unit.pipeline.conftest import Site

PARTS = ("fresh", "replay")
TITLE = "The Marrow Bridge"
OLD = "The Marrow Bridge was built in 1921. Its toll house has 4 windows."
NEW = "The Marrow Bridge was built in 1931. Its keeper is named Ada Holm."


def ingest(site: Site, text: str, **more: Any) -> tuple[str, str]:
    """Ids of the document and of its adaptation."""
    tokenizer = site.model / "tokenizer.json"
    taken = Ingest(site.stores.documents, tokenizer, site.settings.ingest, site.stores.clock)
    document, adaptation, _ = taken.text(title=TITLE, text=text, **more)
    return document.id, adaptation.id


def step_to(site: Site, id: str, status: S) -> Adaptation:
    while site.stores.adaptations.get(id).status is not status:
        assert site.runner.step()
    return site.stores.adaptations.get(id)


def promote_untrained(site: Site, id: str) -> None:
    """For what asks the stores alone: a version without files."""
    version = site.stores.adapters.allot(step_to(site, id, S.TRAINING))
    site.stores.adapters.record_weights(version.collection, version.version, "0" * 64, "1" * 64)
    for before, after in pairwise((S.TRAINING, S.GUARDING, S.PROMOTING)):
        site.stores.adaptations.move(id, before, after)
    site.stores.adapters.promote(id)


def texts(edits: Iterable[SelfEdit]) -> str:
    return "\n".join(line.whole for edit in edits for line in edit.lines)


def kept_of(site: Site, adaptation: Adaptation, *documents: str) -> str:
    """What may be trained on of these documents, which are all that a version is to know."""
    edits = [*site.stores.ledger.promoted("default", documents), *site.stores.ledger.of_adaptation(adaptation.id)]
    return texts(settled(site.shop, adaptation, documents, edits))


@pytest.fixture
def site(tiny_model: Path, tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path, tiny_model)
    yield site
    site.stores.close()


def test_the_newer_document_counts(site: Site) -> None:
    old, first = ingest(site, OLD, probes=[("In which year was it put up?", "1921"), ("How many windows?", "four")])
    step_to(site, first, S.GUARDING)
    site.stores.adaptations.move(first, S.GUARDING, S.PROMOTING)
    step_to(site, first, S.PROMOTED)
    new, second = ingest(site, NEW)
    adaptation = step_to(site, second, S.GUARDING)
    entry = {
        "document": new,
        "other": old,
        "sentence": "The Marrow Bridge was built in 1931.",
        "other_sentence": "The Marrow Bridge was built in 1921.",
        "value": "1931",
        "other_value": "1921",
        "kept": False,
    }
    assert adaptation.figures[FOUND] == [entry]
    assert [e.data for e in site.stores.adaptations.events(second) if e.type == "contradiction"] == [entry]
    fresh, replay = ("\n".join(line.whole for line in getattr(site.trainer.jobs[second], part)) for part in PARTS)
    assert ("1931" in fresh, "1921" in replay, "4 windows" in replay) == (True, False, True)
    probes = site.stores.probes.of_documents([old])
    ids = overruled(site.shop, adaptation)
    assert ids == {p.id for p in probes if "1921" in f"{p.question} {p.answer}"}
    assert 2 <= len(ids) < len(probes)


def test_it_counts_in_a_rebuild_as_long_as_the_version_knows_it(site: Site) -> None:
    old, first = ingest(site, OLD)
    promote_untrained(site, first)
    new, second = ingest(site, NEW)
    promote_untrained(site, second)
    site.stores.adaptations.add_figures(second, {FOUND: [{"kept": False}]})  # as forgetting a third one leaves it
    queued, _ = request_compaction(site.shop, "default", "asked")
    rebuilt = step_to(site, queued.id, S.TRAINING)
    assert [(entry["document"], entry["other"]) for entry in rebuilt.figures[FOUND]] == [(new, old)]
    kept = kept_of(site, rebuilt, old, new)
    assert ("1921" in kept, "1931" in kept, "4 windows" in kept) == (False, True, True)
    without = rebuilt.model_copy(update={"documents": (old,)})
    assert "1921" in kept_of(site, without, old)


def test_told_to_keep_it_only_reports(site: Site) -> None:
    old, first = ingest(site, OLD)
    promote_untrained(site, first)
    new, second = ingest(site, NEW, metadata={"contradictions": "keep"})
    adaptation = step_to(site, second, S.TRAINING)
    assert [entry["kept"] for entry in adaptation.figures[FOUND]] == [True]
    assert "1921" in kept_of(site, adaptation, old, new)


def test_an_older_document_that_is_learned_later_does_not_win(site: Site) -> None:
    old, first = ingest(site, OLD)
    site.stores.adaptations.request_cancel(first)
    new, second = ingest(site, NEW)
    promote_untrained(site, second)
    _, again = ingest(site, OLD)
    adaptation = step_to(site, again, S.TRAINING)
    (entry,) = adaptation.figures[FOUND]
    assert (entry["document"], entry["other"], entry["other_value"]) == (new, old, "1921")
    kept = kept_of(site, adaptation, new, old)
    assert ("1921" in kept, "1931" in kept) == (False, True)


def test_what_is_superseded_is_not_contradicted(site: Site) -> None:
    old, first = ingest(site, OLD)
    promote_untrained(site, first)
    _, second = ingest(site, NEW, supersedes=old)
    assert step_to(site, second, S.TRAINING).figures[FOUND] == []
