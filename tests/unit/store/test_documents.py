from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest

from seald.domain.adaptation import AdaptationStatus as S
from seald.errors import NotFound
from seald.store import Stores
from tests.unit.store.conftest import document
from tests.unit.store.test_adapters import candidate


def test_what_was_stored_comes_back(stores: Stores) -> None:
    made, adaptation, new = stores.documents.add(document(), [])
    assert new
    assert stores.documents.get(made.id) == document()
    assert stores.documents.latest_adaptation(made.id) == adaptation


def test_the_same_content_from_fifty_clients_is_one_document(stores: Stores) -> None:
    with ThreadPoolExecutor(50) as pool:
        added = list(pool.map(lambda _: stores.documents.add(document(), []), range(50)))
    assert sum(new for _, _, new in added) == 1
    assert len({adaptation.id for _, adaptation, _ in added}) == 1
    assert len(stores.documents.page(collection=None, after=None, limit=10).data) == 1
    assert len(stores.adaptations.page(collection=None, status=None, after=None, limit=10).data) == 1


@pytest.mark.parametrize("end", [S.FAILED, S.CANCELLED])
def test_what_failed_is_queued_again_when_sent_again(stores: Stores, end: S) -> None:
    _, first, _ = stores.documents.add(document(), [])
    stores.adaptations.move(first.id, S.QUEUED, end)
    again = [stores.documents.add(document(), []) for _ in range(2)]
    assert [new for _, _, new in again] == [False, False]
    assert first.id < again[0][1].id == again[1][1].id
    assert stores.documents.latest_adaptation(document().id) == again[0][1]


@pytest.mark.parametrize("end", [S.QUEUED, S.TRAINING, S.HELD, S.PROMOTED, S.REJECTED])
def test_what_runs_or_was_judged_is_not_queued_again(stores: Stores, end: S) -> None:
    version = candidate(stores, document().text)
    if end is S.PROMOTED:
        stores.adapters.promote(version.adaptation_id)
    with stores.session.write() as connection:
        connection.exec_driver_sql(f"UPDATE adaptations SET status = '{end}'")
    _, again, new = stores.documents.add(document(), [])
    assert (again.id, again.status, new) == (version.adaptation_id, end, False)


def test_the_same_content_in_two_collections_is_two_documents(stores: Stores) -> None:
    ids = {stores.documents.add(document(collection=name), [])[0].id for name in ("default", "other")}
    assert len(ids) == 2
    assert [d.collection for d in stores.documents.page(collection="other", after=None, limit=5).data] == ["other"]


def test_times_come_back_as_utc_whatever_zone_they_had(stores: Stores) -> None:
    east = timezone(timedelta(hours=9))
    stores.documents.add(document().model_copy(update={"created": datetime(2026, 1, 1, 9, tzinfo=east)}), [])
    found = stores.documents.get(document().id).created
    assert (found, found.utcoffset()) == (datetime(2026, 1, 1, tzinfo=UTC), timedelta(0))


def test_pages_are_in_the_order_of_arrival_also_when_the_clock_goes_back(stores: Stores) -> None:
    made = [document(f"text {n}") for n in range(5)]
    for n, one in enumerate(made):
        stores.documents.add(one.model_copy(update={"created": datetime(2026, 1, 9 - n, tzinfo=UTC)}), [])
    page = stores.documents.page(collection=None, after=made[1].id, limit=2)
    assert ([d.id for d in page.data], page.has_more) == ([d.id for d in made[2:4]], True)
    assert not stores.documents.page(collection=None, after=made[2].id, limit=2).has_more
    with pytest.raises(NotFound, match="doc-x"):
        stores.documents.page(collection=None, after="doc-x", limit=2)


def test_unknown_documents(stores: Stores) -> None:
    for ask in (stores.documents.get, stores.documents.latest_adaptation):
        with pytest.raises(NotFound, match="doc-x"):
            ask("doc-x")


def test_superseding_what_is_not_there_leaves_nothing(stores: Stores) -> None:
    old = stores.documents.add(document("old", collection="other"), [])[0]
    for absent in ("doc-x", old.id):
        with pytest.raises(NotFound, match="to supersede"):
            stores.documents.add(document().model_copy(update={"supersedes": absent}), [])
    assert stores.documents.page(collection="default", after=None, limit=10).data == []


def test_a_document_may_supersede_one_of_its_collection(stores: Stores) -> None:
    old = stores.documents.add(document("old"), [])[0]
    new = stores.documents.add(document("new").model_copy(update={"supersedes": old.id}), [])[0]
    assert stores.documents.get(new.id).supersedes == old.id
