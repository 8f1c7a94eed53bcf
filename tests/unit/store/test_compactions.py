"""Rebuilt versions: queued once, allotted from the base, promoted in the place of what they replace."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from seald.domain.adaptation import Adaptation, AdaptationKind
from seald.domain.adaptation import AdaptationStatus as S
from seald.domain.adapter import AdapterVersion
from seald.errors import Conflict, NotFound
from seald.store import Stores
from tests.unit.store.conftest import document
from tests.unit.store.test_adapters import candidate, live, promoted
from tests.unit.store.test_ledger import edit

WHY = {"reason": "asked"}


def compaction(stores: Stores) -> Adaptation:
    return stores.adapters.queue_compaction("default", WHY)[0]


def rebuilt(stores: Stores, *, sha256: str | None = None) -> AdapterVersion:
    """A compaction brought as far as promoting, and its version."""
    adaptation = compaction(stores)
    for before, after in pairwise([S.QUEUED, S.EDITING, S.TRAINING, S.GUARDING, S.PROMOTING]):
        stores.adaptations.move(adaptation.id, before, after)
    version = stores.adapters.allot(stores.adaptations.get(adaptation.id))
    return stores.adapters.record_weights("default", version.version, sha256 or f"{version.version:064x}", "m" * 64)


def test_a_compaction_takes_up_all_documents_and_says_why(stores: Stores) -> None:
    promoted(stores, "one")
    version = promoted(stores, "two")
    made, new = stores.adapters.queue_compaction("default", {"reason": "every"})
    assert (made.kind, made.status, made.documents, new) == (AdaptationKind.COMPACT, S.QUEUED, version.documents, True)
    assert [(e.type, e.data) for e in stores.adaptations.events(made.id)] == [
        ("status", {"from": None, "to": "queued"}),
        ("compaction", {"reason": "every"}),
    ]
    assert stores.adaptations.latest_compaction("default") == made
    assert stores.adaptations.latest_compaction("other") is None


def test_what_learns_is_no_compaction(stores: Stores) -> None:
    version = promoted(stores, "one")
    assert stores.adaptations.get(version.adaptation_id).kind is AdaptationKind.LEARN
    assert stores.adaptations.latest_compaction("default") is None


@pytest.mark.parametrize("then", [S.QUEUED, S.EDITING])
def test_asking_again_gives_the_open_one(stores: Stores, then: S) -> None:
    promoted(stores, "one")
    first = compaction(stores)
    if then is not S.QUEUED:
        stores.adaptations.move(first.id, S.QUEUED, then)
    again, new = stores.adapters.queue_compaction("default", {"reason": "every"})
    assert (again.id, again.status, new) == (first.id, then, False)
    assert len(stores.adaptations.events(first.id)) == 2 + (then is not S.QUEUED)


def test_of_many_who_ask_one_queues(stores: Stores) -> None:
    promoted(stores, "one")
    with ThreadPoolExecutor(8) as pool:
        asked = list(pool.map(lambda _: stores.adapters.queue_compaction("default", WHY), range(16)))
    assert len({adaptation.id for adaptation, _ in asked}) == 1
    assert [new for _, new in asked].count(True) == 1


@pytest.mark.parametrize("end", [S.HELD, S.FAILED])
def test_one_that_is_held_or_over_is_not_open(stores: Stores, end: S) -> None:
    promoted(stores, "one")
    first = rebuilt(stores)
    stores.adaptations.move(first.adaptation_id, S.PROMOTING, end)
    made, new = stores.adapters.queue_compaction("default", WHY)
    assert (made.id != first.adaptation_id, new) == (True, True)
    assert stores.adaptations.latest_compaction("default") == made


def test_collections_have_their_own(stores: Stores) -> None:
    promoted(stores, "one")
    compaction(stores)
    stores.documents.add(document("one", collection="other"), [])
    with pytest.raises(Conflict) as nothing:
        stores.adapters.queue_compaction("other", WHY)
    assert nothing.value.code == "nothing_to_compact"
    with pytest.raises(NotFound, match="nobody"):
        stores.adapters.queue_compaction("nobody", WHY)


def test_a_rebuilt_version_starts_from_the_base_and_remembers_what_it_replaces(stores: Stores) -> None:
    promoted(stores, "one")
    old = promoted(stores, "two")
    version = rebuilt(stores)
    assert (version.parent, version.replaces, version.is_rebuild) == (None, 2, True)
    assert version.documents == old.documents
    assert (old.parent, old.replaces, old.is_rebuild) == (1, 1, False)
    assert stores.adapters.get("default", 1).is_rebuild is False
    assert (stores.adaptations.get(version.adaptation_id).version, stores.adapters.allot(compaction(stores))) == (
        3,
        version,
    )


def test_what_was_promoted_meanwhile_is_rebuilt_too(stores: Stores) -> None:
    promoted(stores, "one")
    waiting = compaction(stores)
    late = promoted(stores, "two")
    version = stores.adapters.allot(waiting)
    assert (version.replaces, version.documents) == (2, late.documents)
    assert stores.adaptations.get(waiting.id).documents == late.documents


def test_on_the_base_there_is_nothing_to_rebuild(stores: Stores) -> None:
    promoted(stores, "one")
    waiting = compaction(stores)
    stores.adapters.roll_back("default", 0, reason=None)
    with pytest.raises(Conflict) as nothing:
        stores.adapters.allot(waiting)
    assert nothing.value.code == "nothing_to_compact"
    assert len(stores.adapters.of_collection("default")) == 1


def test_promotion_moves_the_pointer_from_what_it_replaces(stores: Stores) -> None:
    promoted(stores, "one")
    version = stores.adapters.promote(rebuilt(stores).adaptation_id)
    assert (version.live, live(stores)) == (True, 2)
    assert promoted(stores, "two").parent == 2
    stores.adapters.roll_back("default", 2, reason=None)
    assert stores.adapters.rollback_target("default", None) == stores.adapters.get("default", 1)


def test_another_version_than_it_was_to_replace_is_not_replaced(stores: Stores) -> None:
    promoted(stores, "one")
    promoted(stores, "two")
    version = rebuilt(stores)
    stores.adapters.roll_back("default", 1, reason=None)
    with pytest.raises(Conflict, match="replace 2, but 1 is live now"):
        stores.adapters.promote(version.adaptation_id)
    assert live(stores) == 1


def test_the_same_weights_may_be_those_of_two_versions(stores: Stores) -> None:
    old = promoted(stores, "one")
    version = stores.adapters.promote(rebuilt(stores, sha256=old.sha256).adaptation_id)
    assert (version.engine_name, version.label) == (old.engine_name, "default@2")
    assert live(stores) == 2


def test_a_documents_status_is_that_of_what_learned_it(stores: Stores) -> None:
    learned = promoted(stores, "one")
    failed = compaction(stores)
    stores.adaptations.move(failed.id, S.QUEUED, S.FAILED)
    assert stores.documents.latest_adaptation(document("one").id).id == learned.adaptation_id
    _, adaptation, _ = stores.documents.add(document("one"), [])
    assert adaptation.id == learned.adaptation_id


def test_the_ledger_of_a_rebuild_is_what_its_documents_taught(stores: Stores) -> None:
    waiting = [candidate(stores, text) for text in ("one", "two", "three")]
    for version in reversed(waiting):
        stores.ledger.add(edit(version.adaptation_id, version.documents[0], 0))
    stores.adapters.promote(waiting[0].adaptation_id)
    promoted(stores, "four")
    version = stores.adapters.promote(rebuilt(stores).adaptation_id)
    found = stores.ledger.promoted("default", version.documents)
    assert [entry.adaptation_id for entry in found] == [waiting[0].adaptation_id]
