"""Adapter versions, as they are kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from seald.domain.adaptation import Adaptation
from seald.domain.adapter import AdapterVersion, Manifest
from seald.domain.verdict import Verdict


class AdapterStore(Protocol):
    """Adapter versions, their verdicts, and the live pointer of each collection."""

    def allot(self, adaptation: Adaptation) -> AdapterVersion:
        """Give the adaptation its version number, once. It replaces the live version of the moment, which is its
        parent, too, and gives it its documents besides its own. A compaction has no parent, and the documents of the
        live version become its own. One that forgets has no parent either; its documents are those that it was queued
        with and those of the live version, without any that was forgotten. What another of its documents supersedes
        a version does not have. Sets `version` and `parent` of the adaptation in the same transaction.

        Raises Conflict for a compaction when the base is live (code `nothing_to_compact`) and for a document that what
        is live supersedes (`superseded`); IllegalTransition for one that was forgotten (`document_forgotten`). One that
        learns a task has no parent and no documents; IllegalTransition (`task_deleted`) where its task is gone.
        """
        ...

    def record_weights(self, collection: str, version: int, sha256: str, manifest_sha256: str) -> AdapterVersion:
        """The files are in place. Doing it again with the same hashes changes nothing. Raises IllegalTransition (code
        `task_deleted`) where the task that they have learned is gone."""
        ...

    def get(self, collection: str, version: int) -> AdapterVersion:
        """Raises NotFound."""
        ...

    def of_collection(self, collection: str) -> list[AdapterVersion]:
        """All versions, oldest first; empty when there are none."""
        ...

    def collections(self) -> list[str]:
        """Names of all collections that hold a document or a version, sorted. Tasks' lineages are none."""
        ...

    def lineages(self, *, within: Collection[str] | None = None) -> list[str]:
        """Whatever versions may be of: the names of all collections, then `task/<name>` of all tasks, those that are
        kept with one `within`. One that was deleted has none."""
        ...

    def live(self, collection: str) -> AdapterVersion | None:
        """The version that serves; None is the base model."""
        ...

    def all_live(self) -> list[AdapterVersion]:
        """The live version of each collection that has one."""
        ...

    def served(self) -> list[AdapterVersion]:
        """The live version of each lineage that has one, of collections and of tasks: what engines must hold."""
        ...

    def add_verdict(self, collection: str, version: int, verdict: Verdict) -> None:
        """One a guard; writing it again replaces it."""
        ...

    def verdicts(self, collection: str, version: int) -> list[Verdict]:
        """In the order of GuardName."""
        ...

    def reject(self, adaptation_id: str, *, error: dict[str, Any] | None, reason: str | None = None) -> None:
        """Candidate → rejected and adaptation → rejected, in one transaction. Twice is once. What a rebuild without a
        forgotten document should have brought back is queued to be learned again. `reason` goes into the audit where
        a person rejects."""
        ...

    def repair(self, adaptation_id: str, *, reasons: str) -> AdapterVersion:
        """In one transaction: the candidate gives up its weights and verdicts and counts one repair more, the
        adaptation goes back to training, with the event `repair`."""
        ...

    def take_up_again(self, adaptation_id: str) -> Adaptation:
        """In one transaction: a held adaptation is cancelled (code `taken_up_again`), its candidate rejected, and a new
        adaptation of the same documents queued. What a person let go on goes on."""
        ...

    def promote(self, adaptation_id: str) -> AdapterVersion:
        """In one transaction: candidate → approved, the live pointer moves from what it replaces to it, the adaptation
        becomes promoted, unless it forgets: that ends with its certificate. Raises Conflict when the live version is no
        longer the one it replaces, IllegalTransition (code `document_forgotten`) for one that knows what was forgotten,
        and (`task_deleted`) for one whose task is gone.
        """
        ...

    def queue_compaction(self, collection: str, why: dict[str, Any]) -> tuple[Adaptation, bool]:
        """In one transaction: a queued compaction of the live version's documents, with `why` as its event, `True`;
        or the collection's open one (neither ended nor held), `False`.

        Raises NotFound for an unknown collection, Conflict when the base is live (code `nothing_to_compact`) and for a
        task's lineage (`not_a_collection`).
        """
        ...

    def roll_back(
        self, collection: str, to: int | None, *, reason: str | None, watched: int | None = None
    ) -> AdapterVersion | None:
        """Move the live pointer to `to` (0: the base; None: the version that was live before this one).

        `watched` is the version that watching takes back, by itself: the move is written down as watching's.
        Raises NotFound, or Conflict when `to` was never approved, there is nothing to go back to, or (code
        `not_live`) another version than `watched` is live by now.
        """
        ...

    def rollback_target(self, collection: str, to: int | None) -> AdapterVersion | None:
        """Where `roll_back` would go. Same errors; changes nothing."""
        ...


class AdapterFiles(Protocol):
    """Folders of adapter versions: written whole or not at all, read only when the manifest vouches."""

    def folder(self, collection: str, version: int) -> Path:
        """`adapters/<collection>/<n>/`, whether there or not."""
        ...

    def draft(self, adaptation_id: str) -> Path:
        """Where the trainer of this adaptation leaves its files: on the same filesystem as the versions."""
        ...

    def hashes(self, draft: Path) -> dict[str, str]:
        """File name → sha256 of the files that a manifest vouches for. Raises IntegrityError when one is missing."""
        ...

    def publish(self, draft: Path, manifest: Manifest) -> str:
        """Write the manifest into the trainer's folder, fsync, rename into place; return the manifest's sha256.
        Twice is once."""
        ...

    def verify(self, version: AdapterVersion) -> Manifest:
        """Hash every file against the manifest, and the manifest against what the store recorded of it.

        Raises IntegrityError, also when there is no folder."""
        ...

    def set_aside(self, version: AdapterVersion, to: Path) -> None:
        """Verify a version's files and copy them into `to`, whole or not at all. Twice is once."""
        ...

    def remove(self, collection: str, version: int) -> None:
        """Delete a version's folder; none there is fine."""
        ...

    def sweep(self, known: Sequence[AdapterVersion], running: Iterable[str]) -> list[Path]:
        """Delete folders that no version with weights owns, and drafts of adaptations that are not `running`;
        return what went."""
        ...
