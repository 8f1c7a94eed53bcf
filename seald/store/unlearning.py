"""What a document, or task, that is taken back leaves in retrainings and learned policies. For use inside a wider
transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from sqlalchemy import Connection, or_, select, update

from seald.config.retraining import Subject
from seald.domain.retraining import TERMINAL, RetrainingStatus
from seald.ports import Clock
from seald.store import policy_pointer, policy_versions, retrainings
from seald.store.erasure import ERASED, empty_receipts, left_of, wordless
from seald.store.retraining_tables import episodes, lessons
from seald.store.retraining_tables import policy_versions as version_rows
from seald.store.retraining_tables import retraining_events as events
from seald.store.retraining_tables import retrainings as rows
from seald.store.tables import self_edits

STOPPED = {"message": "a document that it learns from was taken back", "code": "document_forgotten"}


def touched(connection: Connection, document: str) -> list[str]:
    """Retrainings that had a passage of it as a lesson, held out or not, or went by a policy that learned from it,
    oldest first."""
    learned = [version.version for version in policy_versions.learned_from(connection, document)]
    studied = rows.c.id.in_(select(lessons.c.retraining).where(lessons.c.document == document))
    went_by = (column.in_(learned) for column in (rows.c.incumbent, rows.c.start, rows.c.version))
    return [*connection.scalars(select(rows.c.id).where(or_(studied, *went_by)).order_by(rows.c.number))]


def stop(connection: Connection, clock: Clock, document: str) -> int:
    """No retraining that it touched goes on, and no policy that learned from it writes, nor is trained on again what
    such a policy wrote of other documents: so many self-edits. The document is a tombstone already."""
    for id in touched(connection, document):
        status = retrainings.fetch(connection, id).status
        if status not in TERMINAL:
            retrainings.move(connection, clock, id, status, RetrainingStatus.FAILED, error=STOPPED)
    learned = {version.version for version in policy_versions.learned_from(connection, document)}
    for subject in get_args(Subject):
        if policy_pointer.version_of(connection, subject) in learned:
            back = policy_pointer.before(connection, subject)
            policy_pointer.move(connection, clock, subject, back, kind="forget", reason=document)
    return _withdraw(connection, document)


def _withdraw(connection: Connection, document: str) -> int:
    """What is written by rule stays: no model had a part in it."""
    labels = [version.label for version in policy_versions.learned_from(connection, document)]
    by_them = self_edits.c.body["policy"].as_string().in_(labels)
    by_a_model = self_edits.c.body["raw"].as_string() != ""
    return connection.execute(self_edits.delete().where(by_them, by_a_model)).rowcount


def empty(connection: Connection, document: str) -> dict[str, int]:
    """Delete its lessons and episodes; take every word out of what was said of retrainings and policies that it
    touched, and leave the numbers. Returns table → rows."""
    ids = touched(connection, document)
    empty_receipts(connection, [document, *ids])
    return {
        "retraining_events": _empty_events(connection, ids),
        "retrainings": _empty_retrainings(connection, ids),
        "policy_versions": _empty_policies(connection, document),
        "episodes": _delete_episodes(connection, document),
        "lessons": connection.execute(lessons.delete().where(lessons.c.document == document)).rowcount,
    }


def withdraw(connection: Connection, clock: Clock, task: str) -> None:
    """All that a deleted task leaves, at once: it has no adapter that must be rebuilt first. Its row is gone."""
    stop(connection, clock, task)
    empty(connection, task)
    for version in policy_versions.learned_from(connection, task):
        policy_versions.end(connection, version)


def _delete_episodes(connection: Connection, document: str) -> int:
    """Those of the document, and those of others that a policy which had learned from it wrote."""
    labels = [version.label for version in policy_versions.learned_from(connection, document)]
    its_own, by_them = episodes.c.document == document, episodes.c.body["policy"].as_string().in_(labels)
    return connection.execute(episodes.delete().where(or_(its_own, by_them))).rowcount


def _empty_events(connection: Connection, ids: Sequence[str]) -> int:
    emptied = 0
    for row in connection.execute(select(events).where(events.c.retraining.in_(ids))).all():
        data = left_of(row.type, row.data)
        connection.execute(update(events).where(events.c.seq == row.seq).values(data=data))
        emptied += data != row.data
    return emptied


def _empty_retrainings(connection: Connection, ids: Sequence[str]) -> int:
    for row in connection.execute(select(rows).where(rows.c.id.in_(ids))).all():
        error = {"message": ERASED, "code": row.error["code"]} if row.error else None
        values: dict[str, Any] = {"figures": wordless(row.figures), "error": error}
        connection.execute(update(rows).where(rows.c.id == row.id).values(**values))
    return len(ids)


def _empty_policies(connection: Connection, document: str) -> int:
    found = policy_versions.learned_from(connection, document)
    for one in found:
        kept = update(version_rows).where(version_rows.c.version == one.version)
        connection.execute(kept.values(figures=wordless(one.figures)))
    return len(found)
