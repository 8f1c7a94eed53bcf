"""The policy that writes configurations of tasks, beside the one that writes of passages."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from alembic import command

from seald.config import Settings
from seald.domain.adapter import AdapterStatus as A
from seald.domain.policy import MixedForm, Policy
from seald.domain.policy_version import PolicyVersion
from seald.domain.retraining import Context, Lesson
from seald.domain.retraining import RetrainingStatus as S
from seald.domain.task import Task, TaskAsk
from seald.errors import Conflict, IllegalTransition
from seald.store import Stores, migrate, open_stores
from seald.store.session import Session, database_url
from tests.unit.store.test_policies import WON, recorded, winner
from tests.unit.store.test_retrainings import begun

SEED = Policy(version="configuration", subject="task", mix=(MixedForm(form="configuration"),))
WORDS = ("apple", "river", "stone", "cloud")


def task(name: str = "backwards") -> Task:
    pairs = [{"input": f"{name} {word}", "output": word[::-1]} for word in WORDS]
    ask = TaskAsk.model_validate({"name": name, "examples": pairs[:2], "test": pairs[2:]})
    return Task.of(ask, datetime(2026, 1, 1, tzinfo=UTC))


def lesson(of: Task, place: int = 0, *, held_out: bool = False) -> Lesson:
    context = Context(title=of.name, examples=of.examples, test=of.test, document=of.id)
    return Lesson(retraining_id="", place=place, context=context, held_out=held_out)


def live(stores: Stores) -> tuple[int | None, int | None]:
    """Of passages, of tasks."""
    found = stores.policies.live(), stores.policies.live("task")
    return found[0] and found[0].version, found[1] and found[1].version


def candidate(stores: Stores, *lessons: Lesson, until: S = S.JUDGING) -> PolicyVersion:
    now = live(stores)[1]
    made = begun(stores, lessons, until=until, incumbent=now, start=now)
    return recorded(stores, stores.policies.allot(made.id, 1, parent=now, policy=SEED).version)


def winning(stores: Stores, *lessons: Lesson) -> PolicyVersion:
    return stores.policies.promote(candidate(stores, *lessons).retraining_id, WON)


def test_each_has_its_own_pointer_and_its_own_history(stores: Stores) -> None:
    for promote in (winner, winning, winning, winner):
        promote(stores)
    assert live(stores) == (4, 3)
    assert [(v.version, v.subject, v.live) for v in stores.policies.all()] == [
        (1, "passage", False),
        (2, "task", False),
        (3, "task", True),
        (4, "passage", True),
    ]
    back = stores.policies.roll_back(None, reason=None, subject="task")
    assert (back and back.version, live(stores)) == (2, (4, 2))
    assert stores.policies.roll_back(None, reason=None, subject="task") is None
    assert live(stores) == (4, None)
    with pytest.raises(Conflict, match="seed policy writes already"):
        stores.policies.roll_back(None, reason=None, subject="task")
    stores.policies.roll_back(None, reason=None)
    assert live(stores) == (1, None)
    stores.policies.roll_back(3, reason=None, subject="task")
    stores.policies.roll_back(0, reason=None)
    assert live(stores) == (None, 3)


def test_none_writes_in_the_place_of_the_other(stores: Stores) -> None:
    winner(stores)
    winning(stores)
    with pytest.raises(Conflict, match="learned@1 writes about passages, not about tasks") as error:
        stores.policies.roll_back(1, reason=None, subject="task")
    assert error.value.code == "other_subject"
    with pytest.raises(Conflict, match="learned@2 writes about tasks"):
        stores.policies.roll_back(2, reason=None)
    stores.policies.erase(2)
    assert live(stores) == (1, None)


def test_the_incumbent_is_the_one_of_the_same_subject(stores: Stores) -> None:
    winner(stores)
    late = candidate(stores)
    stores.policies.roll_back(0, reason=None)
    assert stores.policies.promote(late.retraining_id, WON).live
    assert live(stores) == (None, 2)


def test_what_learned_from_a_task_goes_with_it(stores: Stores) -> None:
    one, two = task("one"), task("two")
    for each in (one, two):
        stores.tasks.add(each)
    first = winning(stores, lesson(one), lesson(two, 1, held_out=True))
    second = winning(stores, lesson(two))
    assert (first.documents, second.documents) == ((one.id,), (one.id, two.id))
    open_one = begun(stores, [lesson(two)], until=S.SCORING)
    stores.tasks.delete(two)
    assert (stores.retrainings.get(open_one.id).status, live(stores)) == (S.FAILED, (None, 1))
    assert [(v.status, v.sha256 is None) for v in stores.policies.all()] == [(A.APPROVED, False), (A.RETIRED, True)]
    assert [each.context.title for each in stores.retrainings.lessons(first.retraining_id)] == ["one"]
    stores.tasks.add(two)
    assert (live(stores), stores.policies.get(2).status) == ((None, 1), A.RETIRED)
    stores.tasks.delete(one)
    assert (live(stores), stores.policies.tainted()) == ((None, None), [])


def test_nothing_begins_with_a_task_that_is_gone(stores: Stores) -> None:
    gone = task()
    with pytest.raises(IllegalTransition) as error:
        begun(stores, [lesson(gone)])
    assert error.value.code == "document_forgotten"


def test_policies_from_before_write_of_passages(fresh: Settings) -> None:
    fresh.data_dir.mkdir()
    session = Session(database_url(fresh))
    config = migrate.alembic_config()
    with session.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0011")
        for statement in BEFORE:
            connection.exec_driver_sql(statement)
    session.close()
    stores = open_stores(fresh)
    assert live(stores) == (1, None)
    assert stores.retrainings.get("ret-1").subject == "passage"
    assert stores.policies.roll_back(None, reason=None) is None
    stores.close()


BEFORE = (
    "INSERT INTO retrainings (id, number, key, status, round, spec, figures, cancel_requested, created) VALUES "
    """('ret-1', 1, 'k', 'promoted', 1, '{"rounds": 1, "contexts": 2, "samples": 2}', '{}', false, '2026-01-01')""",
    "INSERT INTO policy_versions (version, status, retraining, round, policy, documents, figures, sha256, created) "
    """VALUES (1, 'approved', 'ret-1', 1, '{"version": "learned@1", "mix": [{"form": "rewrite"}]}', '[]', '{}', 'a', """
    "'2026-01-01')",
    "INSERT INTO live_policy (id, version) VALUES (1, 1)",
    "INSERT INTO policy_moves (kind, to_version, at) VALUES ('promotion', 1, '2026-01-01')",
)
"""Rows of revision 0011."""
