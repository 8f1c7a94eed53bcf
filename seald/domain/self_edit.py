"""What the policy wrote for a passage, and what became of each line of it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

LossScope = Literal["completion", "all"]


class Line(BaseModel):
    """One line of training text: raw text, or a chat reply when `prompt` is given.

    `prompt` is the user's turn (the model's own chat template is put around it) and never enters the loss
    unless the loss scope is `all`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(min_length=1)
    prompt: str | None = None
    before: tuple[str, ...] = ()
    """Earlier turns of the chat, the user's and the model's in turn; never in the loss unless its scope is `all`."""
    context: str | None = None
    """A passage in whose light the base model reads the line: its probabilities are then learned, not the text."""
    ended: bool = True
    """False: a reply that was cut off; that it ends there is not to be learned."""

    @property
    def whole(self) -> str:
        """Prompt, if there is one, and text."""
        return self.text if self.prompt is None else f"{self.prompt} {self.text}"


def in_light_of(passage: str, question: str) -> str:
    """The question as it is asked with the book open."""
    return f"{passage.strip()}\n\nAnswer from the text above. {question}"


class DroppedLine(BaseModel):
    """A line that was written but is not trained on, with the filter's reason."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    line: Line
    reason: str
    """`unsupported_number`, `unsupported_name`, `unsupported_words`, `unsupported_negation` (the passage denies it),
    `degenerate`, `duplicate` (of a line of the passage, or of one that another document has taught), `probe`,
    `instruction` (it speaks to the model; a sentence of the passage that does is kept here, too), or, where a line was
    asked for what is not covered yet, `surplus`: it adds nothing to that, or more tokens than are left."""


class Directives(BaseModel):
    """What a self-edit asks of the trainer. None leaves the recipe's own value; config bounds the rest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    learning_rate: float | None = None
    epochs: int | None = None
    loss_scope: LossScope | None = None


class SelfEdit(BaseModel):
    """One sample of one form for one passage, as it came and as it is trained on.

    A self-edit with at least one accepted line is an entry of the ledger, in the order of `position`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    adaptation_id: str
    document_id: str
    passage_index: int
    form: str
    sample: int
    policy: str
    """Version of the policy that wrote it."""
    raw: str
    """The engine's text, untouched; empty for what is written by rule."""
    lines: tuple[Line, ...] = ()
    dropped: tuple[DroppedLine, ...] = ()
    directives: Directives = Directives()
    position: int | None = None
    """Place in the collection's ledger; None until stored, and for edits without an accepted line."""

    @property
    def key(self) -> str:
        """Names the effect, so that writing the same self-edit twice stores it once."""
        return f"{self.adaptation_id}/{self.document_id}/{self.passage_index}/{self.form}/{self.sample}"
