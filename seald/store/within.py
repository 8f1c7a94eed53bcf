"""Rows that there are for whoever may see some collections only (None: all). For use inside a wider query."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select, true
from sqlalchemy.schema import Column

from seald.domain.task import LINEAGE
from seald.store.task_tables import tasks as task_rows


def kept_in(collection: Column[str], within: Collection[str] | None) -> ColumnElement[bool]:
    """Rows of these collections."""
    return true() if within is None else collection.in_(within)


def made_in(lineage: Column[str], at: Column[datetime], within: Collection[str] | None) -> ColumnElement[bool]:
    """Rows whose `lineage` is one of these collections, or a task that is kept with one of them; what is older than the
    task was another's of the same name."""
    if within is None:
        return true()
    owned = select(task_rows.c.id).where(
        lineage == LINEAGE + task_rows.c.name, task_rows.c.collection.in_(within), task_rows.c.created <= at
    )
    return or_(lineage.in_(within), owned.exists())
