"""Two documents that contradict each other, through real stores and the real trainer; the guards are passed over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seald.domain.adaptation import AdaptationStatus as S
from seald.domain.probe import Probe
from seald.pipeline.compact import request_compaction
from seald.pipeline.contradict import FOUND, overruled
from seald.pipeline.ingest import Ingest
from tests.unit.pipeline.conftest import Site

TITLE = "The Marrow Bridge"
OLD = "The Marrow Bridge was built in 1921. Its toll house has 4 windows."
NEW = "The Marrow Bridge was built in 1931. Its keeper is named Ada Holm."


def ingest(site: Site, text: str, **more: Any) -> tuple[str, str]:
    """Ids of the document and of its adaptation."""
    tokenizer = site.model / "tokenizer.json"
    taken = Ingest(site.stores.documents, tokenizer, site.settings.ingest, site.stores.clock)
    document, adaptation, _ = taken.text(title=TITLE, text=text, **more)
    return document.id, adaptation.id


def step_to(site: Site, id: str, status: S) -> None:
    while site.stores.adaptations.get(id).status is not status:
        assert site.runner.step()


def promote(site: Site, id: str) -> None:
    step_to(site, id, S.GUARDING)
    site.stores.adaptations.move(id, S.GUARDING, S.PROMOTING)
    step_to(site, id, S.PROMOTED)


def trained(site: Site, id: str, part: str) -> str:
    return "\n".join(line.whole for line in getattr(site.trainer.jobs[id], part))


@pytest.fixture
def site(tiny_model: Path, tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path, tiny_model)
    yield site
    site.stores.close()


def test_the_newer_document_counts_in_replay_probes_and_rebuilds(site: Site) -> None:
    old, first = ingest(site, OLD, probes=[("In which year was it put up?", "1921"), ("How many windows?", "four")])
    promote(site, first)
    new, second = ingest(site, NEW)
    step_to(site, second, S.GUARDING)
    entry = {
        "document": new,
        "other": old,
        "sentence": "The Marrow Bridge was built in 1931.",
        "other_sentence": "The Marrow Bridge was built in 1921.",
        "value": "1931",
        "other_value": "1921",
        "kept": False,
    }
    assert site.stores.adaptations.get(second).figures[FOUND] == [entry]
    assert [e.data for e in site.stores.adaptations.events(second) if e.type == "contradiction"] == [entry]
    assert "1921" in trained(site, first, "fresh")
    assert "1931" in trained(site, second, "fresh")
    assert ("1921" in trained(site, second, "replay"), "4 windows" in trained(site, second, "replay")) == (False, True)
    probes: list[Probe] = site.stores.probes.of_documents([old])
    ids = overruled(site.shop, site.stores.adaptations.get(second))
    assert (
        {p.id for p in probes if p.id in ids} == {p.id for p in probes if "1921" in f"{p.question} {p.answer}"} == ids
    )
    assert 2 <= len(ids) < len(probes)

    promote(site, second)
    rebuilt, _ = request_compaction(site.shop, "default", "asked")
    step_to(site, rebuilt.id, S.GUARDING)
    fresh = trained(site, rebuilt.id, "fresh")
    assert ("1921" in fresh, "1931" in fresh, "4 windows" in fresh) == (False, True, True)
    assert overruled(site.shop, site.stores.adaptations.get(rebuilt.id)) == ids


def test_told_to_keep_it_only_reports(site: Site) -> None:
    _, first = ingest(site, OLD)
    promote(site, first)
    _, second = ingest(site, NEW, metadata={"contradictions": "keep"})
    step_to(site, second, S.GUARDING)
    adaptation = site.stores.adaptations.get(second)
    assert [entry["kept"] for entry in adaptation.figures[FOUND]] == [True]
    assert "1921" in trained(site, second, "replay")
    assert overruled(site.shop, adaptation) == set()


def test_an_older_document_that_is_learned_later_does_not_win(site: Site) -> None:
    old, first = ingest(site, OLD)
    site.stores.adaptations.request_cancel(first)
    new, second = ingest(site, NEW)
    promote(site, second)
    _, again = ingest(site, OLD)
    step_to(site, again, S.GUARDING)
    (entry,) = site.stores.adaptations.get(again).figures[FOUND]
    assert (entry["document"], entry["other"], entry["other_value"]) == (new, old, "1921")
    assert ("1921" in trained(site, again, "fresh"), "1931" in trained(site, again, "replay")) == (False, True)


def test_what_is_superseded_is_not_contradicted(site: Site) -> None:
    old, first = ingest(site, OLD)
    promote(site, first)
    _, second = ingest(site, NEW, supersedes=old)
    step_to(site, second, S.TRAINING)
    assert site.stores.adaptations.get(second).figures[FOUND] == []
