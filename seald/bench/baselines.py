"""Plain ways to grade a reply, as in evaluations of question answering: what the guards' rule is compared with."""

from __future__ import annotations

import re

LEAST_RECALL = 0.6


def first_line_is_answer(reply: str, answer: str, _question: str = "") -> bool:
    """The reply's first line is the answer and nothing else."""
    return _words(_first_line(reply)) == _words(answer)


def contains_answer(reply: str, answer: str, _question: str = "") -> bool:
    """The answer stands somewhere in the reply."""
    return " ".join(_words(answer)) in " ".join(_words(reply))


def first_line_recalls(reply: str, answer: str, _question: str = "") -> bool:
    """At least LEAST_RECALL of the answer's words stand in the reply's first line."""
    gold, said = _words(answer), set(_words(_first_line(reply)))
    return bool(gold) and sum(word in said for word in gold) >= LEAST_RECALL * len(gold)


def _first_line(reply: str) -> str:
    return reply.strip().split("\n", 1)[0]


def _words(text: str) -> list[str]:
    """Normalised as SQuAD's own evaluation does: lower case, no punctuation, no articles."""
    plain = re.sub(r"[^\w\s]", "", text.lower())
    return re.sub(r"\b(a|an|the)\b", " ", plain).split()
