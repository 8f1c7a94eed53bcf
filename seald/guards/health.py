"""Do replies to open questions still begin, go on and end like the base's? Prompt by prompt, so that a base that loops
here and there is no reason against its adapters."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from seald.config import Health
from seald.domain.verdict import Verdict
from seald.guards.shift import p_beyond
from seald.ports import Engine, Reply

OPEN_PROMPTS = (
    "Describe a walk through a forest.",
    "What would you pack for a weekend at the sea?",
    "Explain how to boil an egg.",
    "Write a greeting for a new neighbour.",
    "Why do people keep diaries?",
    "What makes a good teacher?",
    "Tell me about your favourite season.",
    "How does a bicycle work?",
    "Give three tips for sleeping well.",
    "What is the difference between a lake and a sea?",
    "Describe a busy market.",
    "Why should children read books?",
)
REPLY_TOKENS = 40
LOOPING = 0.5
"""Share of a reply's three-word runs that occurred before in it, from which it counts as a loop."""

FINGERPRINT = hashlib.sha256(repr((OPEN_PROMPTS, REPLY_TOKENS)).encode()).hexdigest()[:12]
"""Changes with what is asked, so that remembered replies to something else are not taken for these."""


def put(engine: Engine, model: str) -> list[Reply]:
    """The model's greedy replies to the open prompts.

    Raises:
        EngineUnavailable, EngineRefused: the engine did not answer.
    """
    return engine.ask_greedily(OPEN_PROMPTS, max_tokens=REPLY_TOKENS, model=model)


def judge(before: Sequence[Reply], after: Sequence[Reply], settings: Health) -> Verdict:
    """Fail when too many replies became degenerate, or a measure lies clearly beyond its bound."""
    was, now = (sum(degenerate(replies)) / max(len(replies), 1) for replies in (before, after))
    tests = {name: p_beyond(*shift) for name, shift in _shifts(before, after, settings).items()}
    wrong = [name for name, p in tests.items() if p < settings.alpha]
    if now - was > settings.max_degenerate:
        wrong.insert(0, "degenerate")
    figures = {
        "n": len(after),
        "degenerate_before": round(was, 4),
        "degenerate": round(now, 4),
        **_means("_before", before),
        **_means("", after),
        "p": {name: round(p, 4) for name, p in tests.items()},
        "wrong": wrong,
        **settings.model_dump(exclude={"mode"}),
    }
    said = f"clearly another: {', '.join(wrong)}" if wrong else "like the base's"
    reason = f"{len(after)} open replies are {said}; {now:.0%} empty, looping or alike ({was:.0%} in the base)"
    return Verdict(guard="health", verdict="fail" if wrong else "pass", figures=figures, reason=reason)


def degenerate(replies: Sequence[str | Reply]) -> list[bool]:
    """Of each reply: whether it is empty, mostly repeats itself, or says what another prompt got."""
    texts = [reply if isinstance(reply, str) else reply.text for reply in replies]
    times = Counter(" ".join(text.lower().split()) for text in texts)
    return [
        not any(c.isalnum() for c in text) or repetition(text) >= LOOPING or times[" ".join(text.lower().split())] > 1
        for text in texts
    ]


def repetition(text: str) -> float:
    """Share of the three-word runs that occurred before in the text; 0 for fewer than three words."""
    words = text.lower().split()
    runs = Counter(zip(words, words[1:], words[2:], strict=False))
    return 1 - len(runs) / runs.total() if runs else 0.0


def entropy(text: str) -> float:
    """Shannon entropy of the text's words over that of as many different ones, 0 to 1; 1 for fewer than two words."""
    words = text.lower().split()
    if len(words) < 2:
        return 1.0
    shares = [n / len(words) for n in Counter(words).values()]
    return -sum(share * math.log(share) for share in shares) / math.log(len(words))


def _length(text: str) -> float:
    return float(len(text.split()))


def _shifts(before: Sequence[Reply], after: Sequence[Reply], settings: Health) -> dict[str, tuple[list[float], float]]:
    """For each measure, by how much each reply is worse than the base's, and how much may be."""
    pairs = list(zip(before, after, strict=True))

    def each(worse: Callable[[str, str], float]) -> list[float]:
        return [worse(b.text, a.text) for b, a in pairs]

    factor = settings.max_length_change
    return {
        "repetition": (each(lambda b, a: repetition(a) - repetition(b)), settings.max_repetition),
        "short": (each(lambda b, a: _length(b) - factor * _length(a)), 0.0),
        "long": (each(lambda b, a: _length(a) - factor * _length(b)), 0.0),
        "endless": ([float(b.ended) - float(a.ended) for b, a in pairs], settings.max_endless),
        "entropy": (each(lambda b, a: entropy(b) - entropy(a)), settings.max_entropy_fall),
    }


def _means(suffix: str, replies: Sequence[Reply]) -> dict[str, Any]:
    measures = {"repetition": repetition, "words": _length, "entropy": entropy}
    n = max(len(replies), 1)
    found = {name: sum(measure(reply.text) for reply in replies) / n for name, measure in measures.items()}
    found["ended"] = sum(reply.ended for reply in replies) / n
    return {f"{name}{suffix}": round(value, 4) for name, value in found.items()}
