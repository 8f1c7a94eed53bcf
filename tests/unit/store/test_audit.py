"""The audit: one entry a decision, in its transaction, and nothing of it can be changed unseen."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest

from seald.domain.actor import Actor, acting
from seald.domain.adaptation import AdaptationStatus as S
from seald.domain.audit import GENESIS, Entry
from seald.domain.collection import CollectionSettings
from seald.errors import Conflict, IllegalTransition, StoreError
from seald.store import Stores
from seald.store.audit import SqlAudit
from seald.store.audit_tables import audit
from seald.store.collections import SqlCollections
from seald.store.session import Session
from tests.unit.store.conftest import document
from tests.unit.store.test_adapters import candidate, promoted
from tests.unit.store.test_forgetting import forget
from tests.unit.store.test_policies import winner
from tests.unit.store.test_retrainings import SPEC, lesson
from tests.unit.store.test_tasks import solving, task

ONE = document("one").id
MANUAL = CollectionSettings(approval="manual")
Told = tuple[str, str, str | None, str | None, str | None]


def entries(stores: Stores) -> list[Entry]:
    return stores.audit.page(target=None, action=None, after=0, limit=100).data


def told(stores: Stores, since: int = 0) -> list[Told]:
    return [(e.action, e.target, e.from_value, e.to_value, e.reason) for e in entries(stores)[since:]]


def execute(stores: Stores, *statements: str) -> None:
    with stores.session.write() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def unguard(stores: Stores) -> None:
    """Whoever owns the database can do it."""
    names = ["audit_no_update", "audit_no_delete"] if stores.session.is_sqlite else ["audit_append_only ON audit"]
    execute(stores, *(f"DROP TRIGGER {name}" for name in names))


def held(stores: Stores, *, quarantined: bool = False) -> str:
    if quarantined:
        id = stores.documents.add(document("letter"), [])[1].id
        stores.adaptations.move(id, S.QUEUED, S.HELD)
        return id
    version = candidate(stores, "mail", until=S.GUARDING)
    stores.adaptations.move(version.adaptation_id, S.GUARDING, S.HELD)
    return version.adaptation_id


def four(stores: Stores) -> None:
    """Settings of four collections are put, each another's."""
    for n in range(1, 5):
        stores.collections.put(f"c{n}", MANUAL)


def test_moves_of_a_live_pointer(stores: Stores) -> None:
    one, two = promoted(stores, "one"), promoted(stores, "two")
    stores.adapters.roll_back("default", 1, reason="wrong dates")
    stores.adapters.roll_back("default", 1, reason="sent twice")
    stores.adapters.roll_back("default", None, reason="watching: lost 3", watched=1)
    assert told(stores) == [
        ("promotion", "default", "base", "default@1", one.adaptation_id),
        ("promotion", "default", "default@1", "default@2", two.adaptation_id),
        ("rollback", "default", "default@2", "default@1", "wrong dates"),
        ("rollback", "default", "default@1", "base", "watching: lost 3"),
    ]


def test_a_persons_word_on_what_is_held(stores: Stores) -> None:
    id = held(stores)
    stores.adaptations.move(id, S.HELD, S.PROMOTING)
    stores.adaptations.move(id, S.PROMOTING, S.HELD)
    stores.adapters.reject(id, error=None)
    stores.adapters.reject(id, error=None)
    quarantined = held(stores, quarantined=True)
    stores.adaptations.move(quarantined, S.HELD, S.QUEUED)
    assert told(stores) == [
        ("approval", id, "held", "promoting", None),
        ("rejection", id, "held", "rejected", None),
        ("approval", quarantined, "held", "queued", None),
    ]


def test_what_guards_and_pipeline_decide_is_no_persons_word(stores: Stores) -> None:
    judged = candidate(stores, "one", until=S.GUARDING)
    stores.adapters.reject(judged.adaptation_id, error={"message": "it quotes", "code": "guard_failed"})
    stores.adapters.take_up_again(held(stores))
    assert told(stores) == []


def test_cancellations(stores: Stores) -> None:
    waiting = stores.documents.add(document("one"), [])[1].id
    stores.adaptations.request_cancel(waiting)
    running = candidate(stores, "two", until=S.TRAINING).adaptation_id
    for _ in range(2):
        stores.adaptations.request_cancel(running)
    stores.adaptations.move(running, S.TRAINING, S.CANCELLED)
    for id in (waiting, running):
        with pytest.raises(IllegalTransition, match="too late"):
            stores.adaptations.request_cancel(id)
    assert told(stores) == [
        ("cancellation", waiting, "queued", "cancelled", None),
        ("cancellation", running, "training", "cancelled", None),
    ]


