"""What a candidate must keep and learn, and when an adapter is rebuilt."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from seald.config.section import Section

Mode = Literal["block", "warn", "off"]
"""What a guard's objection does: stop the candidate, stand beside its verdicts, or nothing, since it is not asked."""


class Guard(Section):
    """What all guards have."""

    mode: Mode = "block"


class Acquisition(Guard):
    """Has the candidate learned its documents?"""

    min_accuracy: float = Field(0.5, ge=0, le=1)
    min_logprob_gain: float = Field(0.5, ge=0)
    """Mean gain over the live version (nats per answer token) that passes without the accuracy."""
    alpha: float = Field(0.05, gt=0, lt=0.5)
    """Chance that a gain on several probes is only luck."""


class Retention(Guard):
    """Has the candidate kept the earlier documents? Non-inferiority, on a sample of their probes."""

    margin: float = Field(0.10, gt=0, le=1)
    """Share of the probes that a candidate may lose, wins counted against losses."""
    settled_margin: float = Field(0.15, gt=0, le=1)
    """The same, counted from when a document was learned or last rebuilt: small losses add up."""
    max_nats: float = Field(0.3, gt=0)
    """Where answers are too few to show that: fall of the right answers' log-probability, nats a token."""
    least_answers: int = Field(120, ge=1)
    """So many answers show it; with fewer, log-probabilities may."""
    max_probes: int = Field(240, ge=1)
    """Sampled over all earlier documents, so that the cost stays flat as the collection grows."""


class General(Guard):
    """Has the candidate kept what the base model knew? Non-inferiority, on the general questions."""

    margin: float = Field(0.05, gt=0, le=1)
    """Share of the general questions' probability of being answered right that a candidate may lose."""
    file: Path | None = None
    """Further questions, JSONL: `{question, lead, answer, wrong}` each."""


class Integrity(Guard):
    """Are the weights sane, and do the answers end?"""

    max_weight_norm: float = Field(1000.0, gt=0)
    """Frobenius norm of all of the adapter's products together. A document adds about 15 with the default recipe, so
    this stops an explosion; what growth does to answers is the other guards' to see."""
    max_degenerate: float = Field(0.25, ge=0, le=1)
    """Share of open prompts that may be answered with nothing or with a loop."""


class Guards(Section):
    """Thresholds of the guards. `inconclusive` says what becomes of a candidate that none could judge."""

    acquisition: Acquisition = Acquisition()
    retention: Retention = Retention()
    general: General = General()
    integrity: Integrity = Integrity()

    def of(self, name: str) -> Guard:
        """The settings of one guard."""
        found: Guard = getattr(self, name)
        return found

    alpha: float = Field(0.05, gt=0, lt=0.5)
    """Error rate of the stream of adaptations: of all that is promoted, so much at most lost more than a margin."""
    repairs: int = Field(1, ge=0, le=5)
    """How often a candidate that lost too much is trained again, with more replay, before it is held or rejected."""
    inconclusive: Literal["hold", "promote", "reject"] = "hold"


class Compaction(Section):
    """When a collection's adapter is rebuilt from the base without being asked for."""

    every: int = Field(20, ge=0)
    """So many versions that learned since the last rebuild (or since the base) make one due; 0: no number does."""
    retention_fall: float = Field(0.10, gt=0, le=1)
    """Fall of the accuracy on earlier documents' probes, over these versions, that makes one due."""
    general_share: float = Field(0.8, gt=0, le=1)
    """Share of `guards.general.margin` that, once used up, makes one due."""
