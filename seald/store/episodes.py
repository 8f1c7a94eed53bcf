"""Episodes of all retrainings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, bindparam, select

from seald.domain.episode import Episode
from seald.store import retrainings
from seald.store.retraining_tables import episodes as rows
from seald.store.retraining_tables import lessons
from seald.store.session import Session


class SqlEpisodes:
    """Fulfils the port `EpisodeStore`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, episodes: Sequence[Episode]) -> None:
        """Store each under its key; one that is there is replaced: all or none.

        Raises NotFound for an unknown retraining, IllegalTransition for one that has ended.
        """
        latest = {episode.key: episode for episode in episodes}
        if not latest:
            return
        with self._session.write() as connection:
            for retraining in {episode.retraining_id for episode in latest.values()}:
                retrainings.require_open(connection, retraining)
            # One statement run for each, since databases bound the length of a list in one.
            replaced = rows.delete().where(rows.c.key == bindparam("replaced"))
            connection.execute(replaced, [{"replaced": key} for key in latest])
            connection.execute(rows.insert(), [_values(episode) for episode in latest.values()])

    def of_round(self, retraining_id: str, round: int, arm: str | None = None) -> list[Episode]:
        """In the order of context (by its lesson's place), arm and sample. `round` 0: the tournament's."""
        places = and_(lessons.c.retraining == rows.c.retraining, lessons.c.context == rows.c.context)
        query = select(rows.c.body).outerjoin(lessons, places)
        query = query.where(rows.c.retraining == retraining_id, rows.c.round == round)
        if arm is not None:
            query = query.where(rows.c.arm == arm)
        query = query.order_by(lessons.c.place, rows.c.context, rows.c.arm, rows.c.sample)
        with self._session.read() as connection:
            return [Episode.model_validate(body) for body in connection.scalars(query)]


def _values(episode: Episode) -> dict[str, Any]:
    return {
        "key": episode.key,
        "retraining": episode.retraining_id,
        "round": episode.round,
        "arm": episode.arm,
        "context": episode.context_id,
        "sample": episode.sample,
        "document": episode.document,
        "body": episode.model_dump(mode="json"),
    }