def test_deletions_and_what_they_take_back(stores: Stores) -> None:
    promoted(stores, "one")
    winner(stores, [lesson("a", document=ONE)])
    solving(stores, task("turn"))
    since = len(entries(stores))
    for _ in range(2):
        forget(stores, ONE)
        stores.tasks.delete(task("turn"))
    assert told(stores, since) == [
        ("deletion", ONE, "default", None, None),
        ("rollback", "policy/passage", "learned@1", "seed", ONE),
        ("rollback", "default", "default@1", "base", ONE),
        ("deletion", task("turn").id, "task/turn", None, None),
        ("rollback", "task/turn", "task/turn@1", "base", "its task was deleted"),
    ]


def test_compactions_and_settings(stores: Stores) -> None:
    promoted(stores, "one")
    for _ in range(2):
        made, _new = stores.adapters.queue_compaction("default", {"reason": "asked", "message": "answers drift"})
    stores.collections.put("ops", MANUAL)
    stores.collections.put("ops", CollectionSettings())
    assert told(stores, 1) == [
        ("compaction", "default", None, made.id, "answers drift"),
        ("settings", "ops", None, '{"approval": "manual"}', None),
        ("settings", "ops", '{"approval": "manual"}', "{}", None),
    ]


def test_retrainings_and_policies(stores: Stores) -> None:
    first, _ = stores.retrainings.queue(SPEC, "key")
    stores.retrainings.queue(SPEC, "other key")
    stores.retrainings.request_cancel(first.id)
    second = winner(stores).retraining_id
    stores.policies.roll_back(None, reason="it babbles")
    assert told(stores) == [
        ("retraining", first.id, None, "queued", None),
        ("cancellation", first.id, "queued", "cancelled", None),
        ("retraining", second, None, "queued", None),
        ("promotion", "policy/passage", "seed", "learned@1", second),
        ("rollback", "policy/passage", "learned@1", "seed", "it babbles"),
    ]


def test_it_is_known_who_asked(stores: Stores) -> None:
    before = acting.set(Actor("key-1", "req-9"))
    stores.collections.put("ops", MANUAL)
    acting.reset(before)
    stores.collections.put("ops", MANUAL)
    assert [(e.who, e.request_id) for e in entries(stores)] == [("key-1", "req-9"), ("daemon", None)]
    assert all(e.at.endswith("+00:00") and len(e.at) == 32 for e in entries(stores))


