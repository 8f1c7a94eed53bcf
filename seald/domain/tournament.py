"""What came out of a tournament between the learned policy, the incumbent and the seed forms."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

LEARNED = "learned"
INCUMBENT = "incumbent"
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
    winners_logprob_before: float | None = None
    winners_logprob_after: float | None = None
    """Log-probability (nats per token) that incumbent and learned policy give the best self-edits of the held-out
    contexts: what learning did to writing itself."""
    winners_logprob_low: float | None = None
    """Lower bound of the rise, one-sided."""
