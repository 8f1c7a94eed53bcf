"""Learned policies, and the pointers to those that write, of passages and of tasks."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from seald.config.retraining import Subject
from seald.domain.adapter import AdapterStatus, check_adapter_transition
from seald.domain.policy import Policy
from seald.domain.policy_version import PREFIX, PolicyVersion
from seald.domain.retraining import RefusalCode, Retraining, RetrainingStatus
from seald.domain.tournament import TournamentResult
from seald.errors import Conflict, IllegalTransition
from seald.ports import Clock
from seald.store import policy_pointer, retrainings, supersession
from seald.store.policy_versions import end, every, find, tainted, this
from seald.store.retraining_tables import policy_versions as rows
from seald.store.retraining_tables import retrainings as retraining_rows
from seald.store.session import Session, next_number


class SqlPolicies:
    """Fulfils the port `PolicyStore`."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    def allot(self, retraining_id: str, round: int, *, parent: int | None, policy: Policy) -> PolicyVersion:
        """Give the round of a retraining its policy version, once; numbers are never used again.

        Raises IllegalTransition for a retraining that has ended, or (code `document_forgotten`) knows what was taken
        back.
        """
        mine = select(rows.c.version).where(rows.c.retraining == retraining_id, rows.c.round == round)
        with self._session.write() as connection:
            known = connection.scalar(mine)
            if known is not None:
                return find(connection, known)
            documents = _documents(connection, retraining_id, parent)
            number = next_number(connection, rows.c.version)
            connection.execute(
                rows.insert().values(
                    version=number,
                    status=AdapterStatus.CANDIDATE,
                    parent=parent,
                    retraining=retraining_id,
                    round=round,
                    policy=policy.model_copy(update={"version": f"{PREFIX}{number}"}).model_dump(mode="json"),
                    documents=documents,
                    figures={},
                    created=self._clock.now(),
                )
            )
            of_retraining = retraining_rows.update().where(retraining_rows.c.id == retraining_id)
            connection.execute(of_retraining.values(version=number))
            return find(connection, number)

    def record_weights(self, version: int, sha256: str, manifest_sha256: str, figures: dict[str, Any]) -> PolicyVersion:
        """The files are in place. Raises IllegalTransition when others were recorded before, for what is no candidate
        any more, and (code `document_forgotten`) for what learned from a document that was taken back."""
        with self._session.write() as connection:
            known = find(connection, version)
            if (known.sha256, known.manifest_sha256) == (sha256, manifest_sha256):
                return known
            if known.sha256 is not None:
                raise IllegalTransition(f"{known.label} already has other weights: versions are immutable")
            supersession.require_kept(connection, known.label, known.documents)
            if known.status is not AdapterStatus.CANDIDATE:
                raise IllegalTransition(f"{known.label} is {known.status}: it gets no weights any more")
            weights = {"sha256": sha256, "manifest_sha256": manifest_sha256}
            connection.execute(this(version).values(**weights, figures=figures))
            return find(connection, version)

    def get(self, version: int) -> PolicyVersion:
        """Raises NotFound."""
        with self._session.read() as connection:
            return find(connection, version)

    def all(self) -> list[PolicyVersion]:
        """Oldest first."""
        with self._session.read() as connection:
            return every(connection)

    def live(self, subject: Subject = "passage") -> PolicyVersion | None:
        """The learned policy that writes about `subject`; None: the seed policy."""
        with self._session.read() as connection:
            version = policy_pointer.version_of(connection, subject)
            return find(connection, version) if version is not None else None

    def promote(self, retraining_id: str, result: TournamentResult) -> PolicyVersion:
        """Approve the retraining's version, reject its other candidates, move the pointer, end the retraining: all or
        none. Raises IllegalTransition, or Conflict (code `incumbent_changed`)."""
        with self._session.write() as connection:
            retraining = retrainings.fetch(connection, retraining_id)
            winner = _winner(connection, retraining)
            self._decide(connection, winner, AdapterStatus.APPROVED)
            retrainings.reject_candidates(connection, retraining_id)
            self._require_incumbent(connection, winner, retraining.incumbent)
            subject = winner.subject
            number = winner.version
            policy_pointer.move(connection, self._clock, subject, number, kind="promotion", reason=retraining_id)
            retrainings.move(
                connection,
                self._clock,
                retraining_id,
                RetrainingStatus.JUDGING,
                RetrainingStatus.PROMOTED,
                figures={"tournament": result.model_dump(mode="json")},
            )
            return find(connection, number)

    def refuse(
        self, retraining_id: str, before: RetrainingStatus, code: RefusalCode, message: str, figures: dict[str, Any]
    ) -> Retraining:
        """Reject every candidate of the retraining, and end it: all or none. Raises IllegalTransition."""
        error = {"message": message, "code": code}
        with self._session.write() as connection:
            retrainings.reject_candidates(connection, retraining_id)
            refused = RetrainingStatus.REFUSED
            return retrainings.move(
                connection, self._clock, retraining_id, before, refused, figures=figures, error=error
            )

    def roll_back(self, to: int | None, *, reason: str | None, subject: Subject = "passage") -> PolicyVersion | None:
        """Move the subject's pointer to `to` (0: the seed policy; None: the one that wrote before this one).

        Raises NotFound; Conflict for one that never won or learned from what was taken back, (code `other_subject`) for
        one that writes about something else, or (code `nothing_to_roll_back`) where the seed policy writes.
        """
        with self._session.write() as connection:
            target = _target(connection, to, subject)
            policy_pointer.move(connection, self._clock, subject, target, kind="rollback", reason=reason)
            return find(connection, target) if target is not None else None

    def tainted(self) -> list[PolicyVersion]:
        """Versions that learned from a document which was forgotten and whose weights are, or, of a candidate, may be
        there: their files are to be deleted."""
        with self._session.read() as connection:
            found = tainted(connection)
        return [one for one in found if one.sha256 is not None or one.status is AdapterStatus.CANDIDATE]

    def erase(self, version: int) -> None:
        """Its files are gone: no weights any more, and it does not write. Twice is once."""
        with self._session.write() as connection:
            known = find(connection, version)
            end(connection, known)
            if known.live:
                back = policy_pointer.before(connection, known.subject)
                policy_pointer.move(connection, self._clock, known.subject, back, kind="forget", reason=None)

    def _decide(self, connection: Connection, candidate: PolicyVersion, after: AdapterStatus) -> None:
        check_adapter_transition(candidate.status, after)
        guarded = this(candidate.version).where(rows.c.status == candidate.status)
        if connection.execute(guarded.values(status=after)).rowcount != 1:
            raise IllegalTransition(f"{candidate.label} is not {candidate.status} any more: read it again")

    def _require_incumbent(self, connection: Connection, winner: PolicyVersion, incumbent: int | None) -> None:
        now = policy_pointer.version_of(connection, winner.subject)
        if now != incumbent:
            named = [f"{PREFIX}{one}" if one is not None else "the seed policy" for one in (incumbent, now)]
            raise Conflict(
                f"{winner.label} was judged against {named[0]}, but {named[1]} writes now", code="incumbent_changed"
            )