def test_what_does_not_happen_leaves_no_entry(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    version = candidate(stores, "one")

    def full(*_: Any, **__: Any) -> None:
        raise StoreError("disk full")

    monkeypatch.setattr("seald.store.adapters.adaptations.move", full)
    with pytest.raises(StoreError, match="disk full"):
        stores.adapters.promote(version.adaptation_id)
    monkeypatch.undo()
    stores.adaptations.move(version.adaptation_id, S.PROMOTING, S.HELD)
    with pytest.raises(Conflict):
        stores.adaptations.move(version.adaptation_id, S.GUARDING, S.PROMOTING)
    assert (told(stores), stores.adapters.live("default")) == ([], None)


def test_what_leaves_no_entry_does_not_happen(stores: Stores) -> None:
    version = candidate(stores, "one")
    stores.collections.put("ops", MANUAL)
    execute(stores, "DELETE FROM audit_head")
    for change in (
        lambda: stores.adapters.promote(version.adaptation_id),
        lambda: stores.collections.put("ops", CollectionSettings()),
        lambda: stores.forgetting.begin(ONE, to=None, copies=[]),
    ):
        with pytest.raises(StoreError, match="head of the audit is gone"):
            change()
    assert stores.adapters.live("default") is None
    assert stores.adaptations.get(version.adaptation_id).status is S.PROMOTING
    assert stores.collections.settings("ops") == MANUAL
    assert stores.documents.get(ONE).forgotten is None
    with pytest.raises(StoreError, match="head of the audit is gone"):
        stores.audit.verify()


def test_the_database_refuses_to_change_entries(stores: Stores) -> None:
    four(stores)
    truncate = [] if stores.session.is_sqlite else ["TRUNCATE audit"]
    for statement in ("UPDATE audit SET who = 'eve'", "DELETE FROM audit WHERE number = 4", *truncate):
        with pytest.raises(StoreError, match="append-only"):
            execute(stores, statement)
    assert (stores.audit.verify().ok, len(entries(stores))) == (True, 4)


@pytest.mark.parametrize(
    ("spoil", "bad"),
    [
        ("DELETE FROM audit WHERE number = 2", 2),
        ("DELETE FROM audit WHERE number = 4", 4),
        ("DELETE FROM audit", 1),
        ("UPDATE audit SET number = number + 10 WHERE number IN (2, 3)", 2),
        ("INSERT INTO audit (number, at, action, target, who, previous, hash) VALUES (5, '', '', '', '', '', '')", 5),
        ("UPDATE audit_head SET entries = 3", 3),
        ("UPDATE audit_head SET hash = (SELECT hash FROM audit WHERE number = 3)", 4),
        ("UPDATE audit SET number = -1 WHERE number = 1", 1),
    ],
)
def test_past_the_triggers_it_is_seen(stores: Stores, spoil: str, bad: int) -> None:
    four(stores)
    unguard(stores)
    execute(stores, spoil)
    found = stores.audit.verify()
    assert (found.ok, found.first_bad) == (False, bad)


def test_what_is_made_no_text_is_named_and_shown(stores: Stores) -> None:
    if not stores.session.is_sqlite:
        pytest.skip("Postgres keeps the type of a column")
    for name in ("ops", "field"):
        stores.collections.put(name, MANUAL)
    unguard(stores)
    execute(stores, "UPDATE audit SET reason = x'ff' WHERE number = 2")
    assert stores.audit.verify().first_bad == 2
    assert entries(stores)[1].reason == "b'\\xff'"


def test_entries_that_change_places_are_seen(stores: Stores) -> None:
    four(stores)
    away, back = "number = number + 10 WHERE number IN (2, 3)", "number = 15 - number WHERE number > 10"
    unguard(stores)
    execute(stores, f"UPDATE audit SET {away}", f"UPDATE audit SET {back}")
    assert ([e.target for e in entries(stores)], stores.audit.verify().first_bad) == (["c1", "c3", "c2", "c4"], 2)


@pytest.mark.parametrize("number", [1, 4])
def test_no_field_of_any_entry_can_be_changed(stores: Stores, number: int) -> None:
    four(stores)
    unguard(stores)
    written = entries(stores)[number - 1].model_dump(exclude={"number"})
    mine = audit.update().where(audit.c.number == number)
    for field, value in written.items():
        with stores.session.write() as connection:
            connection.execute(mine.values({field: "x"}))
        assert (field, stores.audit.verify().first_bad) == (field, number)
        with stores.session.write() as connection:
            connection.execute(mine.values({field: value}))
    assert stores.audit.verify().ok


def test_a_chain_made_anew_does_not_have_the_head_that_was_noted(stores: Stores) -> None:
    four(stores)
    noted = [stores.audit.head().hash]
    promoted(stores, "one")
    assert [stores.audit.verify(hash).contains for hash in (*noted, GENESIS, "f" * 64)] == [True, True, False]
    unguard(stores)
    execute(stores, "DELETE FROM audit", f"UPDATE audit_head SET entries = 0, hash = '{GENESIS}'")
    four(stores)
    found = stores.audit.verify(noted[0])
    assert (found.first_bad, found.contains, found.ok, stores.audit.verify().ok) == (None, False, False, True)


def test_entries_of_many_writers_make_one_chain(stores: Stores) -> None:
    # On Postgres no second one may write.
    other = Session(stores.session.engine.url) if stores.session.is_sqlite else stores.session
    stores_of_both = [stores.collections, SqlCollections(other, stores.clock)]
    with ThreadPoolExecutor(4) as pool:
        [*pool.map(lambda n: stores_of_both[n % 2].put(f"c{n}", MANUAL), range(24))]
    found = entries(stores)
    assert [e.number for e in found] == [*range(1, 25)]
    assert {e.target for e in found} == {f"c{n}" for n in range(24)}
    assert all(after.previous == before.hash for before, after in pairwise(found))
    assert SqlAudit(other).verify().ok
    other.close()


def test_pages(stores: Stores) -> None:
    four(stores)
    promoted(stores, "one")
    ask: Callable[..., Any] = stores.audit.page
    first = ask(target=None, action=None, after=0, limit=2)
    assert ([e.number for e in first.data], first.has_more) == ([1, 2], True)
    rest = ask(target=None, action="settings", after=2, limit=2)
    assert ([e.number for e in rest.data], rest.has_more) == ([3, 4], False)
    assert [e.number for e in ask(target="default", action=None, after=0, limit=9).data] == [5]
