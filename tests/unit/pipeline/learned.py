"""Learned policies in memory: what writing asks of their store, of their files and of the engine that loads them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from seald.domain.adapter import AdapterStatus
from seald.domain.policy import MixedForm, Policy
from seald.domain.policy_version import PolicyVersion
from seald.errors import EngineRefused, IntegrityError, NotFound


def learned(n: int, form: str = "rewrite", status: AdapterStatus = AdapterStatus.APPROVED) -> PolicyVersion:
    """A version whose mix is the passage itself and one form."""
    return PolicyVersion(
        version=n,
        status=status,
        parent=None,
        retraining_id="ret-1",
        round=1,
        policy=Policy(version=f"learned@{n}", mix=(MixedForm(form="none"), MixedForm(form=form))),
        sha256=f"{n:064x}"[::-1],
        created=datetime(2026, 1, 1, tzinfo=UTC),
    )


@dataclass
class MemoryPolicies:
    """Fulfils the ports `PolicyStore`, `PolicyFiles` and `Trials` as far as who writes needs them."""

    versions: dict[int, PolicyVersion] = field(default_factory=dict)
    writes: int | None = None
    """The version that is live."""
    knowing: set[int] = field(default_factory=set)
    """Those that learned from what was taken back."""
    torn: set[int] = field(default_factory=set)
    refused: bool = False
    loaded: set[str] = field(default_factory=set)
    loads: list[str] = field(default_factory=list)

    def put(self, version: PolicyVersion, *, live: bool = False) -> PolicyVersion:
        self.versions[version.version] = version
        self.writes = version.version if live else self.writes
        return version

    def get(self, version: int) -> PolicyVersion:
        if version not in self.versions:
            raise NotFound(f"there is no learned@{version}")
        return self.versions[version]

    def live(self) -> PolicyVersion | None:
        return None if self.writes is None else self.versions[self.writes]

    def tainted(self) -> list[PolicyVersion]:
        return [self.versions[version] for version in sorted(self.knowing)]

    def folder(self, version: int) -> Path:
        return Path("/nowhere/learned") / str(version)

    def verify(self, version: PolicyVersion) -> None:
        if version.version in self.torn:
            raise IntegrityError(f"{version.label} is torn")

    @contextmanager
    def tried(self, name: str, folder: Path) -> Iterator[str]:
        if self.refused:
            raise EngineRefused(f"{name} cannot be served", status=502)
        self.loads.append(name)
        self.loaded.add(name)
        try:
            yield name
        finally:
            self.loaded.remove(name)
