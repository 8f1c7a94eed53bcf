"""Episodes as the tests of the outer loop need them: only what they pay and what they say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seald.domain.episode import Episode, Score
from seald.domain.self_edit import Line


def score(seed: int = 0, **parts: float) -> Score:
    named = ("accuracy", "logprob", "hidden_accuracy", "hidden_logprob", "heldout", "retention", "norm", "seconds")
    return Score.model_validate({"seed": seed, "tokens": 0, **dict.fromkeys(named, 0.0), **parts})


def episode(
    *texts: str, context: str = "ctx-1", sample: int = 0, rewards: Sequence[float] = (), **fields: Any
) -> Episode:
    """One that wrote `texts`, a line each, and whose trainings gained `rewards` of accuracy, and nothing else."""
    values: dict[str, Any] = {
        "retraining_id": "ret-1",
        "round": 1,
        "context_id": context,
        "sample": sample,
        "policy": "default",
        "form": "rewrite",
        "prompt": f"Write about {context}.",
        "raw": "\n".join(texts) or f"{context} {sample}",
        "lines": tuple(Line(text=text) for text in texts),
        "scores": tuple(score(seed, accuracy=reward) for seed, reward in enumerate(rewards)),
    }
    return Episode(**{**values, **fields})
