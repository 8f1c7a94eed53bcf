"""What is held is not forgotten: a rebuild takes it up again, and so does an approval that came too late."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from seald.domain.adaptation import APPROVED
from seald.domain.adaptation import AdaptationStatus as S
from seald.domain.adapter import AdapterStatus
from seald.domain.verdict import Verdict
from seald.guards import spending
from seald.pipeline.compact import rebuild_for_what_is_held, take_up_what_is_held
from seald.pipeline.guard import hold_back
from seald.pipeline.lineage import level
from seald.pipeline.promote import promote
from tests.unit.pipeline.conftest import Site
from tests.unit.store.test_adapters import candidate, promoted


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, tmp_path)


def held(site: Site, text: str, code: str) -> str:
    id = candidate(site.stores, text, until=S.GUARDING).adaptation_id
    site.stores.adaptations.move(id, S.GUARDING, S.HELD, error={"message": "m", "code": code})
    return id


@pytest.mark.parametrize(("learned", "rebuilt"), [("a", False), ("ab", True)])
def test_what_is_held_asks_for_a_rebuild_where_several_versions_have_added_up(
    site: Site, learned: str, rebuilt: bool
) -> None:
    for text in learned:
        promoted(site.stores, text)
    rebuild_for_what_is_held(site.shop, site.stores.adaptations.get(held(site, "z", "inconclusive")))
    compaction = site.stores.adaptations.latest_compaction("default")
    assert (compaction is not None) is rebuilt
    site.stores.close()


@pytest.mark.parametrize(
    ("text", "curable", "code", "rebuilt"),
    [
        ("z", True, "inconclusive", True),
        ("z", False, "not_learned", False),
    ],
)
def test_what_no_rebuild_can_cure_asks_for_none(site: Site, text: str, curable: bool, code: str, rebuilt: bool) -> None:
    for known in "ab":
        promoted(site.stores, known)
    adaptation = site.stores.adaptations.get(candidate(site.stores, text, until=S.GUARDING).adaptation_id)
    hold_back(site.shop, adaptation, "too little evidence", curable=curable)
    found = site.stores.adaptations.get(adaptation.id)
    assert (found.status, (found.error or {})["code"]) == (S.HELD, code)
    assert (found.error or {})["message"].startswith("too little evidence")
    assert (site.stores.adaptations.latest_compaction("default") is not None) is rebuilt
    site.stores.close()


def test_after_a_rebuild_what_lacked_evidence_is_learned_anew_and_what_waits_for_a_person_waits(site: Site) -> None:
    promoted(site.stores, "a")
    unsure, unseen = held(site, "y", "inconclusive"), held(site, "z", "needs_review")
    unlearned = held(site, "x", "not_learned")
    take_up_what_is_held(site.shop, "default")
    before, waiting = (site.stores.adaptations.get(id) for id in (unsure, unseen))
    assert site.stores.adaptations.get(unlearned).status is S.HELD
    again = site.stores.documents.latest_adaptation(before.documents[0])
    assert (before.status, (before.error or {})["code"], waiting.status) == (S.CANCELLED, "taken_up_again", S.HELD)
    assert again.id in (before.error or {})["message"]
    assert (again.status, again.documents, again.version) == (S.QUEUED, before.documents, None)
    assert site.stores.adapters.get("default", before.version or 0).status is AdapterStatus.REJECTED
    site.stores.close()


def test_what_was_approved_after_something_else_became_live_is_learned_on_top_of_that(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.residency, "staged", lambda version: nullcontext(version.engine_name))
    promoted(site.stores, "a")
    late = held(site, "z", "needs_review")
    promoted(site.stores, "b")
    promote(site.shop, site.stores.adaptations.move(late, S.HELD, S.PROMOTING, figures={APPROVED: True}))
    before = site.stores.adaptations.get(late)
    again = site.stores.documents.latest_adaptation(before.documents[0])
    assert (before.status, again.status) == (S.CANCELLED, S.QUEUED)
    assert again.figures[APPROVED] is True
    live = site.stores.adapters.live("default")
    assert live is not None and live.version == 3
    site.stores.close()


def test_a_rebuild_that_cured_nothing_is_not_repeated_for_every_document(site: Site) -> None:
    for text in "ab":
        promoted(site.stores, text)
    rebuild_for_what_is_held(site.shop, site.stores.adaptations.get(held(site, "y", "inconclusive")))
    first = site.stores.adaptations.latest_compaction("default")
    assert first is not None
    site.stores.adaptations.move(first.id, S.QUEUED, S.FAILED)
    rebuild_for_what_is_held(site.shop, site.stores.adaptations.get(held(site, "z", "inconclusive")))
    assert site.stores.adaptations.latest_compaction("default") == site.stores.adaptations.get(first.id)
    site.stores.close()


def test_many_that_wait_for_a_person_hide_none_that_waits_for_a_rebuild(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seald.pipeline.compact.PAGE", 2)
    promoted(site.stores, "a")
    for text in "bcde":
        held(site, text, "needs_review")
    unsure = held(site, "f", "inconclusive")
    take_up_what_is_held(site.shop, "default")
    assert site.stores.adaptations.get(unsure).status is S.CANCELLED
    site.stores.close()


def test_what_a_person_promotes_begins_the_stream_of_tests_anew(site: Site) -> None:
    for text in "abcdef":
        bad = candidate(site.stores, text, until=S.GUARDING)
        site.stores.adapters.reject(bad.adaptation_id, error=None)
    spent = level(site.shop, candidate(site.stores, "g", until=S.GUARDING))
    by_hand = candidate(site.stores, "h", until=S.GUARDING)
    unsure = Verdict(guard="general", verdict="inconclusive", figures={"n": 9}, reason="r")
    site.stores.adapters.add_verdict("default", by_hand.version, unsure)
    site.stores.adaptations.move(by_hand.adaptation_id, S.GUARDING, S.PROMOTING)
    site.stores.adapters.promote(by_hand.adaptation_id)
    anew = level(site.shop, candidate(site.stores, "i", until=S.GUARDING))
    assert anew == pytest.approx(spending.level(site.shop.guards_of("default").alpha, 1, []))
    assert spent < anew / 50
    site.stores.close()


def test_what_a_kill_kept_from_being_queued_on_what_is_live_now_is_queued_at_the_start(site: Site) -> None:
    overtaken, waiting = held(site, "a", "parent_not_live"), held(site, "b", "not_trusted")
    site.runner.sweep()
    assert site.stores.adaptations.get(overtaken).status is S.CANCELLED
    assert site.stores.adaptations.get(waiting).status is S.HELD
    queued = site.stores.adaptations.next_runnable()
    assert queued is not None and queued.documents == site.stores.adaptations.get(overtaken).documents
