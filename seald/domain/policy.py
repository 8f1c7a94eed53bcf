"""Policies: what writes self-edits. A mix of forms, each a prompt, sampling and a rule of splitting."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from seald.config.retraining import Subject
from seald.domain.self_edit import Directives

Splitting = Literal["lines", "paragraphs", "question-answer", "whole", "sentences"]


class Form(BaseModel):
    """How a self-edit is asked for. `prompt` holds `{title}`, `{passage}`, maybe `{facts}`; None writes by rule."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    subject: Subject = "passage"
    """What is written about: a passage of a document, or how a task is to be learned from its examples."""
    prompt: str | None = None
    splitting: Splitting
    temperature: float = Field(0.7, ge=0, le=2)
    top_p: float = Field(0.95, gt=0, le=1)
    max_tokens: int = Field(256, ge=16)
    chat_prompts: tuple[str, ...] = ()
    """User turns under which each line is trained on; without any it is raw text. They hold `{title}`, and `{cue1}`,
    `{cue2}` or `{cue3}`: that many of the line's own content words."""
    whole_prompts: tuple[str, ...] = ()
    """By rule only: user turns, holding `{title}`, that the whole passage answers."""
    blanks: int = Field(0, ge=0, le=8)
    """By rule only: how many facts of a sentence it is asked for, the fact replaced by `what`, `which year`, …"""


class MixedForm(BaseModel):
    """One form's place in a policy's mix."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    form: str
    samples: int = Field(1, ge=0, le=16)


class OtherWriter(BaseModel):
    """A model behind an OpenAI-compatible endpoint that writes in the place of the one that is served."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(pattern=r"^https?://[^/?#@\s]+(/[^?#@\s]*)?$")
    """Up to and with `/v1`. It is shown to clients, so no name or key may stand in it."""
    model: str = Field(min_length=1)
    key_env: str | None = None
    """Environment variable that holds its key."""
    timeout_seconds: float = Field(120.0, gt=0)


class Policy(BaseModel):
    """A named, versioned mix of forms. `samples` of the mix are what a passage gets, and the weights by which forms are
    drawn where a policy is retrained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    """Name of a seed policy, or `learned@<n>`."""
    description: str = ""
    subject: Subject = "passage"
    """That of all its forms: what it writes about. It writes about nothing else."""
    mix: tuple[MixedForm, ...]
    directives: Directives = Directives()
    writer: OtherWriter | None = None
    """Who writes; None: the served model, as base or under the policy's own LoRA."""
