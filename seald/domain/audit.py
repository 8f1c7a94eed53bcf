"""The audit: who decided what, why and when, as a chain in which every entry holds the hash of the one before.

What the chain shows: that no entry was changed, taken out, put in between or moved. Its end a chain cannot show, so the
head (how many entries there are, and the last one's hash) is kept apart and shows that none was cut off. What neither
shows: that somebody who may write to the database made all of it anew, entries and head. Against that helps a head that
was noted where he cannot write: it is logged at every start, `seald audit verify` prints it, and
`seald audit verify --head HASH` says whether the chain still goes through it.

Entries hold ids, states and settings, what people gave as their reasons, and no words of documents: nothing here needs
to go when a document is forgotten.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

GENESIS = "0" * 64
"""What stands for the hash before the first entry's."""

LONGEST_REASON = 1000
"""In characters, of what a person gives as a reason."""

AuditAction = Literal[
    "promotion",
    "rollback",
    "approval",
    "rejection",
    "cancellation",
    "deletion",
    "compaction",
    "settings",
    "retraining",
    "key_created",
    "key_revoked",
]
"""`promotion`, `rollback`: a live pointer was moved, by whomever. `approval`, `rejection`, `cancellation`: a person's
word on an adaptation or a retraining. `deletion`: a document was taken back, or a task deleted. `compaction`,
`retraining`: one was asked for. `settings`: those of a collection. `key_created`, `key_revoked`: a key, and what it may
do."""


class Entry(BaseModel):
    """One decision, and its place in the chain. Read back as it stands there, whatever somebody has made of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    """From 1, without gaps."""
    at: str
    """ISO 8601, UTC."""
    action: str
    """An AuditAction."""
    target: str
    """Whose live pointer, or what was decided about: `default`, `task/<name>`, `policy/passage`, or an id."""
    from_value: str | None = Field(None, serialization_alias="from")
    to_value: str | None = Field(None, serialization_alias="to")
    """The values before and after: versions, states, settings; of a deletion, where it was; of what was queued, its
    id."""
    reason: str | None = None
    who: str
    """An Actor's name."""
    request_id: str | None = None
    previous: str
    """The hash of the entry before, or GENESIS."""
    hash: str = ""


class Head(BaseModel):
    """Where the chain ends: how many entries it has, and the hash of the last one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    entries: int
    hash: str


class Verification(Head):
    """The head, and whether the chain leads to it."""

    first_bad: int | None
    """The number of the first entry that is not what was written, or is missing; None: there is none."""
    contains: bool | None = None
    """Whether the chain has the hash that was asked about; None: none was."""

    @property
    def ok(self) -> bool:
        """Nothing was found wrong."""
        return self.first_bad is None and self.contains is not False


def digest(entry: Entry) -> str:
    """sha256 (hex) over the entry's JSON without `hash`: names as in the API, sorted, no spaces, ASCII."""
    fields = entry.model_dump(by_alias=True, exclude={"hash"})
    return hashlib.sha256(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def verify(entries: Iterable[Entry], head: Head) -> int | None:
    """The number of the first entry that is changed, out of place or missing; None: the chain is whole.

    `entries`: all of them, in order. Where all was made anew and only the head tells, that is the last one's number.
    """
    count, previous = 0, GENESIS
    for count, entry in enumerate(entries, start=1):
        if (entry.number, entry.previous, entry.hash) != (count, previous, digest(entry)):
            return count
        previous = entry.hash
    if count != head.entries:
        return min(count, head.entries) + 1
    return None if previous == head.hash else max(count, 1)
