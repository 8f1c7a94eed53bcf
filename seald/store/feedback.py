"""Ratings of answers, one an answer, counted by the version that answered."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import func, select

from seald.domain.feedback import Answer, Feedback, Rating, Ratings
from seald.ports import Clock, Page
from seald.store.session import Session
from seald.store.tables import feedback as rows
from seald.store.within import made_in


class SqlFeedback:
    """Fulfils the port `FeedbackStore`."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    def rate(self, answer: Answer, rating: Rating, comment: str | None) -> tuple[Feedback, bool]:
        """Store a rating of an answer, or replace it with its comment; is it the first?"""
        about = {**answer.model_dump(), "at": self._clock.now()}
        given = Feedback(**about, rating=rating, comment=comment)
        mine = (rows.c.request == given.request) & (rows.c.asker == given.asker)
        with self._session.write() as connection:
            if connection.execute(rows.update().where(mine).values(**given.model_dump())).rowcount:
                return given, False
            connection.execute(rows.insert().values(**given.model_dump()))
        return given, True

    def of_collection(self, collection: str) -> dict[int | None, Ratings]:
        """Version (None: the base) → its ratings; versions without one are left out."""
        query = (
            select(rows.c.version, rows.c.rating, func.count())
            .where(rows.c.collection == collection)
            .group_by(rows.c.version, rows.c.rating)
        )
        with self._session.read() as connection:
            counted = {(version, rating): n for version, rating, n in connection.execute(query).all()}
        return {
            version: Ratings(up=counted.get((version, 1), 0), down=counted.get((version, -1), 0))
            for version, _ in counted
        }

    def page(
        self,
        *,
        collection: str | None,
        after: int,
        limit: int,
        within: Collection[str] | None = None,
        asker: str | None = None,
    ) -> Page[tuple[int, Feedback]]:
        """Each with its number, oldest first, those with a number above `after`; of one `asker`'s answers alone."""
        query = select(rows).where(rows.c.seq > after, made_in(rows.c.collection, rows.c.at, within))
        query = query.order_by(rows.c.seq).limit(limit + 1)
        if collection is not None:
            query = query.where(rows.c.collection == collection)
        if asker is not None:
            query = query.where(rows.c.asker == asker)
        with self._session.read() as connection:
            found = [dict(row) for row in connection.execute(query).mappings()]
        data = [(int(row.pop("seq")), Feedback.model_validate(row)) for row in found[:limit]]
        return Page(data=data, has_more=len(found) > limit)
