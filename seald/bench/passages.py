"""Passages with questions, and with self-edits that were written before: what a learning bench teaches and asks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import Field

from seald.bench.graders import Answered
from seald.bench.reading import Entry, first_of, read_json_list
from seald.errors import InvalidRequest


class BenchQuestion(Entry):
    """A question that the passage answers."""

    question: str = Field(min_length=1)
    answer: str = Field(min_length=1)


class BenchPassage(Entry):
    """One passage. `edits` maps a writer to its self-edits, up to several alternatives."""

    title: str = Field(min_length=1)
    context: str = Field(min_length=1)
    questions: tuple[BenchQuestion, ...] = Field(min_length=1)
    edits: dict[str, tuple[str, ...]] = {}

    def answered(self, replies: Iterable[str]) -> list[Answered]:
        """Its questions with what was replied to each, in their order."""
        return [Answered(q.question, q.answer, reply) for q, reply in zip(self.questions, replies, strict=True)]

    def edits_by(self, writer: str) -> tuple[str, ...]:
        """The self-edits of one writer.

        Raises:
            InvalidRequest: it wrote none for this passage; the message names those that did.
        """
        if not self.edits.get(writer):
            known = ", ".join(sorted(self.edits)) or "none"
            raise InvalidRequest(f"{self.title!r} has no self-edits by {writer!r}; it has: {known}", param="writer")
        return self.edits[writer]


def read_passages(file: Path, *, first: int | None = None, writer: str | None = None) -> list[BenchPassage]:
    """The first passages of a file (None: all), in its order. With a writer, each has self-edits by it.

    The file: `[{title, context, questions: [{question, answer}], edits?: {writer: [text]}}]`.

    Raises:
        InvalidRequest: the file does not fit, has fewer passages, or nothing by that writer.
    """
    passages = first_of(read_json_list(file, BenchPassage), first, file)
    if writer is not None:
        for passage in passages:
            passage.edits_by(writer)
    return passages
