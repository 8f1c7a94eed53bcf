"""What a client thinks of an answer, and which version gave that answer."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from seald.errors import NotFound

BASE_MODEL = "base"
Rating = Literal[-1, 1]
"""Down or up."""


class Answer(BaseModel):
    """Which version answered a request. `collection` is empty where the client asked for the model `base` itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    request: str
    asker: str = "local"
    """Whose request it was: a key's id. Another's may bear the same id, which clients choose."""
    collection: str
    version: int | None
    """None: the base model."""
    at: datetime

    @property
    def label(self) -> str:
        """`<collection>@<n>` or `base`."""
        return BASE_MODEL if self.version is None else f"{self.collection}@{self.version}"


class Feedback(Answer):
    """A rating of an answer; `at` is when it was given."""

    rating: Rating
    comment: str | None = None


class Ratings(BaseModel):
    """How many answers of one version were rated up, and how many down."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    up: int = 0
    down: int = 0

    @property
    def n(self) -> int:
        """All of them."""
        return self.up + self.down


def unknown_answer(request: str) -> NotFound:
    """The error for an answer that was not given, or not to be rated by whoever asks."""
    return NotFound(
        f"no answer with the x-request-id {request!r} is known: it was none of ours, or too long ago",
        param="request_id",
        code="unknown_request",
    )


def version_of(model: str, label: str) -> tuple[str, int | None]:
    """Collection and version of an answer, from the model id that was asked for and the label of what answered."""
    collection, at, version = label.rpartition("@")
    if at:
        return collection, int(version)
    if model == BASE_MODEL:
        return "", None
    return model.removeprefix("seald").removeprefix(":") or "default", None
