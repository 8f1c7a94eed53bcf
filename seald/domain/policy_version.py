"""Learned policies: immutable LoRA weights with a mix of forms and a manifest, and which of them writes."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from seald.config import Recipe
from seald.config.retraining import Subject
from seald.domain.adapter import AdapterStatus, engine_name
from seald.domain.policy import Policy
from seald.errors import ConfigError, IllegalTransition

PREFIX = "learned@"


class PolicyVersion(BaseModel):
    """One learned policy, as the store knows it. Its states are those of an adapter version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    status: AdapterStatus
    """`candidate` until the tournament; `rejected` ones are kept and do not write."""
    parent: int | None
    """The learned policy whose weights it started from; None: the base model."""
    retraining_id: str
    round: int
    policy: Policy
    documents: tuple[str, ...] = ()
    """Stored documents, or tasks, whose self-edits it, or one it came from, has learned from."""
    figures: dict[str, Any] = {}
    sha256: str | None
    """Of the weights file; None until training has finished, and once they were deleted."""
    manifest_sha256: str | None = None
    created: datetime
    live: bool = False

    @property
    def label(self) -> str:
        """`learned@<n>`."""
        return f"{PREFIX}{self.version}"

    @property
    def subject(self) -> Subject:
        """What it writes about."""
        return self.policy.subject

    @property
    def engine_name(self) -> str:
        """The engine's name for these weights. Raises IllegalTransition where there are none."""
        if self.sha256 is None:
            raise IllegalTransition(f"{self.label} has no weights")
        return engine_name(self.sha256)

    def for_writing(self) -> Policy:
        """The policy, which may write of passages. Raises ConfigError where it writes of something else, never won, or
        has been taken back."""
        require_subject(self.policy, "passage")
        if self.status is not AdapterStatus.APPROVED:
            raise ConfigError(f"{self.label} is {self.status}: it does not write", param="policy")
        return self.policy


def require_subject(policy: Policy, wanted: Subject) -> Policy:
    """The policy. Raises ConfigError where it writes about something else than `wanted`."""
    if policy.subject != wanted:
        said = {"passage": "self-edits of documents' passages", "task": "configurations of tasks"}
        raise ConfigError(
            f"policy {policy.version!r} writes {said[policy.subject]}, not {said[wanted]}", param="policy"
        )
    return policy


def number_of(name: str) -> int | None:
    """The `<n>` of a policy called `learned@<n>`; None of any other."""
    match = re.fullmatch(rf"{PREFIX}([1-9][0-9]{{0,8}})", name)
    return int(match[1]) if match else None


class PolicyManifest(BaseModel):
    """What vouches for the files in `policies/learned/<n>/`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = 1
    seald: str
    version: int
    parent: int | None
    retraining: str
    round: int
    files: dict[str, str]
    """File name → sha256 (hex) of its bytes."""
    base_model: str
    base_sha256: str
    policy: Policy
    recipe: Recipe
    seed: int
    documents: tuple[str, ...]
    figures: dict[str, Any]
    created: datetime
