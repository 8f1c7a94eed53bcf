"""Tasks: a rule that is given by a few pairs of input and output, and the configurations by which it may be learned.

SEAL's second domain (arXiv 2506.10943, section 3.2): there the self-edit is no text but says how the pairs are
augmented and how the adapter is trained on them.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from seald.config.tasks import Augmentation
from seald.domain.self_edit import LossScope

TASK_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,57}")
"""Names of tasks become folder names and parts of model ids, behind `task/`; together they fit where a collection's
name does."""
LINEAGE = "task/"
"""Before a task's name: the name of its lineage of adapters. No collection's name holds a slash."""
TASK_ID = "task-"
"""What the ids of tasks begin with, and those of documents do not."""
LEAST_EXAMPLES = 2
MOST_EXAMPLES = 64
MOST_TESTS = 64
MOST_LETTERS = 4000
"""Of a text that is an input or an output."""
MOST_CELLS = 30
"""Rows, and columns, of a grid: ARC's own bound."""
COLOURS = 10

TaskKind = Literal["text", "grid"]
OF_GRIDS: tuple[Augmentation, ...] = (
    "rotate",
    "flip",
    "transpose",
    "recolour",
    "scale",
    "repeat",
    "chain",
    "reorder",
    "leave_two_out",
)
OF_TEXTS: tuple[Augmentation, ...] = ("reorder", "leave_two_out", "paraphrase")

Cell = Annotated[int, Field(ge=0, lt=COLOURS, strict=True)]
Row = Annotated[tuple[Cell, ...], Field(min_length=1, max_length=MOST_CELLS)]
Rows = Annotated[tuple[Row, ...], Field(min_length=1, max_length=MOST_CELLS)]
Text = Annotated[str, Field(min_length=1, max_length=MOST_LETTERS, strict=True)]
Grid = tuple[tuple[int, ...], ...]
"""Rows of cells, 0 to 9, all rows of one length."""
Value = str | Grid


def _form_of(value: object) -> str:
    return "grid" if isinstance(value, list | tuple) else "text"


Given = Annotated[Annotated[Text, Tag("text")] | Annotated[Rows, Tag("grid")], Discriminator(_form_of)]


def _even(value: Value) -> Value:
    """Raises ValueError: its rows differ in length, or nothing but white space stands there."""
    if isinstance(value, str):
        if not value.strip():
            raise ValueError("nothing but white space")
        return value.strip()
    lengths = sorted({len(row) for row in value})
    if len(lengths) > 1:
        raise ValueError(f"a ragged grid: its rows have {' and '.join(map(str, lengths))} cells")
    return value


class Pair(BaseModel):
    """An input with its output."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: Given
    output: Given

    @field_validator("input", "output")
    @classmethod
    def _is_even(cls, value: Value) -> Value:
        return _even(value)


class Question(BaseModel):
    """An input whose output is asked for. Where it is known it judges; it is never trained on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: Given
    output: Given | None = None

    @field_validator("input", "output")
    @classmethod
    def _is_even(cls, value: Value | None) -> Value | None:
        return None if value is None else _even(value)


class TaskAsk(BaseModel):
    """What a client sends. `kind`, where it is not named, is that of the values."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(strict=True, pattern=f"^(?:{TASK_NAME.pattern})$")]
    examples: tuple[Pair, ...] = Field(min_length=LEAST_EXAMPLES, max_length=MOST_EXAMPLES)
    test: tuple[Question, ...] = Field((), max_length=MOST_TESTS)
    kind: TaskKind | None = None
    collection: str = "default"
    """The collection that it is kept with."""

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> TaskAsk:
        kind = check_kind(self.examples, self.test)
        if self.kind is not None and kind != self.kind:
            raise ValueError(f"kind is {self.kind!r}, but inputs and outputs are {kind}s")
        return self

    @model_validator(mode="after")
    def _follows_a_rule(self) -> TaskAsk:
        check_rule(self.examples)
        return self


def check_kind(examples: tuple[Pair, ...], test: tuple[Question, ...]) -> TaskKind:
    """The kind of all inputs and outputs. Raises ValueError where there are texts and grids among them."""
    kinds = {_form_of(value) for value in _values(examples, test)}
    if len(kinds) > 1:
        raise ValueError("texts and grids do not go together in one task")
    return "text" if kinds == {"text"} else "grid"


def check_rule(examples: tuple[Pair, ...]) -> None:
    """Raises ValueError where one input has two outputs, or too few inputs are different."""
    known: dict[Value, Value] = {}
    for pair in examples:
        if known.setdefault(pair.input, pair.output) != pair.output:
            raise ValueError("one input stands there with two outputs: no rule gives both")
    if len(known) < LEAST_EXAMPLES:
        raise ValueError(f"at least {LEAST_EXAMPLES} different examples are needed")


def known_tests(examples: tuple[Pair, ...], test: tuple[Question, ...]) -> tuple[Pair, ...]:
    """The tests whose outputs are known, each input once, none of them an example's."""
    shown = {pair.input for pair in examples}
    known: dict[Value, Value] = {}
    for each in test:
        if each.output is not None and each.input not in shown:
            known.setdefault(each.input, each.output)
    return tuple(Pair(input=value, output=output) for value, output in known.items())


