"""Training sequences as SEAL's released code makes them (`build_train_sequences`, with `split_newlines`)."""

from __future__ import annotations

import re

from seald.domain.self_edit import Line

QUESTION = re.compile(r"Question\s+\d+:")
ANSWER = re.compile(r"Answer\s*:|Answer\s+\d+:")


def seal_lines(title: str, context: str, edit: str | None) -> list[Line]:
    """Each line of the edit, or each of its question-answer pairs, and the passage last; all raw, under the title."""
    pieces = _pieces(edit) if edit is not None else []
    return [Line(text=f"{title}\n{piece}") for piece in (*pieces, context.strip())]


def _pieces(edit: str) -> list[str]:
    if QUESTION.search(edit) and ANSWER.search(edit):
        pairs = [pair.strip() for pair in re.split(r"\n(?=Question\s+\d+:)", edit.strip())]
        first = pairs[0] if pairs[0].startswith("Question") else f"Question 1: {pairs[0]}"
        return [first, *pairs[1:]]
    segments = [segment for segment in edit.split("---") if segment.strip()]
    lines = [line.strip() for segment in segments for line in segment.splitlines() if line.strip()]
    return lines[1:] if len(lines) > 1 and lines[1].startswith("1.") else lines
