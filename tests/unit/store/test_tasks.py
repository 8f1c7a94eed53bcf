from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import select

from seald.domain.adaptation import Adaptation, AdaptationKind
from seald.domain.adaptation import AdaptationStatus as S
from seald.domain.adapter import AdapterStatus, AdapterVersion
from seald.domain.task import Task, TaskAsk
from seald.errors import Conflict, IllegalTransition, NotFound
from seald.store import Stores
from seald.store.tables import metadata
from tests.unit.store.conftest import document
from tests.unit.store.test_adapters import candidate, promoted

TURNED = [{"input": [[1, 2], [3, 4]], "output": [[2, 4], [1, 3]]}, {"input": [[5, 0]], "output": [[0], [5]]}]
PATH = [S.QUEUED, S.EDITING, S.TRAINING, S.GUARDING, S.PROMOTING]


def task(name: str = "turn", **more: Any) -> Task:
    ask = TaskAsk.model_validate({"name": name, "examples": TURNED, **more})
    return Task.of(ask, datetime(2026, 1, 1, tzinfo=UTC))


def walked(stores: Stores, adaptation: Adaptation, until: S) -> Adaptation:
    for before, after in pairwise(PATH[: PATH.index(until) + 1]):
        adaptation = stores.adaptations.move(adaptation.id, before, after)
    return adaptation


def learned(stores: Stores, one: Task) -> AdapterVersion:
    """A version with weights, about to be promoted."""
    adaptation = walked(stores, stores.tasks.add(one)[1], S.PROMOTING)
    version = stores.adapters.allot(adaptation)
    return stores.adapters.record_weights(one.lineage, version.version, f"{version.version:064x}", "m" * 64)


def solving(stores: Stores, one: Task) -> AdapterVersion:
    """A version that is live."""
    return stores.adapters.promote(learned(stores, one).adaptation_id)


def test_a_task_comes_back_as_it_was_with_its_adaptation(stores: Stores) -> None:
    one = task(test=[{"input": [[7]]}, {"input": [[8]], "output": [[8]]}], collection="puzzles")
    stored, adaptation, new = stores.tasks.add(one)
    assert (stored, new) == (one, True)
    assert (adaptation.kind, adaptation.collection, adaptation.documents) == (AdaptationKind.TASK, "task/turn", ())
    assert (adaptation.status, stores.adaptations.next_runnable()) == (S.QUEUED, adaptation)
    assert stores.tasks.get("turn") == stores.tasks.get(one.id) == one
    assert stores.tasks.latest_adaptation(one) == adaptation


def test_texts_come_back_as_texts(stores: Stores) -> None:
    one = task("shout", examples=[{"input": "a", "output": "A"}, {"input": "b", "output": "B"}])
    stores.tasks.add(one)
    assert stores.tasks.get("shout") == one


def test_the_same_again_is_once_and_is_tried_again_where_it_failed(stores: Stores) -> None:
    one = task()
    _, first, _ = stores.tasks.add(one)
    assert stores.tasks.add(one)[1:] == (first, False)
    stores.adaptations.move(first.id, S.QUEUED, S.FAILED)
    _, second, new = stores.tasks.add(one)
    assert (second.id != first.id, second.status, new) == (True, S.QUEUED, False)
    assert stores.tasks.latest_adaptation(one) == second


def test_what_was_rejected_is_not_tried_again(stores: Stores) -> None:
    one = task()
    adaptation = walked(stores, stores.tasks.add(one)[1], S.GUARDING)
    stores.adapters.allot(adaptation)
    stores.adapters.reject(adaptation.id, error={"message": "m", "code": "guard_failed"})
    assert stores.tasks.add(one)[1].status is S.REJECTED


def test_a_name_belongs_to_one_task(stores: Stores) -> None:
    stores.tasks.add(task())
    with pytest.raises(Conflict) as taken:
        stores.tasks.add(task(collection="other"))
    assert (taken.value.code, taken.value.param) == ("name_taken", "name")
    assert len(stores.tasks.page(collection=None, after=None, limit=10).data) == 1
    assert len(stores.adaptations.page(collection="task/turn", status=None, after=None, limit=10).data) == 1


def test_what_is_not_there(stores: Stores) -> None:
    for missing in ("turn", task().id):
        with pytest.raises(NotFound):
            stores.tasks.get(missing)
    with pytest.raises(NotFound):
        stores.tasks.latest_adaptation(task())
    with pytest.raises(NotFound) as error:
        stores.tasks.page(collection=None, after="turn", limit=1)
    assert error.value.param == "after"


def test_pages_are_oldest_first_behind_a_name_or_an_id(stores: Stores) -> None:
    several = [task(name, collection=where) for name, where in (("c", "x"), ("a", "y"), ("b", "x"))]
    for one in several:
        stores.tasks.add(one)
    first = stores.tasks.page(collection=None, after=None, limit=2)
    assert ([t.name for t in first.data], first.has_more) == (["c", "a"], True)
    for after in ("a", several[1].id):
        rest = stores.tasks.page(collection=None, after=after, limit=2)
        assert ([t.name for t in rest.data], rest.has_more) == (["b"], False)
    assert [t.name for t in stores.tasks.page(collection="x", after=None, limit=9).data] == ["c", "b"]


def test_a_name_counts_before_an_id(stores: Stores) -> None:
    one = task()
    other = task(one.id)
    stores.tasks.add(one)
    stores.tasks.add(other)
    assert stores.tasks.get(one.id) == other


def test_its_versions_start_from_the_base_and_take_each_others_place(stores: Stores) -> None:
    version = solving(stores, task())
    assert (version.label, version.parent, version.replaces, version.documents) == ("task/turn@1", None, None, ())
    assert (version.live, version.status) == (True, AdapterStatus.APPROVED)
    stores.adapters.roll_back("task/turn", 0, reason=None)
    assert stores.adapters.live("task/turn") is None
    back = stores.adapters.roll_back("task/turn", 1, reason=None)
    assert (back and back.label) == "task/turn@1"


