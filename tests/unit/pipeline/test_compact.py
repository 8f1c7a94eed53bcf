"""A collection's adapter rebuilt from the base over its ledger: from the real ledger to real weights that serve."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from seald.domain.adaptation import Adaptation
from seald.domain.adaptation import AdaptationStatus as S
from seald.domain.adapter import AdapterVersion
from seald.errors import Conflict, NotFound
from seald.pipeline.compact import request_compaction
from tests.unit.pipeline.conftest import Site

MILL = ("The mill of Orvale", "The mill of Orvale was built in 1893. Its wheel measures 9 metres.")
PIER = ("The pier of Lunde", "The pier of Lunde was opened in 1921. It is 340 metres long.")
WALK = [S.QUEUED, S.EDITING, S.TRAINING, S.GUARDING, S.PROMOTING, S.PROMOTED]


@pytest.fixture(scope="module")
def site(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Two documents learned, which makes a rebuild due, and another rebuild that a person asked for."""
    site = Site(tmp_path_factory.mktemp("rebuilt"), tiny_model, {"compaction": {"every": 2}})
    for title, text in (MILL, PIER):
        site.ingest(title, text)
    site.walk()
    request_compaction(site.shop, "default", "asked", message="to be sure")
    site.walk()
    yield site
    site.stores.close()


@pytest.fixture
def versions(site: Site) -> list[AdapterVersion]:
    return site.stores.adapters.of_collection("default")


@pytest.fixture
def compactions(site: Site, versions: list[AdapterVersion]) -> list[Adaptation]:
    return [site.stores.adaptations.get(version.adaptation_id) for version in versions[2:]]


def events(site: Site, adaptation: Adaptation, type: str) -> list[dict[str, Any]]:
    return [event.data for event in site.stores.adaptations.events(adaptation.id) if event.type == type]


def test_a_rebuild_walks_the_same_states(site: Site, compactions: list[Adaptation]) -> None:
    for adaptation in compactions:
        moves = [(data["from"], data["to"]) for data in events(site, adaptation, "status")]
        assert moves == [(None, S.QUEUED), *pairwise(WALK)]


def test_the_lineage(versions: list[AdapterVersion]) -> None:
    assert [(v.parent, v.replaces, v.live) for v in versions] == [
        (None, None, False),
        (1, 1, False),
        (None, 2, False),
        (None, 3, True),
    ]
    assert versions[1].documents == versions[2].documents == versions[3].documents


def test_it_says_why(site: Site, compactions: list[Adaptation]) -> None:
    why = [events(site, adaptation, "compaction") for adaptation in compactions]
    assert why == [[{"reason": "every"}], [{"reason": "asked", "message": "to be sure"}]]


def test_its_job_is_the_whole_ledger_from_the_base(
    site: Site, versions: list[AdapterVersion], compactions: list[Adaptation]
) -> None:
    own = [site.stores.ledger.of_adaptation(version.adaptation_id) for version in versions[:2]]
    lines = tuple(line for edits in own for edit in edits for line in edit.lines)
    learned, job = (site.trainer.jobs[id] for id in (versions[1].adaptation_id, compactions[0].id))
    assert (job.parent, job.replay, job.fresh) == (None, (), lines)
    assert (job.general, job.seed, job.recipe) == (learned.general, learned.seed, learned.recipe)
    assert learned.parent is not None
    assert len(learned.replay) + len(learned.fresh) == len(lines)
    entries = sum(len(edits) for edits in own)
    assert compactions[0].figures["ledger"] == {"documents": 2, "entries": entries, "lines": len(lines)}
    assert site.stores.adapter_files.verify(site.stores.adapters.get("default", 3)).ledger == (1, entries)


def test_the_same_ledger_gives_the_same_weights(
    site: Site, versions: list[AdapterVersion], compactions: list[Adaptation]
) -> None:
    first, second = (site.trainer.jobs[adaptation.id] for adaptation in compactions)
    assert first.key == second.key
    weights = [(site.stores.adapter_files.folder("default", n) / "adapter_model.safetensors") for n in (2, 3, 4)]
    learned, once, again = (file.read_bytes() for file in weights)
    assert once == again
    assert once != learned
    assert versions[2].sha256 == versions[3].sha256


def test_a_version_with_the_weights_of_another_serves_under_its_own_label(
    site: Site, versions: list[AdapterVersion]
) -> None:
    name = versions[3].engine_name
    assert versions[2].engine_name == name
    assert site.engine.loads.count(name) == 1
    route = site.residency.take("default", None, "seald")
    site.residency.give_back(route)
    assert (route.label, route.engine_name) == ("default@4", name)
    assert "default@4" in site.residency.loaded(site.replica)


def test_it_is_judged_on_all_its_documents(site: Site) -> None:
    probes = len(site.stores.probes.of_documents(site.stores.adapters.get("default", 3).documents))
    found = {verdict.guard: verdict for verdict in site.stores.adapters.verdicts("default", 3)}
    assert {verdict.verdict for verdict in found.values()} == {"pass"}
    assert probes > 0
    acquired, kept = found["acquisition"].figures, found["retention"].figures
    assert (acquired["n"], acquired["accuracy_before"], acquired["accuracy_after"]) == (probes, 0, 1)
    assert (kept["n"], kept["accuracy_before"], kept["accuracy_after"]) == (probes, 1, 1)


def test_what_learns_is_still_judged_by_its_own(site: Site) -> None:
    found = {verdict.guard: verdict.figures for verdict in site.stores.adapters.verdicts("default", 2)}
    documents = site.stores.adapters.get("default", 2).documents
    earlier, own = (len(site.stores.probes.of_documents([document])) for document in documents)
    assert (found["acquisition"]["n"], found["retention"]["n"]) == (own, earlier)


def test_without_any_probe_it_is_not_held(tiny_model: Path, tmp_path: Path) -> None:
    site = Site(tmp_path, tiny_model)
    site.engine.knows = True
    learned = site.ingest(*MILL)
    site.walk()
    assert site.stores.adaptations.get(learned).status is S.HELD
    site.stores.adaptations.move(learned, S.HELD, S.PROMOTING)
    site.walk()
    made, _ = request_compaction(site.shop, "default", "asked")
    site.walk()
    assert site.stores.adaptations.get(made.id).status is S.PROMOTED
    found = {v.guard: v.figures for v in site.stores.adapters.verdicts("default", 2)}
    assert found["acquisition"]["n"] == 0
    site.stores.close()


def test_what_has_gone_back_to_the_base_meanwhile_fails_with_a_reason(site_without_training: Site) -> None:
    site = site_without_training
    made, _ = request_compaction(site.shop, "default", "asked")
    site.stores.adapters.roll_back("default", 0, reason=None)
    site.walk()
    ended = site.stores.adaptations.get(made.id)
    assert (ended.status, (ended.error or {})["code"]) == (S.FAILED, "nothing_to_compact")


def test_there_must_be_something_to_rebuild(site_without_training: Site) -> None:
    site = site_without_training
    with pytest.raises(NotFound, match="nobody"):
        request_compaction(site.shop, "nobody", "asked")
    site.stores.adapters.roll_back("default", 0, reason=None)
    with pytest.raises(Conflict) as nothing:
        request_compaction(site.shop, "default", "asked")
    assert nothing.value.code == "nothing_to_compact"
