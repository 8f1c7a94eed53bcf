"""Retrainings, their episodes, and learned policies, as they are kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from seald.config.retraining import Subject
from seald.domain.episode import Episode
from seald.domain.policy import Policy
from seald.domain.policy_version import PolicyManifest, PolicyVersion
from seald.domain.retraining import (
    Exam,
    Lesson,
    RefusalCode,
    Retraining,
    RetrainingEvent,
    RetrainingSpec,
    RetrainingStatus,
)
from seald.domain.tournament import TournamentResult
from seald.ports.documents import Page


class RetrainingStore(Protocol):
    """Retrainings, moved by guarded updates, with an event row in the same transaction."""

    def queue(self, spec: RetrainingSpec, key: str) -> tuple[Retraining, bool]:
        """A queued retraining; or the one of this key, or the one that is open (not terminal), `False`."""
        ...

    def get(self, id: str) -> Retraining:
        """Raises NotFound."""
        ...

    def page(self, *, after: str | None, limit: int) -> Page[Retraining]:
        """Oldest first, those after the retraining `after`. Raises NotFound when `after` is none."""
        ...

    def next_runnable(self) -> Retraining | None:
        """The oldest one that is not terminal."""
        ...

    def begin(self, id: str, lessons: Sequence[Lesson], *, incumbent: int | None, start: int | None) -> Retraining:
        """In one transaction: queued → sampling, with its lessons, the policy that writes now, and the one that its
        first round samples from. Raises IllegalTransition, also (code `document_forgotten`) where a lesson or one of
        these policies knows a document that was taken back."""
        ...

    def move(
        self,
        id: str,
        before: RetrainingStatus,
        after: RetrainingStatus,
        *,
        round: int | None = None,
        figures: dict[str, Any] | None = None,
        error: dict[str, Any] | None = None,
    ) -> Retraining:
        """`UPDATE … WHERE status = before`, figures merged in, event `status` written beside it; `round`: the one that
        begins. Raises IllegalTransition when the move is not legal or somebody moved it first."""
        ...

    def note(self, id: str, type: str, data: dict[str, Any]) -> None:
        """Append an event."""
        ...

    def add_figures(self, id: str, figures: dict[str, Any]) -> None:
        """Merge figures into the retraining's."""
        ...

    def events(self, id: str, *, after: int = 0, limit: int = 1000) -> list[RetrainingEvent]:
        """Events with a `seq` above `after`, oldest first. Raises NotFound for an unknown retraining."""
        ...

    def request_cancel(self, id: str, *, reason: str | None = None) -> Retraining:
        """A queued one becomes cancelled at once, a running one when the pipeline next looks. `reason` goes into the
        audit.

        Raises NotFound; IllegalTransition for one that has ended.
        """
        ...

    def lessons(self, id: str) -> list[Lesson]:
        """In their places."""
        ...

    def set_exam(self, id: str, context_id: str, exam: Exam) -> None:
        """Once: an exam that is there stays. Raises NotFound where there is no such lesson."""
        ...


class EpisodeStore(Protocol):
    """Episodes of all retrainings."""

    def put(self, episodes: Sequence[Episode]) -> None:
        """In one transaction: store each under its key; one that is there is replaced.

        Raises IllegalTransition where its retraining has ended: a document of it may have been taken back."""
        ...

    def of_round(self, retraining_id: str, round: int, arm: str | None = None) -> list[Episode]:
        """In the order of context (by its lesson's place), arm and sample. `round` 0: the tournament's."""
        ...


class PolicyStore(Protocol):
    """Learned policies and the pointers to those that write: one of passages, one of tasks."""

    def allot(self, retraining_id: str, round: int, *, parent: int | None, policy: Policy) -> PolicyVersion:
        """Give the round of a retraining its policy version, once, and set the retraining's `version`. `policy.version`
        is replaced by the label. Its documents are its parent's and those of the retraining's lessons that are not held
        out.

        Raises IllegalTransition where the retraining has ended, or (code `document_forgotten`) its parent learned from
        what was taken back."""
        ...

    def record_weights(self, version: int, sha256: str, manifest_sha256: str, figures: dict[str, Any]) -> PolicyVersion:
        """The files are in place. Doing it again with the same hashes changes nothing.

        Raises IllegalTransition for other hashes, for what is no candidate any more, and (code `document_forgotten`)
        for what learned from a document that was taken back."""
        ...

    def get(self, version: int) -> PolicyVersion:
        """Raises NotFound."""
        ...

    def all(self) -> list[PolicyVersion]:
        """Oldest first."""
        ...

    def live(self, subject: Subject = "passage") -> PolicyVersion | None:
        """The learned policy that writes about `subject`; None: the seed policy, of passages the one that the
        configuration names."""
        ...

    def promote(self, retraining_id: str, result: TournamentResult) -> PolicyVersion:
        """In one transaction: the retraining's `version` candidate → approved, its other candidates → rejected, the
        pointer of its subject moves to it, the retraining judging → promoted with the result among its figures.

        Raises Conflict (code `incumbent_changed`) when another policy writes by now than when it was begun.
        """
        ...

    def refuse(
        self, retraining_id: str, before: RetrainingStatus, code: RefusalCode, message: str, figures: dict[str, Any]
    ) -> Retraining:
        """In one transaction: every candidate of the retraining → rejected, the retraining → refused."""
        ...

    def roll_back(self, to: int | None, *, reason: str | None, subject: Subject = "passage") -> PolicyVersion | None:
        """Move the subject's pointer to `to` (0: the seed policy; None: the one that wrote before this one).

        Raises NotFound, or Conflict when `to` was never approved or learned from what was taken back, writes about
        something else (code `other_subject`), or there is nothing to go back to.
        """
        ...

    def tainted(self) -> list[PolicyVersion]:
        """Versions that learned from a document which was forgotten and whose weights are, or, of a candidate, may be
        there: their files are to be deleted."""
        ...

    def erase(self, version: int) -> None:
        """Its files are gone: no weights any more, approved → retired, candidate → rejected, and where it writes the
        pointer goes to the last policy that did before and is not tainted, else to the seed policy."""
        ...


class PolicyFiles(Protocol):
    """Folders of learned policies: written whole or not at all, read only when the manifest vouches."""

    def folder(self, version: int) -> Path:
        """`policies/learned/<n>/`, whether there or not."""
        ...

    def draft(self, name: str) -> Path:
        """Where a trainer leaves its files: on the same filesystem as the versions. `name` begins with the
        retraining's id, as do the names of its work folders: by it they are found when a document is taken back."""
        ...

    def hashes(self, draft: Path) -> dict[str, str]:
        """File name → sha256 of the files that a manifest vouches for. Raises IntegrityError when one is missing."""
        ...

    def publish(self, draft: Path, manifest: PolicyManifest) -> str:
        """Write the manifest into the trainer's folder, fsync, rename into place; return the manifest's sha256.
        Twice is once."""
        ...

    def verify(self, version: PolicyVersion) -> PolicyManifest:
        """Hash every file against the manifest, and the manifest against what the store recorded of it.

        Raises IntegrityError, also when there is no folder."""
        ...

    def remove(self, version: int) -> None:
        """Delete a version's folder; none there is fine."""
        ...

    def sweep(self, known: Sequence[PolicyVersion], running: Iterable[str]) -> list[Path]:
        """Delete folders that no version with weights owns, and drafts whose name is not among `running`; return what
        went."""
        ...
