"""The ledger: every self-edit of every adaptation, accepted ones numbered in the order they came."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from seald.domain.adaptation import AdaptationStatus
from seald.domain.self_edit import SelfEdit
from seald.store import adaptations
from seald.store.session import Session, next_number
from seald.store.tables import adaptations as adaptation_rows
from seald.store.tables import self_edits as rows


class SqlLedger:
    """Fulfils the port `Ledger`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, edit: SelfEdit) -> SelfEdit:
        """Store it once per `edit.key`, giving it the collection's next position when it has lines.

        Raises NotFound for an unknown adaptation.
        """
        with self._session.write() as connection:
            known = connection.execute(select(rows).where(rows.c.key == edit.key)).one_or_none()
            if known is not None:
                return SelfEdit.model_validate(known.body)
            collection = adaptations.fetch(connection, edit.adaptation_id).collection
            position = self._next_position(connection, collection) if edit.lines else None
            stored = edit.model_copy(update={"position": position})
            connection.execute(
                rows.insert().values(
                    key=edit.key,
                    number=next_number(connection, rows.c.number),
                    adaptation=edit.adaptation_id,
                    document=edit.document_id,
                    collection=collection,
                    position=position,
                    body=stored.model_dump(mode="json"),
                )
            )
            return stored

    def of_adaptation(self, id: str) -> list[SelfEdit]:
        """In the order they were written."""
        query = select(rows.c.body).where(rows.c.adaptation == id).order_by(rows.c.number)
        with self._session.read() as connection:
            return [SelfEdit.model_validate(body) for body in connection.scalars(query)]

    def promoted(self, collection: str, documents: Sequence[str]) -> list[SelfEdit]:
        """Entries for these documents whose adaptation was promoted, in the order they came; those of which nothing was
        left to train on only where another document had taught the same, which may be taken back."""
        query = (
            select(rows.c.body)
            .join(adaptation_rows, adaptation_rows.c.id == rows.c.adaptation)
            .where(
                rows.c.collection == collection,
                rows.c.document.in_(documents),
                adaptation_rows.c.status == AdaptationStatus.PROMOTED,
            )
            .order_by(rows.c.number)
        )
        with self._session.read() as connection:
            found = [SelfEdit.model_validate(body) for body in connection.scalars(query)]
        return [edit for edit in found if edit.lines or any(line.reason == "duplicate" for line in edit.dropped)]

    def _next_position(self, connection: Connection, collection: str) -> int:
        last = connection.scalar(select(func.max(rows.c.position)).where(rows.c.collection == collection))
        return int(last or 0) + 1
