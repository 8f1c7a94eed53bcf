from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from seald.domain.adaptation import AdaptationStatus as S
from seald.errors import IllegalTransition, NotFound
from seald.store import Stores
from tests.unit.store.conftest import document
from tests.unit.store.test_adapters import candidate


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
    assert stores.adaptations.events(running)[-1].type == "cancel_requested"
    with pytest.raises(IllegalTransition, match="too late"):
        stores.adaptations.request_cancel(waiting)
    with pytest.raises(NotFound, match="adp-x"):
        stores.adaptations.request_cancel("adp-x")


def test_what_is_held_is_cancelled_at_once_and_what_is_being_promoted_is_not(stores: Stores) -> None:
    id = candidate(stores, "one").adaptation_id
    with pytest.raises(IllegalTransition, match="too late"):
        stores.adaptations.request_cancel(id)
    stores.adaptations.move(id, S.PROMOTING, S.HELD)
    assert stores.adaptations.request_cancel(id).status is S.CANCELLED
    assert stores.adaptations.next_runnable() is None


def test_an_error_is_that_of_the_last_move(stores: Stores) -> None:
    id = candidate(stores, "one").adaptation_id
    error = {"message": "m", "code": "canary_mismatch"}
    assert stores.adaptations.move(id, S.PROMOTING, S.HELD, error=error).error == error
    assert stores.adaptations.events(id)[-1].data == {"from": "promoting", "to": "held", "error": error}
    assert stores.adaptations.move(id, S.HELD, S.PROMOTING).error is None


def test_figures_of_many_writers_are_all_kept(stores: Stores) -> None:
    id = queued(stores)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: stores.adaptations.add_figures(id, {str(n): n}), range(40)))
    assert stores.adaptations.move(id, S.QUEUED, S.EDITING, figures={"40": 40}).figures == {
        str(n): n for n in range(41)
    }


def test_events_go_on_from_where_a_reader_stopped(stores: Stores) -> None:
    id = queued(stores)
    for n in range(4):
        stores.adaptations.note(id, "training", {"step": n})
    first = stores.adaptations.events(id, limit=3)
    rest = stores.adaptations.events(id, after=first[-1].seq)
    assert [e.data.get("step") for e in (*first, *rest)] == [None, 0, 1, 2, 3]
    assert stores.adaptations.events(id, after=rest[-1].seq) == []
    with pytest.raises(NotFound, match="adp-x"):
        stores.adaptations.events("adp-x")


def test_what_runs_is_counted(stores: Stores) -> None:
    ids = [queued(stores, str(n)) for n in range(4)]
    stores.adaptations.move(ids[0], S.QUEUED, S.EDITING)
    stores.adaptations.move(ids[1], S.QUEUED, S.FAILED)
    assert stores.adaptations.counts() == {"queued": 2, "running": 1, "held": 0}
    assert stores.adaptations.training() is None
    stores.adaptations.move(ids[0], S.EDITING, S.TRAINING)
    for step in (1, 2):
        stores.adaptations.note(ids[0], "training", {"step": step, "steps": 9})
    assert stores.adaptations.training() == {"adaptation": ids[0], "step": 2, "steps": 9}


def test_moving_what_is_not_there(stores: Stores) -> None:
    with pytest.raises(NotFound, match="adp-x"):
        stores.adaptations.move("adp-x", S.QUEUED, S.EDITING)
    with pytest.raises(NotFound, match="adp-x"):
        stores.adaptations.add_figures("adp-x", {"n": 1})


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
    stores.adaptations.move(ids[3], S.QUEUED, S.EDITING)
    editing = stores.adaptations.page(collection="default", status=S.EDITING, after=None, limit=2)
    assert [a.id for a in editing.data] == ids[3:4]
    assert stores.adaptations.page(collection="other", status=None, after=None, limit=2).data == []
    with pytest.raises(NotFound):
        stores.adaptations.page(collection=None, status=None, after="adp-x", limit=2)


def test_ids_sort_by_age(stores: Stores) -> None:
    ids = [queued(stores, str(n)) for n in range(12)]
    assert ids == sorted(ids)
