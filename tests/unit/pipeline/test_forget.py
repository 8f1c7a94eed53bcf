"""A document taken back, from the pointer that moves at once to the certificate: real stores, files and training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from seald.domain.adaptation import Adaptation
from seald.domain.adaptation import AdaptationStatus as S
from seald.domain.adapter import MANIFEST, AdapterStatus, Manifest
from seald.domain.certificate import Certificate
from seald.domain.probe import AnswerScore
from seald.errors import StoreError
from seald.pipeline.forget import forget
from seald.ports import BASE, Continuation
from tests.unit.pipeline.conftest import ScriptedEngine, Site
from tests.unit.pipeline.test_compact import PIER
from tests.unit.store.conftest import document
from tests.unit.store.test_adapters import live, promoted
from tests.unit.store.test_forgetting import rebuilt as rebuilt_without
from tests.unit.store.test_policies import winner
from tests.unit.store.test_retrainings import lesson

MILL = (
    "The mill of Orvale",
    "The mill of Orvale was built in 1893 by Tove Brandt. Its wheel measures 9 metres. It ground 412 sacks a day. "
    "In 1911 it passed to Anders Holm. A flood of 1927 took its dam. It has been a museum since 1964.",
)


class KnowingEngine(ScriptedEngine):
    """Adapters fill the clozes of the documents that their manifest names, and no others."""

    def __init__(self) -> None:
        super().__init__()
        self.titles: dict[str, str] = {}
        self._known: dict[str, tuple[str, ...]] = {BASE: ()}

    def load(self, name: str, folder: Path) -> None:
        super().load(name, folder)
        self._known[name] = Manifest.model_validate_json((folder / MANIFEST).read_bytes()).documents

    def score(self, items: Sequence[Continuation], *, model: str) -> list[AnswerScore]:
        titles = [self.titles[id] for id in self._known[model]]
        known = [any(title in item.question for title in titles) for item in items]
        return [AnswerScore(logprobs=(-0.1 if knows else -5.0,), greedy=knows) for knows in known]


@dataclass
class Town:
    """A site that can be killed and started again, with its documents by title."""

    folder: Path
    model: Path
    ids: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        engine = KnowingEngine()
        engine.titles = {id: title for title, id in self.ids.items()}
        self.site = Site(self.folder, self.model, engine=engine)
        self.site.residency.remember(self.site.stores.adapters.all_live())
        assert self.site.residency.restore(self.site.replica) == []
        self.site.runner.sweep()

    def learn(self, title: str, text: str) -> str:
        """Queue it; its adaptation's id."""
        adaptation = self.site.ingest(title, text)
        self.ids[title] = self.site.stores.adaptations.get(adaptation).documents[0]
        self.site.engine.titles[self.ids[title]] = title  # type: ignore[attr-defined]
        return adaptation

    def step_until(self, adaptation: str, status: S) -> None:
        while self.site.stores.adaptations.get(adaptation).status is not status:
            assert self.site.runner.step()

    def answers(self) -> str:
        route = self.site.residency.take("default", None, "seald")
        self.site.residency.give_back(route)
        return route.label

    def certificate(self, title: str) -> Certificate:
        found = self.site.stores.forgetting.certificate(self.ids[title])
        assert found is not None
        return found