def _values(examples: tuple[Pair, ...], test: tuple[Question, ...]) -> list[Value]:
    outputs = [each.output for each in test if each.output is not None]
    return [v for pair in examples for v in (pair.input, pair.output)] + [each.input for each in test] + outputs


class Task(BaseModel):
    """A task as it is kept: immutable, its lineage of adapters named after it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    name: str
    kind: TaskKind
    collection: str
    examples: tuple[Pair, ...]
    test: tuple[Question, ...] = ()
    created: datetime

    @property
    def lineage(self) -> str:
        """What its adapters' versions go by: `task/<name>`, in a model id `seald:task/<name>`."""
        return LINEAGE + self.name

    @classmethod
    def of(cls, ask: TaskAsk, created: datetime) -> Task:
        """Examples that are there twice count once. The same request has the same id, whoever computes it."""
        kind: TaskKind = "text" if isinstance(ask.examples[0].input, str) else "grid"
        content = ask.model_dump(mode="json", exclude={"kind"})
        named = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:24]
        examples = tuple(dict.fromkeys(ask.examples))
        return cls(
            id=TASK_ID + named,
            name=ask.name,
            kind=kind,
            collection=ask.collection,
            examples=examples,
            test=ask.test,
            created=created,
        )


class Configuration(BaseModel):
    """How a task is learned: the self-edit of this domain."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    augmentations: tuple[Augmentation, ...] = ()
    """Each once."""
    loss: LossScope = "completion"
    """Over outputs only, or over all tokens."""
    learning_rate: float = Field(gt=0)
    epochs: int = Field(ge=1)


Asking = Literal["alone", "among"]
"""How an output is asked for: by the input alone, or by the input behind examples."""
Origin = Literal["recipe", "policy", "draw"]
"""Whose idea a configuration was: the recipe's own, the policy's, or nobody's."""


class Marks(BaseModel):
    """What came of asking for each example's output, by what has not seen it; in the order of the examples."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    correct: tuple[bool, ...]
    logprobs: tuple[float, ...]
    """Mean log-probability per token of the right output, nats."""

    @property
    def score(self) -> tuple[float, float]:
        """Share that is right, then mean log-probability: more is better."""
        n = max(len(self.correct), 1)
        return sum(self.correct) / n, sum(self.logprobs) / n


class Tried(BaseModel):
    """A configuration, and what its adapters made of examples that were left out; None until it was tried."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    configuration: Configuration
    by: Origin
    marks: dict[Asking, Marks] | None = None
    tokens: int = 0
    """Trained in all epochs of all folds."""
    seconds: float = 0.0
    failure: str | None = None
    """Code of how its training broke, on examples left out or on all: it is never chosen then."""


class Practice(BaseModel):
    """What an adaptation has found out about learning its task. Holds no word of the examples."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    policy: str
    """Version of the policy that was asked for configurations."""
    failed: int = 0
    """Its replies that were none, or out of bounds."""
    tried: tuple[Tried, ...] = ()
    """Different ones, the recipe's own first."""
    in_context: Marks | None = None
    """The base model, with the same examples before each input."""

    @property
    def ways(self) -> list[tuple[Tried, Asking]]:
        """Configurations that were tried and can be trained, each with each way of asking."""
        return [(tried, asking) for tried in self.tried if tried.failure is None for asking in tried.marks or ()]

    @property
    def best(self) -> tuple[Tried, Asking]:
        """The configuration, and the way of asking, that made most of the examples; the first of those alike. There
        must be one."""
        return max(self.ways, key=lambda way: (way[0].marks or {})[way[1]].score)


class Solution(BaseModel):
    """What a task's adapter makes of one input."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: Value
    attempts: tuple[Value, ...]
    """Two at most, the likelier first; fewer where what was said could not be read as an output."""
    votes: tuple[int, ...]
    """Of each attempt: predictions that say the same."""
    asked: int
    """Predictions in all."""


class Solved(BaseModel):
    """Solutions, all by one version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    adapter: str
    """Its label, or `base`, which sees the examples before each input."""
    solutions: tuple[Solution, ...]
