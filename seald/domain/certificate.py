"""What was checked, and what was removed, when a document was taken back. It holds none of the document's words."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

Forgetting = Literal["forgotten", "not_shown", "still_known"]
"""`not_shown`: there are too few probes to tell. `still_known`: a version that never saw the document answers its
probes better than the base, so another document tells the same."""


class Checked(BaseModel):
    """The document's probes, closed book, put to one version that may be asked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    """`<collection>@<n>`, or `base`."""
    right: int
    """Probes answered right."""
    won: int = 0
    """Of these, those that the base has wrong."""
    lost: int = 0
    """Those that the base alone has right."""
    p_value: float = 1.0
    """Chance that a version that knows no more than the base wins at least so many (exact, one-sided)."""
    logprob: float
    """Mean log-probability of the right answers, nats a token."""


class Removed(BaseModel):
    """What is gone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    versions: tuple[int, ...]
    """Every version whose weights knew the document: retired or rejected, its files deleted."""
    files: int
    rows: dict[str, int] = {}
    """Table → rows that were deleted, or emptied of all that could quote the document."""


class Certificate(BaseModel):
    """The end of a document."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    document: str
    collection: str
    adaptation: str
    """The one that rebuilt the collection's adapter without it."""
    outcome: Forgetting
    reason: str
    rebuilt: int | None
    """The version made without it; None where the base or an earlier version was all that is needed, or where the
    rebuild did not come to serve."""
    live: str
    """Label of what answered for the collection when this was written."""
    probes: int
    alpha: float
    checked: tuple[Checked, ...]
    unchecked: tuple[str, ...] = ()
    """Labels of approved versions that cannot be loaded, and therefore not be asked by anybody."""
    removed: Removed
    at: datetime
