"""Freezing probes: once, whatever was interrupted, and hidden from whoever writes what is trained on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from seald.domain.adaptation import Adaptation
from seald.domain.self_edit import SelfEdit
from seald.errors import EngineUnavailable
from seald.pipeline import edit as editing
from seald.pipeline import probe as probing
from seald.policy.writing import Assignment
from tests.tiny_model import build_tiny_model
from tests.unit.pipeline.conftest import Site

TEXT = (
    "Kestrel Light was built in 1847 by the engineer Tove Arden. It stands on the island of Marrow and has 96 steps. "
    "The lamp of the tower was made in Selm by Ida Vask and weighs 310 kilos. "
    "In the great storm of 1902 the keeper Bo Reth saved the crew of the Grey Heron."
)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "data", build_tiny_model(tmp_path / "model"))
    yield made
    made.stores.close()


@pytest.fixture
def adaptation(site: Site) -> Adaptation:
    return site.stores.adaptations.get(site.ingest("Kestrel Light", TEXT))


def test_what_was_frozen_stays_when_the_mark_was_lost(
    site: Site, adaptation: Adaptation, monkeypatch: pytest.MonkeyPatch
) -> None:
    probing.freeze_probes(site.shop, adaptation)
    before = site.stores.probes.of_documents(adaptation.documents, split=None)
    assert {p.split for p in before} == {"guard", "reward"}
    monkeypatch.setattr(probing, "make", lambda *_, **__: pytest.fail("made again"))
    probing.freeze_probes(site.shop, adaptation)
    assert site.stores.probes.of_documents(adaptation.documents, split=None) == before


def test_an_engine_that_goes_leaves_no_probe(
    site: Site, adaptation: Adaptation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object, **__: object) -> list[str]:
        raise EngineUnavailable("gone")

    with monkeypatch.context() as patch:
        patch.setattr(site.engine, "ask", gone)
        with pytest.raises(EngineUnavailable):
            probing.freeze_probes(site.shop, adaptation)
    assert site.stores.probes.of_documents(adaptation.documents, split=None) == []
    probing.freeze_probes(site.shop, adaptation)
    assert len(site.stores.probes.of_documents(adaptation.documents)) >= 6


def test_the_policy_is_told_what_it_must_not_write_of_both_splits(
    site: Site, adaptation: Adaptation, monkeypatch: pytest.MonkeyPatch
) -> None:
    probing.freeze_probes(site.shop, adaptation)
    (document,) = adaptation.documents
    paying = site.stores.probes.of_documents([document], split="reward")[0]
    asked = paying.model_copy(update={"id": "probe-asked", "question": "Who made the lamp of Kestrel Light?"})
    site.stores.probes.add([asked])
    told: list[tuple[str, ...]] = []

    def write(engine: object, task: Assignment, edits: list[SelfEdit]) -> list[SelfEdit]:
        told.append(task.questions)
        return []

    monkeypatch.setattr(editing, "write", write)
    editing._write_document(site.shop, adaptation, site.stores.documents.get(document))
    probes = site.stores.probes.of_documents([document], split=None)
    assert asked.question in told[0]
    assert sorted(told[0]) == sorted(probe.question for probe in probes)
