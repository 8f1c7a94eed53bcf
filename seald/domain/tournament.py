"""What came out of a tournament between the learned policy, the incumbent and the seed forms."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

LEARNED = "learned"
INCUMBENT = "incumbent"
RECIPE = "recipe"
"""Of tasks, in the place of the seed forms: the recipe's own configuration, which nobody wrote."""
TournamentVerdict = Literal["won", "not_better", "collapsed"]


class Standing(BaseModel):
    """One contestant: means over the held-out contexts of what its adapters gained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    arm: str
    score: float
    """Mean over contexts of hidden accuracy gained plus hidden log-probability gained (nats per token)."""
    accuracy: float
    logprob: float
    proxy: float
    reward: float
    """Mean configured reward, for comparison: it decides nothing here."""
    tokens: float
    """Trained in an epoch, the same for all; of tasks in all epochs, which configurations say."""
    diversity: float
    """Of its self-edits for one context, 0 (all the same) to 1."""


class Duel(BaseModel):
    """The learned policy against one other, paired by context, `score` difference."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    against: str
    n: int
    difference: float
    low: float
    """Lower bound of the difference at 1 - alpha, one-sided."""
    high: float
    p: float
    """One-sided p-value of "no better"."""


class TournamentResult(BaseModel):
    """The verdict with all that it was computed from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: TournamentVerdict
    reason: str
    standings: tuple[Standing, ...]
    duels: tuple[Duel, ...]
    gains: dict[str, dict[str, float]] = {}
    """What learning did to writing, learned policy against incumbent on the held-out contexts: `reward` and `proxy` of
    fresh self-edits; `winners_logprob` (nats per token) of the best ones that were written without it, and
    `all_logprob` of all of those. Each `{before, after, difference, low, high, p}`, the bounds one-sided at 1 - alpha.
    """