def _documents(connection: Connection, retraining_id: str, parent: int | None) -> list[str]:
    """What the next version of this retraining learns from, or inherits. Raises IllegalTransition."""
    retrainings.require_open(connection, retraining_id)
    inherited = find(connection, parent).documents if parent is not None else ()
    taught = (lesson for lesson in retrainings.lessons_of(connection, retraining_id) if not lesson.held_out)
    own = (lesson.context.document for lesson in taught)
    documents = [*dict.fromkeys((*inherited, *(document for document in own if document is not None)))]
    supersession.require_kept(connection, retraining_id, documents)
    return documents


def _winner(connection: Connection, retraining: Retraining) -> PolicyVersion:
    if retraining.version is None:
        raise IllegalTransition(f"{retraining.id} has made no policy yet")
    winner = find(connection, retraining.version)
    if winner.sha256 is None:
        raise IllegalTransition(f"{winner.label} has no weights")
    return winner


def _target(connection: Connection, to: int | None, subject: Subject) -> int | None:
    if to is None:
        if policy_pointer.version_of(connection, subject) is None:
            raise Conflict("the seed policy writes already", code="nothing_to_roll_back")
        return policy_pointer.before(connection, subject)
    if to == 0:
        return None
    target = find(connection, to)
    if target.subject != subject:
        raise Conflict(f"{target.label} writes about {target.subject}s, not about {subject}s", code="other_subject")
    if to not in policy_pointer.may_write(connection, subject):
        raise Conflict(
            f"{target.label} is {target.status}: only a policy that won its tournament, and learned from nothing that "
            "was taken back, may write"
        )
    return to
