"""Adapter versions: immutable LoRA weights with a manifest, and their lineage."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from seald.config import Recipe
from seald.domain.training import Canary
from seald.errors import IllegalTransition

WEIGHTS = "adapter_model.safetensors"
ADAPTER_CONFIG = "adapter_config.json"
MANIFEST = "manifest.json"


class AdapterStatus(StrEnum):
    """What the guards made of a version. Which version serves is a pointer, not a state."""

    CANDIDATE = "candidate"
    APPROVED = "approved"
    REJECTED = "rejected"
    RETIRED = "retired"


TRANSITIONS: dict[AdapterStatus, frozenset[AdapterStatus]] = {
    AdapterStatus.CANDIDATE: frozenset({AdapterStatus.APPROVED, AdapterStatus.REJECTED}),
    AdapterStatus.APPROVED: frozenset({AdapterStatus.RETIRED}),
    AdapterStatus.REJECTED: frozenset(),
    AdapterStatus.RETIRED: frozenset(),
}


def check_adapter_transition(before: AdapterStatus, after: AdapterStatus) -> None:
    """Raise IllegalTransition unless `before → after` is listed."""
    if after not in TRANSITIONS[before]:
        raise IllegalTransition(f"an adapter version cannot go from {before} to {after}")


class AdapterVersion(BaseModel):
    """One version of a collection's adapter, as the store knows it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    collection: str
    version: int
    status: AdapterStatus
    parent: int | None
    """The version whose weights it started from; None is the base model."""
    replaces: int | None = None
    """The version that was live when it was begun, and must still be when it is promoted; None is the base model."""
    adaptation_id: str
    repairs: int = 0
    """How often its weights were trained anew after a guard objected."""
    documents: tuple[str, ...]
    """Ids of all documents it knows: its parent's and its own."""
    sha256: str | None
    """Of the weights file; None until training has finished."""
    manifest_sha256: str | None = None
    """Of the manifest, which vouches for the other files; None, too, where the version is older than this column."""
    created: datetime
    live: bool = False

    @property
    def label(self) -> str:
        """`<collection>@<n>`, as clients see it."""
        return f"{self.collection}@{self.version}"

    @property
    def is_rebuild(self) -> bool:
        """A compaction made it: from the base, in the place of a version that was live."""
        return self.parent is None and self.replaces is not None

    @property
    def engine_name(self) -> str:
        """The engine's name for these weights. Never reused: vLLM keys its prefix cache by it."""
        if self.sha256 is None:
            raise IllegalTransition(f"{self.label} has no weights yet")
        return engine_name(self.sha256)


ENGINE_NAMES = "seald-"


def engine_name(sha256: str) -> str:
    """`seald-<first 12 of the weights' sha256>`."""
    return f"{ENGINE_NAMES}{sha256[:12]}"


class Manifest(BaseModel):
    """What vouches for a version's files. Nothing is loaded that its manifest does not vouch for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = 1
    seald: str
    """Version of seald that wrote it."""
    collection: str
    version: int
    parent: int | None
    adaptation: str
    files: dict[str, str]
    """File name → sha256 (hex) of its bytes."""
    base_model: str
    base_sha256: str
    documents: tuple[str, ...]
    ledger: tuple[int, int] | None
    """First and last ledger position among the fresh lines; None where there is none."""
    policy: str
    """Who wrote the fresh lines; several, in a rebuild, with commas between them."""
    recipe: Recipe
    seed: int
    repairs: int = 0
    """How many further stages the weights went through; `recipe` is that of the last one."""
    figures: dict[str, Any]
    canaries: tuple[Canary, ...]
    created: datetime
