"""How far has the candidate moved from the base, where it should and where it should not?

The base's own greedy replies are scored under both. The mean of log p_base - log p_candidate over their tokens is a
Monte Carlo estimate of the Kullback-Leibler divergence of the candidate from the base, in nats a token, with one greedy
reply a prompt instead of many sampled ones: it is taken along the base's likeliest path. A divergence of 1 means that
each token of the base became e times less likely.
"""

from __future__ import annotations

from collections.abc import Sequence

from seald.config import Drift
from seald.domain.verdict import Verdict
from seald.guards.shift import p_beyond
from seald.ports import BASE, Continuation, Engine, Reply

FORMS = (
    "What can you tell me about {}?",
    "Describe {} in a few sentences.",
    "What is {}?",
    "Why might somebody be interested in {}?",
    "What should I know about {}?",
    "Write a short introduction to {}.",
)
MOST_OWN = 12
REPLY_TOKENS = 24


def own_prompts(titles: Sequence[str]) -> list[str]:
    """Questions about documents with these titles, at most MOST_OWN: of each title one, before any gets a second."""
    return [form.format(title) for form in FORMS for title in titles][:MOST_OWN]


def ask_base(engine: Engine, prompts: Sequence[str]) -> list[Continuation]:
    """The base's greedy replies to `prompts`, to be scored. Raises EngineUnavailable, EngineRefused."""
    replies = engine.ask_greedily(prompts, max_tokens=REPLY_TOKENS, model=BASE) if prompts else []
    return as_said(prompts, replies)


def as_said(prompts: Sequence[str], replies: Sequence[Reply]) -> list[Continuation]:
    """Replies as what a model is to go on with; empty ones are left out."""
    pairs = zip(prompts, replies, strict=True)
    return [Continuation(question=prompt, lead="", answer=reply.text) for prompt, reply in pairs if reply.text]


def put(engine: Engine, said: Sequence[Continuation], model: str) -> list[float]:
    """Mean log-probability per token of each reply under `model`, nats. Raises EngineUnavailable, EngineRefused."""
    return [score.mean for score in engine.score(said, model=model)] if said else []


def judge(own: Sequence[float], neutral: Sequence[float], settings: Drift) -> Verdict:
    """Fail when a mean divergence is clearly beyond its bound. Both lists: nats a token, one number a prompt."""
    p_own, p_neutral = p_beyond(own, settings.max_own), p_beyond(neutral, settings.max_neutral)
    figures = {
        "own": round(_mean(own), 4),
        "n_own": len(own),
        "p_own": round(p_own, 4),
        "neutral": round(_mean(neutral), 4),
        "n_neutral": len(neutral),
        "p_neutral": round(p_neutral, 4),
        **settings.model_dump(exclude={"mode"}),
    }
    far = min(p_own, p_neutral) < settings.alpha
    reason = (
        f"{_mean(neutral):+.2f} nats a token from the base on {len(neutral)} open prompts, "
        f"{_mean(own):+.2f} on {len(own)} about the new documents"
    )
    return Verdict(guard="drift", verdict="fail" if far else "pass", figures=figures, reason=reason)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
