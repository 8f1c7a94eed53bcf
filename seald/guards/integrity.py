"""Are the weights sane, and do answers to open questions still begin, go on and end like answers?"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from seald.config import Integrity
from seald.domain.verdict import Verdict
from seald.ports import Engine, Sampling

OPEN_PROMPTS = (
    "Describe a walk through a forest.",
    "What would you pack for a weekend at the sea?",
    "Explain how to boil an egg.",
    "Write a greeting for a new neighbour.",
    "Why do people keep diaries?",
    "What makes a good teacher?",
)
REPLY_TOKENS = 40
LOOPING = 0.5
"""Share of a reply's three-word runs that occurred before in it, from which it counts as a loop."""


def put(engine: Engine, model: str) -> list[str]:
    """The model's replies to the open prompts."""
    return engine.ask(OPEN_PROMPTS, Sampling(max_tokens=REPLY_TOKENS), model=model)


def judge(replies: Sequence[str], *, weight_norm: float, settings: Integrity) -> Verdict:
    """Fail when the weights are not finite or too large, or when too many replies are empty or loops."""
    finite = math.isfinite(weight_norm)
    degenerate = sum(is_degenerate(reply) for reply in replies) / max(len(replies), 1)
    sound = finite and weight_norm <= settings.max_weight_norm and degenerate <= settings.max_degenerate
    figures = {
        "finite": finite,
        "weight_norm": round(weight_norm, 4) if finite else None,
        "degenerate": round(degenerate, 4),
        "n": len(replies),
        **settings.model_dump(),
    }
    reason = f"weight norm {weight_norm:.1f}; {degenerate:.0%} of {len(replies)} open replies empty or looping"
    return Verdict(guard="integrity", verdict="pass" if sound else "fail", figures=figures, reason=reason)


def is_degenerate(reply: str) -> bool:
    """Whether a reply is empty or mostly repeats itself."""
    words = reply.lower().split()
    if not any(c.isalnum() for c in reply):
        return True
    runs = Counter(zip(words, words[1:], words[2:], strict=False))
    repeated = sum(n - 1 for n in runs.values())
    return bool(runs) and repeated >= LOOPING * sum(runs.values())
