from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from seald.domain.adaptation import AdaptationStatus as S
from seald.errors import IllegalTransition, NotFound
from seald.store import Stores
from tests.unit.store.conftest import document


def queued(stores: Stores, text: str = "one") -> str:
    return stores.documents.add(document(text), [])[1].id


def test_a_move_writes_its_event_beside_it(stores: Stores) -> None:
    id = queued(stores)
    moved = stores.adaptations.move(id, S.QUEUED, S.EDITING, figures={"passages": 2})
    assert (moved.status, moved.figures) == (S.EDITING, {"passages": 2})
    assert [(e.type, e.data) for e in stores.adaptations.events(id)] == [
        ("status", {"from": None, "to": "queued"}),
        ("status", {"from": "queued", "to": "editing", "figures": {"passages": 2}}),
    ]


def test_a_move_that_is_not_listed_changes_nothing(stores: Stores) -> None:
    id = queued(stores)
    with pytest.raises(IllegalTransition):
        stores.adaptations.move(id, S.QUEUED, S.PROMOTED)
    assert stores.adaptations.get(id).status is S.QUEUED


def test_of_two_movers_one_wins(stores: Stores) -> None:
    id = queued(stores)

    def move(_: int) -> bool:
        try:
            stores.adaptations.move(id, S.QUEUED, S.EDITING)
        except IllegalTransition:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(move, range(16))) == 1
    assert len(stores.adaptations.events(id)) == 2


def test_what_was_begun_goes_first_then_the_oldest(stores: Stores) -> None:
    first, second = queued(stores, "one"), queued(stores, "two")
    found = stores.adaptations.next_runnable()
    assert found is not None
    assert found.id == first
    stores.adaptations.move(second, S.QUEUED, S.EDITING)
    found = stores.adaptations.next_runnable()
    assert found is not None
    assert found.id == second


def test_cancelling(stores: Stores) -> None:
    waiting, running = queued(stores, "one"), queued(stores, "two")
    assert stores.adaptations.request_cancel(waiting).status is S.CANCELLED
    stores.adaptations.move(running, S.QUEUED, S.EDITING)
    asked = stores.adaptations.request_cancel(running)
    assert (asked.status, asked.cancel_requested) == (S.EDITING, True)
    with pytest.raises(IllegalTransition, match="too late"):
        stores.adaptations.request_cancel(waiting)


def test_the_end_has_its_time(stores: Stores) -> None:
    id = queued(stores)
    stores.adaptations.move(id, S.QUEUED, S.EDITING)
    failed = stores.adaptations.move(id, S.EDITING, S.FAILED, error={"message": "m", "code": "c"})
    assert failed.finished is not None
    assert failed.finished.tzinfo is not None
    assert failed.error == {"message": "m", "code": "c"}


def test_pages(stores: Stores) -> None:
    ids = [queued(stores, str(n)) for n in range(5)]
    page = stores.adaptations.page(collection=None, status=None, after=ids[1], limit=2)
    assert ([a.id for a in page.data], page.has_more) == (ids[2:4], True)
    with pytest.raises(NotFound):
        stores.adaptations.page(collection=None, status=None, after="adp-x", limit=2)
