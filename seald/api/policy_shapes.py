"""Policies and their retrainings as clients see them. Times are Unix seconds."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, Field

from seald.api.shapes import unix
from seald.config.retraining import Subject
from seald.domain.adapter import AdapterStatus
from seald.domain.episode import Episode
from seald.domain.policy import MixedForm, OtherWriter, Policy
from seald.domain.policy_version import PREFIX, PolicyManifest, PolicyVersion
from seald.domain.retraining import Retraining, RetrainingStatus


class WriterObject(BaseModel):
    """A model elsewhere that writes. Its key is nobody's business."""

    url: str
    model: str

    @classmethod
    def of(cls, writer: OtherWriter | None) -> WriterObject | None:
        """Shape a writer; None, the served model, stays None."""
        return None if writer is None else cls(url=writer.url, model=writer.model)


class PolicyObject(BaseModel):
    """A policy. `subject` is what it writes about: passages of documents, or how a task is learned. `parent` is what
    a learned one started from; a seed policy has no parent, status, round or rewards. `rewards` are the figures of the
    round that it comes from."""

    id: str
    object: Literal["policy"] = "policy"
    kind: Literal["seed", "learned"]
    subject: Subject
    live: bool
    status: AdapterStatus | None = None
    parent: str | None = None
    round: int | None = None
    retraining: str | None = None
    description: str
    mix: list[MixedForm]
    writer: WriterObject | None
    rewards: dict[str, Any] | None = None
    created: int | None = None

    @classmethod
    def seed(cls, policy: Policy, *, live: bool, **more: Any) -> Self:
        """Shape a policy of the folder."""
        return cls(id=policy.version, kind="seed", live=live, **_written(policy), **more)

    @classmethod
    def learned(cls, version: PolicyVersion, seed: str, **more: Any) -> Self:
        """Shape a learned policy; `seed` is what one without a parent started from."""
        return cls(
            **version.model_dump(include={"live", "status", "round"}),
            **_written(version.policy),
            id=version.label,
            kind="learned",
            parent=seed if version.parent is None else label(version.parent),
            retraining=version.retraining_id,
            rewards=version.figures,
            created=unix(version.created),
            **more,
        )


class ExampleObject(BaseModel):
    """A self-edit that a policy has learned from. `context` is its title, null where that was taken back."""

    context: str | None
    form: str
    reward: float | None
    raw: str

    @classmethod
    def of(cls, episode: Episode, title: str | None) -> ExampleObject:
        """Shape an episode."""
        return cls(context=title, form=episode.form, reward=episode.reward, raw=episode.raw)


class PolicyDetail(PolicyObject):
    """A policy with its manifest (null: no files). `verified` is null unless verification was asked for and there is
    something to verify. `rounds` are those of its retraining; `tournament` is null unless it fought one."""

    manifest: PolicyManifest | None = None
    verified: bool | None = None
    verify_error: str | None = None
    rounds: list[dict[str, Any]] = []
    tournament: dict[str, Any] | None = None
    examples: list[ExampleObject] = []


class PolicyRollbackObject(BaseModel):
    """A rollback that was done. Versions are numbers, 0 is the seed policy; `live` is the id of what writes now."""

    object: Literal["policy.rollback"] = "policy.rollback"
    from_: int = Field(serialization_alias="from")
    to: int
    live: str
    seconds: float


class RetrainingObject(BaseModel):
    """A retraining. `contexts` are those that it learns from; `incumbent` is null for a seed policy. `version` is what
    its latest round has learned."""

    id: str
    object: Literal["retraining"] = "retraining"
    status: RetrainingStatus
    round: int
    rounds: int
    samples: int
    contexts: int
    subject: Subject
    writer: str | None
    incumbent: str | None
    version: str | None
    figures: dict[str, Any]
    error: dict[str, Any] | None
    created: int
    finished: int | None

    @classmethod
    def of(cls, retraining: Retraining) -> RetrainingObject:
        """Shape a retraining; contexts that came with the request are not said again."""
        return cls(
            **retraining.model_dump(include={"id", "status", "round", "figures", "error"}),
            **retraining.spec.model_dump(include={"rounds", "samples", "contexts", "subject", "writer"}),
            incumbent=label(retraining.incumbent),
            version=label(retraining.version),
            created=unix(retraining.created),
            finished=unix(retraining.finished) if retraining.finished is not None else None,
        )


def label(version: int | None) -> str | None:
    """`learned@<n>` of a number."""
    return None if version is None else f"{PREFIX}{version}"


def _written(policy: Policy) -> dict[str, Any]:
    told = policy.model_dump(include={"description", "subject"})
    return {**told, "mix": list(policy.mix), "writer": WriterObject.of(policy.writer)}
