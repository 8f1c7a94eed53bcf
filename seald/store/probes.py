"""Probes, frozen at ingest."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from seald.domain.probe import Probe, Split
from seald.store.session import Session
from seald.store.tables import probes as rows


class SqlProbes:
    """Fulfils the port `ProbeStore`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, probes: Sequence[Probe]) -> None:
        """Store those not yet there."""
        with self._session.write() as connection:
            insert(connection, probes)

    def of_documents(self, ids: Sequence[str], *, split: Split | None = "guard") -> list[Probe]:
        """These documents' probes of one split (None: of both), in a stable order."""
        query = select(rows).where(rows.c.document.in_(ids)).order_by(rows.c.document, rows.c.id)
        if split is not None:
            query = query.where(rows.c.split == split)
        with self._session.read() as connection:
            found = connection.execute(query).mappings().all()
        return [_probe(dict(row)) for row in found]


def insert(connection: Connection, probes: Sequence[Probe]) -> None:
    """Store those not yet there, for use inside a wider transaction."""
    known = set(connection.scalars(select(rows.c.id).where(rows.c.id.in_([probe.id for probe in probes]))))
    for probe in {probe.id: probe for probe in probes if probe.id not in known}.values():
        values = probe.model_dump(exclude={"document_id"})
        connection.execute(rows.insert().values(**values, document=probe.document_id))


def _probe(values: dict[str, object]) -> Probe:
    values["document_id"] = values.pop("document")
    return Probe.model_validate(values)
