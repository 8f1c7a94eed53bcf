"""Adapter versions, their verdicts, and the live pointer of each collection."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, get_args

from sqlalchemy import Connection, func, select, update

from seald.domain.adaptation import APPROVED, RELEASED, RUNNABLE, Adaptation, AdaptationKind, AdaptationStatus
from seald.domain.adapter import AdapterStatus, AdapterVersion, check_adapter_transition
from seald.domain.task import LINEAGE
from seald.domain.verdict import GuardName, Verdict
from seald.domain.watch import MoveKind
from seald.errors import Conflict, IllegalTransition, NotFound
from seald.ports import Clock
from seald.store import adaptations, audit, live, relearning
from seald.store.origin import origin_of, replaceable, require_nothing_forgotten, require_task
from seald.store.session import Session
from seald.store.tables import adaptations as adaptation_rows
from seald.store.tables import adapter_versions as rows
from seald.store.tables import documents as document_rows
from seald.store.tables import verdicts as verdict_rows
from seald.store.task_tables import tasks as task_rows
from seald.store.versions import find, read, this
from seald.store.within import kept_in

GUARD_ORDER = {name: place for place, name in enumerate(get_args(GuardName))}


class SqlAdapters:
    """Fulfils the port `AdapterStore`."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    def allot(self, adaptation: Adaptation) -> AdapterVersion:
        """Give the adaptation its version number, once; numbers are never used again."""
        with self._session.write() as connection:
            known = connection.execute(select(rows).where(rows.c.adaptation == adaptation.id)).one_or_none()
            if known is not None:
                return read(connection, known)
            origin = origin_of(connection, adaptation)
            number = self._next_version(connection, adaptation.collection)
            connection.execute(
                rows.insert().values(
                    collection=adaptation.collection,
                    version=number,
                    status=AdapterStatus.CANDIDATE,
                    parent=origin.parent,
                    replaces=origin.replaces,
                    adaptation=adaptation.id,
                    documents=origin.documents,
                    created=self._clock.now(),
                )
            )
            mine = update(adaptation_rows).where(adaptation_rows.c.id == adaptation.id)
            connection.execute(mine.values(version=number, parent=origin.parent))
            return find(connection, adaptation.collection, number)

    def record_weights(self, collection: str, version: int, sha256: str, manifest_sha256: str) -> AdapterVersion:
        """The files are in place. Raises IllegalTransition when other weights were recorded before, and (code
        `task_deleted`) where the task that they have learned is gone."""
        with self._session.write() as connection:
            known = find(connection, collection, version)
            require_task(connection, adaptations.fetch(connection, known.adaptation_id))
            if known.sha256 not in (None, sha256):
                raise IllegalTransition(f"{known.label} already has other weights: versions are immutable")
            connection.execute(this(collection, version).values(sha256=sha256, manifest_sha256=manifest_sha256))
            return find(connection, collection, version)

    def get(self, collection: str, version: int) -> AdapterVersion:
        """Raises NotFound."""
        with self._session.read() as connection:
            return find(connection, collection, version)

    def of_collection(self, collection: str) -> list[AdapterVersion]:
        """All versions, oldest first; empty when there are none."""
        query = select(rows).where(rows.c.collection == collection).order_by(rows.c.version)
        with self._session.read() as connection:
            return [read(connection, row) for row in connection.execute(query).all()]

    def collections(self, *, within: Collection[str] | None = None) -> list[str]:
        """Names of all collections that hold a document or a version, sorted."""
        of_collections = ~rows.c.collection.startswith(LINEAGE, autoescape=True) & kept_in(rows.c.collection, within)
        of_documents = select(document_rows.c.collection).where(kept_in(document_rows.c.collection, within))
        names = of_documents.union(select(rows.c.collection).where(of_collections))
        with self._session.read() as connection:
            return sorted(connection.scalars(names))

    def lineages(self, *, within: Collection[str] | None = None) -> list[str]:
        """Names of all collections, sorted, then `task/<name>` of all tasks. A task that was deleted has none."""
        query = select(task_rows.c.name).where(kept_in(task_rows.c.collection, within))
        with self._session.read() as connection:
            names = sorted(connection.scalars(query))
        return [*self.collections(within=within), *(LINEAGE + name for name in names)]

    def summary(self) -> list[dict[str, Any]]:
        """`{name, live, documents}` of each collection."""
        kept = document_rows.c.forgotten.is_(None)
        counted = select(document_rows.c.collection, func.count()).where(kept).group_by(document_rows.c.collection)
        names = self.collections()
        with self._session.read() as connection:
            documents = {collection: n for collection, n in connection.execute(counted).all()}
            pointers = {name: live.version_of(connection, name) for name in names}
        return [{"name": n, "live": pointers[n], "documents": documents.get(n, 0)} for n in names]

    def live(self, collection: str) -> AdapterVersion | None:
        """The version that serves; None is the base model."""
        with self._session.read() as connection:
            version = live.version_of(connection, collection)
            return find(connection, collection, version) if version is not None else None

    def all_live(self) -> list[AdapterVersion]:
        """The live version of each collection that has one."""
        return [version for name in self.collections() if (version := self.live(name)) is not None]

    def served(self) -> list[AdapterVersion]:
        """The live version of each lineage that has one: of collections, and of tasks."""
        return [version for name in self.lineages() if (version := self.live(name)) is not None]

    def add_verdict(self, collection: str, version: int, verdict: Verdict) -> None:
        """One a guard; writing it again replaces it."""
        this = _verdicts_of(collection, version)
        with self._session.write() as connection:
            connection.execute(verdict_rows.delete().where(this, verdict_rows.c.guard == verdict.guard))
            values = verdict.model_dump(mode="json")
            connection.execute(verdict_rows.insert().values(collection=collection, version=version, **values))

    def verdicts(self, collection: str, version: int) -> list[Verdict]:
        """In the order of GuardName."""
        query = select(verdict_rows.c.guard, verdict_rows.c.verdict, verdict_rows.c.figures, verdict_rows.c.reason)
        query = query.where(verdict_rows.c.collection == collection, verdict_rows.c.version == version)
        with self._session.read() as connection:
            found = [Verdict.model_validate(dict(row)) for row in connection.execute(query).mappings()]
        return sorted(found, key=lambda verdict: GUARD_ORDER[verdict.guard])

    def reject(self, adaptation_id: str, *, error: dict[str, Any] | None, reason: str | None = None) -> None:
        """Candidate → rejected and adaptation → rejected, in one transaction. Twice is once.

        What a rebuild without a forgotten document should have brought back is queued to be learned again.
        """
        with self._session.write() as connection:
            adaptation = adaptations.fetch(connection, adaptation_id)
            if adaptation.status is AdaptationStatus.REJECTED:
                return
            self._decide(connection, adaptation, AdapterStatus.REJECTED)
            states = adaptation.status, AdaptationStatus.REJECTED
            adaptations.move(connection, self._clock, adaptation_id, *states, error=error, reason=reason)
            if adaptation.kind is AdaptationKind.FORGET:
                relearning.mend(connection, self._clock, adaptation)

    def repair(self, adaptation_id: str, *, reasons: str) -> AdapterVersion:
        """Candidate without weights and verdicts, adaptation back to training: all or none."""
        with self._session.write() as connection:
            adaptation = adaptations.fetch(connection, adaptation_id)
            candidate = _candidate(connection, adaptation)
            repairs = candidate.repairs + 1
            values = {"sha256": None, "manifest_sha256": None, "repairs": repairs}
            connection.execute(this(candidate.collection, candidate.version).values(**values))
            connection.execute(verdict_rows.delete().where(_verdicts_of(candidate.collection, candidate.version)))
            adaptations.move(connection, self._clock, adaptation_id, adaptation.status, AdaptationStatus.TRAINING)
            adaptations.note(connection, self._clock, adaptation_id, "repair", {"repair": repairs, "reasons": reasons})
            return find(connection, candidate.collection, candidate.version)

    def take_up_again(self, adaptation_id: str) -> Adaptation:
        """Cancel a held adaptation, reject its candidate and queue its documents anew: all or none."""
        with self._session.write() as connection:
            held = adaptations.fetch(connection, adaptation_id)
            self._decide(connection, held, AdapterStatus.REJECTED)
            again = adaptations.queue(connection, held.collection, held.documents, self._clock)
            error = {"message": f"its documents are taken up again, on what is live now, as {again.id}"}
            adaptations.move(
                connection,
                self._clock,
                held.id,
                AdaptationStatus.HELD,
                AdaptationStatus.CANCELLED,
                error={**error, "code": "taken_up_again"},
            )
            said = {key: True for key in (RELEASED, APPROVED) if held.figures.get(key)}
            adaptations.add_figures(connection, again.id, said)
            return again

    def promote(self, adaptation_id: str) -> AdapterVersion:
        """Approve the candidate, move the live pointer from what it replaces to it, end the adaptation: all or none.

        One that forgets ends with its certificate.
        """
        with self._session.write() as connection:
            adaptation = adaptations.fetch(connection, adaptation_id)
            require_nothing_forgotten(connection, adaptation)
            require_task(connection, adaptation)
            candidate = self._decide(connection, adaptation, AdapterStatus.APPROVED)
            now = live.version_of(connection, candidate.collection)
            if now != candidate.replaces:
                raise Conflict(
                    f"{candidate.label} was made to replace {candidate.replaces or 'the base'}, but "
                    f"{now or 'the base'} is live now",
                    code="parent_not_live",
                )
            number, collection = candidate.version, candidate.collection
            live.move(connection, self._clock, collection, number, kind="promotion", reason=adaptation_id)
            if adaptation.kind is not AdaptationKind.FORGET:
                adaptations.move(
                    connection, self._clock, adaptation_id, AdaptationStatus.PROMOTING, AdaptationStatus.PROMOTED
                )
            return find(connection, collection, number)

    def queue_compaction(self, collection: str, why: dict[str, Any]) -> tuple[Adaptation, bool]:
        """Queue a compaction of what is live, or return the open one. Raises NotFound or Conflict."""
        names = self.lineages()
        with self._session.write() as connection:
            if collection not in names:
                raise NotFound(f"there is no collection {collection[:200]!r}", param="collection")
            if collection.startswith(LINEAGE):
                message = f"{collection} is a task's: each of its versions starts from the base as it is"
                raise Conflict(message, param="collection", code="not_a_collection")
            version = replaceable(connection, collection)
            latest = adaptations.latest_compaction(connection, collection)
            if latest is not None and latest.status in RUNNABLE:
                return latest, False
            made = adaptations.queue_compaction(connection, self._clock, collection, version.documents, why)
            said = why.get("message", why.get("reason"))
            audit.append(connection, self._clock, action="compaction", target=collection, to_value=made.id, reason=said)
            return made, True

    def roll_back(
        self, collection: str, to: int | None, *, reason: str | None, watched: int | None = None
    ) -> AdapterVersion | None:
        """Move the live pointer to `to` (0: the base; None: the version that was live before this one)."""
        with self._session.write() as connection:
            if watched is not None and live.version_of(connection, collection) != watched:
                raise Conflict(f"{collection}@{watched} is not live any more", code="not_live")
            target = _target(connection, collection, to)
            version = target.version if target is not None else None
            kind: MoveKind = "rollback" if watched is None else "watch"
            live.move(connection, self._clock, collection, version, kind=kind, reason=reason)
            return find(connection, collection, version) if version is not None else None

    def rollback_target(self, collection: str, to: int | None) -> AdapterVersion | None:
        """Where `roll_back` would go. Same errors; changes nothing."""
        with self._session.read() as connection:
            return _target(connection, collection, to)

    def _next_version(self, connection: Connection, collection: str) -> int:
        last = connection.scalar(select(func.max(rows.c.version)).where(rows.c.collection == collection))
        return int(last or 0) + 1

    def _decide(self, connection: Connection, adaptation: Adaptation, after: AdapterStatus) -> AdapterVersion:
        candidate = _candidate(connection, adaptation)
        check_adapter_transition(candidate.status, after)
        guarded = this(candidate.collection, candidate.version).where(rows.c.status == candidate.status)
        if connection.execute(guarded.values(status=after)).rowcount != 1:
            raise IllegalTransition(f"{candidate.label} is not {candidate.status} any more: read it again")
        return candidate


def _candidate(connection: Connection, adaptation: Adaptation) -> AdapterVersion:
    if adaptation.version is None:
        raise IllegalTransition(f"{adaptation.id} has made no version yet")
    return find(connection, adaptation.collection, adaptation.version)


def _verdicts_of(collection: str, version: int) -> Any:
    return (verdict_rows.c.collection == collection) & (verdict_rows.c.version == version)


def _target(connection: Connection, collection: str, to: int | None) -> AdapterVersion | None:
    now = live.version_of(connection, collection)
    if to is None:
        if now is None:
            raise Conflict(f"collection {collection!r} already answers from the base", code="nothing_to_roll_back")
        to = live.before(connection, collection) or 0
    if to == 0:
        return None
    target = find(connection, collection, to)
    if target.status is not AdapterStatus.APPROVED:
        raise Conflict(f"{target.label} is {target.status}: only a version that passed its guards may serve")
    return target