def test_lineages_of_tasks_are_no_collections(stores: Stores) -> None:
    promoted(stores, "one")
    stores.documents.add(document("one", collection="task"), [])
    solving(stores, task(collection="default"))
    assert stores.adapters.collections() == ["default", "task"]
    assert [found.name for found in stores.collections.all()] == ["default", "task"]
    assert [found["name"] for found in stores.adapters.summary()] == ["default", "task"]
    assert stores.adapters.lineages() == ["default", "task", "task/turn"]
    assert [v.label for v in stores.adapters.all_live()] == ["default@1"]
    assert [v.label for v in stores.adapters.served()] == ["default@1", "task/turn@1"]
    with pytest.raises(Conflict) as refused:
        stores.adapters.queue_compaction("task/turn", {"reason": "asked"})
    assert refused.value.code == "not_a_collection"


def test_after_deletion_nothing_is_left_but_numbers(stores: Stores) -> None:
    one = task()
    solving(stores, one)
    assert stores.tasks.delete(one) == (1,)
    with pytest.raises(NotFound):
        stores.tasks.get("turn")
    assert (stores.adapters.live("task/turn"), stores.adapters.served()) == (None, [])
    assert stores.adapters.lineages() == []
    left = stores.adapters.get("task/turn", 1)
    assert (left.status, left.sha256, left.manifest_sha256) == (AdapterStatus.RETIRED, None, None)
    with pytest.raises(Conflict):
        stores.adapters.roll_back("task/turn", 1, reason=None)
    with stores.session.read() as connection:
        rows = [str(row) for table in metadata.tables.values() for row in connection.execute(select(table))]
    assert rows and not any("[[2, 4], [1, 3]]" in row for row in rows)


def test_deleting_twice_is_once(stores: Stores) -> None:
    one = task()
    solving(stores, one)
    assert stores.tasks.delete(one) == (1,)
    assert stores.tasks.delete(one) == ()
    assert [move.kind for move in stores.watches.moves("task/turn")] == ["promotion", "forget"]


def test_a_name_comes_again_and_its_numbers_do_not(stores: Stores) -> None:
    one, other = task(), task(collection="other")
    solving(stores, one)
    stores.tasks.delete(one)
    again = solving(stores, other)
    assert (again.version, again.replaces, again.live) == (2, None, True)
    assert stores.tasks.delete(one) == ()
    assert stores.tasks.get("turn") == other
    assert stores.tasks.delete(other) == (2,)


@pytest.mark.parametrize("status", PATH)
def test_what_is_under_way_comes_to_nothing_when_its_task_is_deleted(stores: Stores, status: S) -> None:
    one = task()
    adaptation = walked(stores, stores.tasks.add(one)[1], status)
    if status not in (S.QUEUED, S.EDITING):
        stores.adapters.allot(adaptation)
    stores.tasks.delete(one)
    now = stores.adaptations.get(adaptation.id)
    at_once = {S.QUEUED: S.CANCELLED, S.PROMOTING: S.FAILED}
    assert (now.status, now.cancel_requested) == (at_once.get(status, status), status not in at_once)
    if status in at_once:
        assert now.error is not None
        assert now.error["code"] == "task_deleted"
    # Another task of that name must not come by the first one's adapter either.
    stores.tasks.add(task(collection="other"))
    for act in (lambda: stores.adapters.promote(now.id), lambda: _weighed(stores, now)):
        with pytest.raises(IllegalTransition):
            act()
    assert stores.adapters.live("task/turn") is None
    assert all(v.sha256 is None for v in stores.adapters.of_collection("task/turn"))


def _weighed(stores: Stores, adaptation: Adaptation) -> None:
    """What a step that was in the middle of its work when the task went would do."""
    if adaptation.version is None:
        adaptation = stores.adaptations.get(stores.adapters.allot(adaptation).adaptation_id)
    stores.adapters.record_weights(adaptation.collection, adaptation.version or 0, "a" * 64, "m" * 64)


def test_a_step_that_goes_on_after_the_deletion_is_not_promoted(stores: Stores) -> None:
    """The step that was running moves on before the pipeline looks at the request to stop."""
    one = task()
    adaptation = walked(stores, stores.tasks.add(one)[1], S.GUARDING)
    stores.adapters.allot(adaptation)
    stores.tasks.delete(one)
    stores.tasks.add(one)
    stores.adaptations.move(adaptation.id, S.GUARDING, S.PROMOTING)
    with pytest.raises(IllegalTransition) as gone:
        stores.adapters.promote(adaptation.id)
    assert gone.value.code == "task_deleted"
    assert stores.adapters.get("task/turn", 1).status is AdapterStatus.REJECTED
    assert stores.adaptations.get(adaptation.id).status is S.PROMOTING


def test_what_is_held_is_cancelled_with_its_task(stores: Stores) -> None:
    one = task()
    adaptation = walked(stores, stores.tasks.add(one)[1], S.GUARDING)
    stores.adapters.allot(adaptation)
    stores.adaptations.move(adaptation.id, S.GUARDING, S.HELD)
    stores.tasks.delete(one)
    assert stores.adaptations.get(adaptation.id).status is S.CANCELLED
    assert stores.adapters.get("task/turn", 1).status is AdapterStatus.REJECTED


def test_deleting_a_task_touches_no_collection(stores: Stores) -> None:
    waiting = candidate(stores, "one")
    one = task()
    stores.tasks.add(one)
    stores.tasks.delete(one)
    assert stores.adapters.promote(waiting.adaptation_id).live
