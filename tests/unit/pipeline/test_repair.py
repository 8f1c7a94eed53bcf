"""A candidate that lost too much is trained on from its own weights, once, and then judged anew."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from seald.domain.adaptation import AdaptationStatus as S
from seald.domain.adapter import AdapterStatus
from seald.pipeline.lineage import level
from seald.pipeline.repair import stage
from seald.ports import BASE, Choice, Preference
from tests.unit.pipeline.conftest import Site

MILL = (
    "The mill of Orvale",
    "The mill of Orvale was built in 1893. Its wheel measures 9 metres. It employs 31 people.",
)


def damaged(site: Site, monkeypatch: pytest.MonkeyPatch, *, weights: int) -> None:
    """The first so many adapters that the engine is asked have forgotten what is general."""
    asked: list[str] = []

    def prefer(choices: Sequence[Choice], *, model: str) -> list[Preference]:
        if model not in (BASE, *asked):
            asked.append(model)
        hurt = model in asked[:weights]
        return [Preference(answer=-1.0 if hurt else -0.1, wrong=-3.0, best=-0.1) for _ in choices]

    monkeypatch.setattr(site.engine, "prefer", prefer)


@pytest.fixture
def site(tmp_path: Path, tiny_model: Path) -> Site:
    return Site(tmp_path, tiny_model)


def test_a_repair_starts_from_the_candidates_own_weights(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged(site, monkeypatch, weights=1)
    id = site.ingest(*MILL)
    while site.stores.adaptations.get(id).status is not S.GUARDING:
        site.runner.step()
    first = site.stores.adapters.get("default", 1)
    site.runner.step()
    between = site.stores.adapters.get("default", 1)
    assert (between.sha256, between.repairs, site.stores.adapters.verdicts("default", 1)) == (None, 1, [])
    assert level(site.shop, between) < level(site.shop, first)
    site.walk()
    made = site.stores.adapters.get("default", 1)
    events = site.stores.adaptations.events(id)
    moves = [S.QUEUED, S.EDITING, S.TRAINING, S.GUARDING, S.TRAINING, S.GUARDING, S.PROMOTING, S.PROMOTED]
    assert [(e.data["from"], e.data["to"]) for e in events if e.type == "status"] == [
        (None, S.QUEUED),
        *pairwise(moves),
    ]
    assert made.live and made.repairs == 1 and made.sha256 not in (None, first.sha256)
    manifest = site.stores.adapter_files.verify(made)
    assert (manifest.repairs, manifest.recipe.epochs) == (1, 1)
    # A first document has nothing to replay, and what it would have been is the base's replies.
    assert (manifest.recipe.general_fraction, manifest.recipe.replay_fraction) == (0.75, 0.0)
    assert site.trainer.jobs[id].parent == str(stage(site.shop, id, 1))
    assert "general questions" in next(e.data["reasons"] for e in events if e.type == "repair")
    assert not stage(site.shop, id, 1).exists()
    site.stores.close()


def test_what_a_repair_cannot_mend_is_rejected(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged(site, monkeypatch, weights=2)
    id = site.ingest(*MILL)
    site.walk()
    adaptation, version = site.stores.adaptations.get(id), site.stores.adapters.get("default", 1)
    assert (adaptation.status, (adaptation.error or {})["code"]) == (S.REJECTED, "guard_failed")
    assert (version.status, version.repairs) == (AdapterStatus.REJECTED, 1)
    site.stores.close()


def test_a_kill_between_the_move_and_the_folder_leaves_nothing_of_the_first_weights(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged(site, monkeypatch, weights=1)
    id = site.ingest(*MILL)

    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(site.stores.adapter_files, "remove", die)
        site.walk()
    assert site.stores.adaptations.get(id).status is S.TRAINING
    site.runner.sweep()
    site.walk()
    assert site.stores.adapters.get("default", 1).live
    site.stores.close()


def test_a_repair_whose_start_is_in_no_backup_fails_and_can_be_sent_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged(site, monkeypatch, weights=1)
    id = site.ingest(*MILL)
    while not any(version.repairs for version in site.stores.adapters.of_collection("default")):
        site.runner.step()
    shutil.rmtree(site.shop.work_folder(id))
    site.walk()
    ended = site.stores.adaptations.get(id)
    assert (ended.status, (ended.error or {})["code"]) == (S.FAILED, "integrity_error")
    assert site.stores.adaptations.get(site.ingest(*MILL)).status is S.QUEUED
    site.stores.close()
