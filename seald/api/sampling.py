"""Sampling fields whose range OpenAI's reference gives: refused alike, whichever engine answers.

What else there is to say of sampling is the engine's to judge.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

MOST_CHOICES = 128
MOST_LOGPROBS = 20
MOST_STOPS = 4
LONGEST_STOP = 1000

Penalty = Annotated[float, Field(ge=-2, le=2)]
Count = Annotated[int, Field(ge=1)]
Logprobs = Annotated[int, Field(ge=0, le=MOST_LOGPROBS)]
Stop = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_STOP)]


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class Sampling(BaseModel):
    """What all routes share. Null is as good as left out."""

    model_config = ConfigDict(strict=True, extra="ignore")

    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_logprobs: Logprobs | None = None


class _Writing(Sampling):
    n: Annotated[int, Field(ge=1, le=MOST_CHOICES)] | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    stop: Annotated[Annotated[list[Stop], Field(max_length=MOST_STOPS)] | None, BeforeValidator(_listed)] = None


class TextSampling(_Writing):
    """Of `/v1/completions`. `max_tokens` of 0 asks for the prompt's own log-probabilities (with `echo`)."""

    max_tokens: Annotated[int, Field(ge=0)] | None = None
    logprobs: Logprobs | None = None


class ChatSampling(_Writing):
    """Of `/v1/chat/completions`."""

    max_tokens: Count | None = None
    max_completion_tokens: Count | None = None
    logprobs: bool | None = None


class ResponseSampling(Sampling):
    """Of `/v1/responses`."""

    max_output_tokens: Count | None = None
