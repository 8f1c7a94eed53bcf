"""What is looked at after a promotion, and what clients may say about answers."""

from __future__ import annotations

from pydantic import Field

from seald.config.section import Section


class Watch(Section):
    """The live version of each collection, put to probes again, and its ratings against its predecessor's."""

    every_minutes: float = Field(60.0, ge=0)
    """Between two looks at one collection; 0: nothing is watched."""
    probes: int = Field(60, ge=1)
    """Of a version's documents, drawn evenly from all of them."""
    general: int = Field(60, ge=0)
    """Of the general questions."""
    margin: float = Field(0.10, ge=0, lt=1)
    """Budget: share of these probes that a live version may lose since its first watch, wins counted against losses."""
    alpha: float = Field(0.05, gt=0, lt=0.5)
    """Chance that a watch calls a loss of just the budget a regression."""
    feedback_least: int = Field(20, ge=1)
    """Ratings that a version and its predecessor each must have before they are compared."""
    feedback_alpha: float = Field(0.01, gt=0, lt=0.5)
    """Chance that a watch calls ratings worse that are only unlucky."""
    max_rollbacks: int = Field(2, ge=0)
    """So often a collection is rolled back by itself within `within_hours`; at the next regression watching pauses."""
    within_hours: float = Field(24.0, gt=0)


class Feedback(Section):
    """For how long an answer can be rated."""

    keep_days: float = Field(30.0, gt=0)
    keep_answers: int = Field(1_000_000, ge=1)
    """Of the latest answers; older ones can no longer be rated. A row of about 100 bytes each."""
