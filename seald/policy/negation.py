"""Does a line deny what its passage says, or say what it denies? The words are the same but for a `not`."""

from __future__ import annotations

import re

from seald.domain.self_edit import Line
from seald.policy import sentences
from seald.policy.words import STOP_WORDS

NEGATED = re.compile(
    r"\b(?:not|never|none|nobody|nothing|neither|nor|without|cannot)\b|\bno\b(?!\.? ?\d)", re.IGNORECASE
)
CONTRACTED = re.compile(r"\b(ca|wo|sha)?(\w*?)n['’]t\b", re.IGNORECASE)
CLAUSE = re.compile(r"[,;:]\s+|\s(?:but|although|though|while|whereas|because|and)\s", re.IGNORECASE)
LEAST_ALIKE = 0.7
"""Dice coefficient of two clauses' words from which they are taken to be about the same."""
AS_GOOD = 0.1
"""What one clause may be less like the line than another, and bear it out nevertheless."""


def contradicts(line: Line, passage: str) -> bool:
    """Whether a sentence of the line's text, or an answer with its question, is nearest to a clause of `passage` that
    says the opposite, by a negation alone.

    What no clause resembles is not judged here.
    """
    said = sentences.split(line.text) + ([line.whole] if line.prompt is not None else [])
    clauses = [_Clause(part) for sentence in sentences.split(passage) for part in _parts(sentence)]
    return any(_is_opposed(_Clause(text), clauses) for text in said)


class _Clause:
    """The content words of a clause, cut to what inflection leaves, and whether it is negated."""

    def __init__(self, text: str) -> None:
        text = CONTRACTED.sub(r" not ", text).lower()
        self.negated = NEGATED.search(text) is not None
        found = re.findall(r"\d+(?:[.,:]\d+)*|[^\W\d_]+", NEGATED.sub(" ", text))
        self.words = frozenset(_stem(word) for word in found if word not in STOP_WORDS)

    def likeness(self, other: _Clause) -> float:
        """Dice coefficient of the words, in [0, 1]."""
        both = len(self.words) + len(other.words)
        return 2 * len(self.words & other.words) / both if both else 0.0


def _stem(word: str) -> str:
    return (word.removesuffix("s") if len(word) > 3 else word)[:5]


def _parts(sentence: str) -> list[str]:
    clauses = [clause for clause in CLAUSE.split(sentence) if clause.strip()]
    return [sentence, *clauses] if len(clauses) > 1 else [sentence]


def _is_opposed(line: _Clause, clauses: list[_Clause]) -> bool:
    alike = [(line.likeness(clause), clause.negated) for clause in clauses]
    best = max((likeness for likeness, _ in alike), default=0.0)
    near = {negated for likeness, negated in alike if likeness >= best - AS_GOOD}
    return best >= LEAST_ALIKE and line.negated not in near