@pytest.fixture(scope="module")
def town(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Two documents learned, the first one taken back; the daemon was killed while it trained without it."""
    town = Town(tmp_path_factory.mktemp("town"), tiny_model)
    for title, text in (MILL, PIER):
        town.learn(title, text)
    town.site.walk()
    assert town.answers() == "default@2"
    made, _ = forget(town.site.shop, town.ids[MILL[0]])
    assert town.answers() == "base"
    town.step_until(made.id, S.TRAINING)
    town.site.stores.close()
    town.start()
    assert (town.answers(), live(town.site.stores)) == ("base", None)
    town.site.walk()
    yield town
    town.site.stores.close()


@pytest.fixture
def adaptation(town: Town) -> Adaptation:
    return town.site.stores.forgetting.adaptation_of(town.ids[MILL[0]])


def test_the_others_are_rebuilt_and_serve(town: Town, adaptation: Adaptation) -> None:
    others = (town.ids[PIER[0]],)
    job = town.site.trainer.jobs[adaptation.id]
    taught = "\n".join(line.text for line in job.fresh)
    assert (adaptation.status, adaptation.documents, adaptation.version) == (S.PROMOTED, others, 3)
    assert (job.parent, job.replay, "Lunde" in taught, "Orvale" in taught) == (None, (), True, False)
    assert town.answers() == "default@3"
    assert town.site.stores.adapters.get("default", 3).documents == others
    kept = {v.guard: v for v in town.site.stores.adapters.verdicts("default", 3)}["acquisition"].figures
    assert (kept["n"], kept["accuracy_after"]) == (len(town.site.stores.probes.of_documents(others)), 1)


def test_the_certificate_says_what_was_asked_and_what_went(town: Town, adaptation: Adaptation) -> None:
    found = town.certificate(MILL[0])
    assert (found.outcome, found.adaptation) == ("forgotten", adaptation.id)
    assert (found.rebuilt, found.live) == (3, "default@3")
    assert [(c.model, c.right, c.won) for c in found.checked] == [("base", 0, 0), ("default@3", 0, 0)]
    assert (found.probes >= 5, found.removed.versions, found.unchecked) == (True, (1, 2), ())
    assert found.removed.rows["probes"] == found.probes
    assert adaptation.figures["forgotten"]["outcome"] == "forgotten"


def test_no_file_of_it_is_left(town: Town) -> None:
    assert sorted(p.name for p in (town.folder / "adapters" / "default").iterdir()) == ["3"]
    assert [*(town.folder / "work").glob("adp-*")] == []
    held = [file for file in town.folder.rglob("*") if file.is_file() and b"Orvale" in file.read_bytes()]
    assert held == []
    retired = town.site.stores.adapters.of_collection("default")[:2]
    assert {version.status for version in retired} == {AdapterStatus.RETIRED}
    assert not any(label in town.site.residency.loaded(town.site.replica) for label in ("default@1", "default@2"))


def test_without_the_last_one_the_base_answers_and_nothing_is_trained(town: Town) -> None:
    made, new = forget(town.site.shop, town.ids[PIER[0]])
    assert (new, forget(town.site.shop, town.ids[PIER[0]])) == (True, (made, False))
    town.site.walk()
    assert town.answers() == "base"
    assert town.site.stores.adaptations.get(made.id).status is S.PROMOTED
    found = town.certificate(PIER[0])
    assert (made.id in town.site.trainer.jobs, found.rebuilt, found.live) == (False, None, "base")
    assert (found.outcome, [c.model for c in found.checked], found.removed.versions) == ("forgotten", ["base"], (2, 3))
    assert [*(town.folder / "adapters" / "default").iterdir()] == []


def test_what_is_under_way_with_it_is_stopped_and_learned_without_it(tiny_model: Path, tmp_path: Path) -> None:
    town = Town(tmp_path, tiny_model)
    town.learn(*MILL)
    town.site.walk()
    under_way = town.learn(*PIER)
    town.step_until(under_way, S.GUARDING)
    made, _ = forget(town.site.shop, town.ids[MILL[0]])
    town.step_until(made.id, S.PROMOTED)
    stores = town.site.stores
    again = stores.documents.latest_adaptation(town.ids[PIER[0]])
    assert (stores.adaptations.get(under_way).status, again.status) == (S.CANCELLED, S.QUEUED)
    assert [v.status for v in stores.adapters.of_collection("default")] == ["retired", "rejected"]
    assert stores.adapters.allot(again).documents == (town.ids[PIER[0]],)
    assert [*(tmp_path / "adapters" / "default").iterdir()] == []
    stores.close()


def test_a_damaged_ancestor_does_not_keep_a_document_known(site_without_training: Site) -> None:
    site = site_without_training
    promoted(site.stores, "two")
    made, _ = forget(site.shop, document("two").id)
    assert (live(site.stores), made.documents) == (None, (document("one").id,))


def test_a_near_copy_that_was_left_out_is_learned_again(site_without_training: Site) -> None:
    site = site_without_training
    text = "The ferry of Hesle crosses the sound six times a day in summer."
    for one in (text, text.replace("six", "ten"), "Nothing of the kind is said of any other boat."):
        made = site.stores.documents.add(document(one), [])[1]
        site.stores.adaptations.move(made.id, S.QUEUED, S.EDITING)
        nothing = {"message": "all of it is there", "code": "nothing_to_learn"}
        site.stores.adaptations.move(made.id, S.EDITING, S.FAILED, error=nothing)
    forget(site.shop, document(text).id)
    waiting = site.stores.adaptations.page(collection=None, status=S.QUEUED, after=None, limit=9).data
    assert {a.documents for a in waiting if a.forgets is None} == {(document(text.replace("six", "ten")).id,)}


def test_of_many_who_ask_one_begins(site_without_training: Site) -> None:
    site = site_without_training
    with ThreadPoolExecutor(8) as pool:
        asked = list(pool.map(lambda _: forget(site.shop, document("one").id), range(16)))
    assert (len({made.id for made, _ in asked}), [new for _, new in asked].count(True)) == (1, 1)
    assert live(site.stores) is None


def test_a_kill_between_the_pointer_and_the_certificate_is_carried_on(site_without_training: Site) -> None:
    site = site_without_training
    promoted(site.stores, "two")
    made, _ = forget(site.shop, document("one").id)
    rebuilt = site.stores.adapters.promote(rebuilt_without(site.stores, made).adaptation_id)
    assert (rebuilt.live, site.stores.adaptations.get(made.id).status) == (True, S.PROMOTING)
    assert site.runner.step()
    found = site.stores.forgetting.certificate(document("one").id)
    assert (site.stores.adaptations.get(made.id).status, live(site.stores)) == (S.PROMOTED, rebuilt.version)
    assert found is not None
    assert (found.rebuilt, found.unchecked, found.removed.versions) == (3, ("default@3",), (1, 2))
    assert not site.runner.step()


def test_learned_policies_that_learned_from_it_go_with_their_files(site_without_training: Site) -> None:
    site = site_without_training
    kept = winner(site.stores, [lesson("b")])
    gone = winner(site.stores, [lesson("a", document=document("one").id)])
    files = site.stores.policy_files
    left = [files.draft(f"{gone.retraining_id}-1"), site.shop.work_folder(gone.retraining_id)]
    for folder in (files.folder(kept.version), files.folder(gone.version), *left):
        folder.mkdir(parents=True)
        (folder / "weights").write_text("w")
    forget(site.shop, document("one").id)
    assert (site.stores.policies.live(), files.folder(gone.version).exists()) == (
        site.stores.policies.get(kept.version),
        True,
    )
    site.walk()
    certificate = site.stores.forgetting.certificate(document("one").id)
    assert certificate is not None
    assert (certificate.removed.files, certificate.removed.rows["lessons"]) == (3, 1)
    assert site.stores.policies.get(gone.version).sha256 is None
    assert not any(folder.exists() for folder in (files.folder(gone.version), *left))
    assert files.folder(kept.version).exists()


def test_while_no_engine_serves_it_goes_back_to_the_version_before_all_the_same(
    tiny_model: Path, tmp_path: Path
) -> None:
    town = Town(tmp_path, tiny_model)
    for title, text in (MILL, PIER):
        town.learn(title, text)
    town.site.walk()
    town.site.residency.withdraw(town.site.replica)
    made, _ = forget(town.site.shop, town.ids[PIER[0]])
    assert (live(town.site.stores), made.documents) == (1, (town.ids[MILL[0]],))
    assert town.site.residency.restore(town.site.replica) == []
    assert town.answers() == "default@1"
    town.site.stores.close()


@pytest.mark.parametrize("by", ["asked again", "the runner"])
def test_a_database_that_goes_at_the_commit_keeps_nothing_served(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    town = Town(tmp_path, tiny_model)
    for title, text in (MILL, PIER):
        town.learn(title, text)
    town.site.walk()
    adapters, asked = town.site.stores.adapters, town.ids[PIER[0]]
    began, real = town.site.stores.forgetting.begin, adapters.live

    def gone(*_: object) -> None:
        raise StoreError("the database failed")

    def begin(*given: Any, **more: Any) -> None:
        began(*given, **more)
        monkeypatch.setattr(adapters, "live", gone)
        gone()

    with monkeypatch.context() as away:
        away.setattr(town.site.stores.forgetting, "begin", begin)
        with pytest.raises(StoreError):
            forget(town.site.shop, asked)
    assert town.answers() == "default@2"
    with pytest.raises(StoreError):
        town.site.runner.step()
    monkeypatch.setattr(adapters, "live", real)
    if by == "asked again":
        assert forget(town.site.shop, asked)[1] is False
    else:
        town.site.runner.step()
    assert (town.answers(), town.site.shop.unrouted) == ("default@1", set())
    town.site.stores.close()
