"""The stores of the policy's retraining in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seald.config.retraining import Subject
from seald.domain.adapter import AdapterStatus
from seald.domain.episode import Episode
from seald.domain.policy import MixedForm, Policy
from seald.domain.policy_version import PolicyManifest, PolicyVersion
from seald.domain.retraining import (
    RUNNABLE,
    Context,
    Lesson,
    Retraining,
    RetrainingAsk,
    RetrainingEvent,
    RetrainingSpec,
    RetrainingStatus,
    check_retraining_transition,
)
from seald.errors import Conflict, IllegalTransition, IntegrityError, NotFound
from seald.ports import Page
from tests.unit.api.memory import NOON, page_of

S = RetrainingStatus
SPEC = RetrainingSpec(rounds=2, contexts=12, samples=4)


class MemoryRetrainings:
    def __init__(self) -> None:
        self.rows: dict[str, Retraining] = {}
        self.log: list[RetrainingEvent] = []
        self.taught: list[Lesson] = []

    def add(self, id: str, status: S = S.QUEUED, **more: Any) -> Retraining:
        row = {"id": id, "key": f"asked/{id}", "status": status, "spec": SPEC, "created": NOON, **more}
        self.rows[id] = Retraining.model_validate(row)
        self.note(id, "status", {"status": str(status)})
        return self.rows[id]

    def queue(self, spec: RetrainingSpec, key: str) -> tuple[Retraining, bool]:
        for row in self.rows.values():
            if row.key == key or row.status in RUNNABLE:
                return row, False
        return self.add(f"rtr-{len(self.rows) + 1}", spec=spec, key=key), True

    def ask(self, asked: RetrainingAsk, key: str) -> tuple[Retraining, bool]:
        """In the place of the pipeline's own: what is not asked for is as in `SPEC`."""
        given = asked.contexts if isinstance(asked.contexts, tuple) else ()
        plain = asked.model_dump(include={"rounds", "samples", "writer"}, exclude_none=True)
        count = len(given) or asked.contexts or SPEC.contexts
        more = {"contexts": count, "given": given, "subject": asked.about()}
        return self.queue(SPEC.model_copy(update={**plain, **more}), key)

    def get(self, id: str) -> Retraining:
        if id not in self.rows:
            raise NotFound(f"there is no retraining {id}")
        return self.rows[id]

    def page(self, *, after: str | None, limit: int) -> Page[Retraining]:
        return page_of(list(self.rows.values()), lambda row: row.id, after, limit)

    def move(self, id: str, before: S, after: S) -> Retraining:
        check_retraining_transition(before, after)
        self.rows[id] = self.get(id).model_copy(update={"status": after})
        self.note(id, "status", {"status": str(after)})
        return self.rows[id]

    def note(self, id: str, type: str, data: dict[str, Any]) -> None:
        self.log.append(RetrainingEvent(seq=len(self.log) + 1, retraining_id=id, at=NOON, type=type, data=data))

    def events(self, id: str, *, after: int = 0, limit: int = 1000) -> list[RetrainingEvent]:
        self.get(id)
        return [event for event in self.log if event.retraining_id == id and event.seq > after][:limit]

    def request_cancel(self, id: str, *, reason: str | None = None) -> Retraining:
        row = self.get(id)
        if row.status not in RUNNABLE:
            raise IllegalTransition(f"{id} is {row.status}")
        if row.status is S.QUEUED:
            return self.move(id, S.QUEUED, S.CANCELLED)
        self.rows[id] = row.model_copy(update={"cancel_requested": True})
        return self.rows[id]

    def teach(self, id: str, title: str) -> Context:
        context = Context(title=title, context=f"What is known of {title}.")
        place = len(self.taught)
        self.taught.append(Lesson(retraining_id=id, place=place, context=context, held_out=False))
        return context

    def lessons(self, id: str) -> list[Lesson]:
        return [lesson for lesson in self.taught if lesson.retraining_id == id]


class MemoryEpisodes:
    def __init__(self) -> None:
        self.rows: dict[str, Episode] = {}

    def put(self, episodes: Sequence[Episode]) -> None:
        self.rows |= {episode.key: episode for episode in episodes}

    def of_round(self, retraining_id: str, round: int, arm: str | None = None) -> list[Episode]:
        rows = [e for e in self.rows.values() if (e.retraining_id, e.round) == (retraining_id, round)]
        return [e for e in rows if arm in (None, e.arm)]


class MemoryPolicies:
    def __init__(self) -> None:
        self.rows: list[PolicyVersion] = []
        self.reasons: list[str | None] = []

    def add(self, version: int, status: AdapterStatus = AdapterStatus.APPROVED, **more: Any) -> PolicyVersion:
        policy = Policy(
            version=f"learned@{version}", mix=(MixedForm(form="none"), MixedForm(form="rewrite", samples=3))
        )
        row = {"version": version, "status": status, "parent": None, "retraining_id": "rtr-1", "round": 1}
        row |= {"policy": policy, "sha256": f"{version:064x}", "created": NOON, **more}
        self.rows.append(PolicyVersion.model_validate(row))
        return self.rows[-1]

    def get(self, version: int) -> PolicyVersion:
        for row in self.rows:
            if row.version == version:
                return row
        raise NotFound(f"there is no learned@{version}")

    def all(self) -> list[PolicyVersion]:
        return self.rows

    def live(self, subject: Subject = "passage") -> PolicyVersion | None:
        return next((row for row in self.rows if row.live and row.subject == subject), None)

    def roll_back(self, to: int | None, reason: str | None, subject: Subject = "passage") -> PolicyVersion | None:
        self.reasons.append(reason)
        live = self.live(subject)
        if live is None:
            raise Conflict("there is nothing to go back to")
        target = (live.parent or 0) if to is None else to
        found = self.get(target) if target else None
        mine = [row.model_copy(update={"live": row == found}) for row in self.rows if row.subject == subject]
        self.rows = sorted([*mine, *(row for row in self.rows if row.subject != subject)], key=lambda row: row.version)
        return found and self.get(target)


class PolicyFolders:
    """Folders below a temporary one; `verify` believes the manifest unless `broken`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.broken = False

    def folder(self, version: int) -> Path:
        return self.root / "learned" / str(version)

    def write(self, manifest: PolicyManifest) -> None:
        self.folder(manifest.version).mkdir(parents=True)
        (self.folder(manifest.version) / "manifest.json").write_text(manifest.model_dump_json())

    def verify(self, version: PolicyVersion) -> PolicyManifest:
        path = self.folder(version.version) / "manifest.json"
        if not path.exists():
            raise IntegrityError("there is no folder")
        if self.broken:
            raise IntegrityError("adapter_model.safetensors is not what its manifest says")
        return PolicyManifest.model_validate_json(path.read_bytes())
