"""`/v1/audit`: who decided what, and whether that record is whole."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from seald.api.paging import AfterNumber, Limit
from seald.api.services import Wired
from seald.api.shapes import Listing
from seald.domain.audit import AuditAction, Entry, Verification

router = APIRouter(tags=["audit"])

Noted = Annotated[str | None, Query(pattern="^[0-9a-f]{64}$", description="A head that was noted before")]


class AuditObject(BaseModel):
    """One entry. `id` is its number in letters, to list after; `at` is ISO 8601, as it was hashed.

    `hash`: sha256 (hex) of the JSON of all but `id`, `object` and `hash`, with sorted keys, without spaces, in ASCII.
    """

    id: str
    object: Literal["audit_entry"] = "audit_entry"
    number: int
    at: str
    action: str
    target: str
    from_: str | None = Field(serialization_alias="from")
    to: str | None
    reason: str | None
    who: str
    request_id: str | None
    previous: str
    hash: str

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """Shape an entry."""
        known = entry.model_dump(exclude={"from_value", "to_value"})
        return cls(id=str(entry.number), from_=entry.from_value, to=entry.to_value, **known)


class VerificationObject(BaseModel):
    """What the chain was found to be; `head` is the hash of the last of its `entries`."""

    object: Literal["audit_verification"] = "audit_verification"
    ok: bool
    entries: int
    head: str
    first_bad: int | None
    contains: bool | None

    @classmethod
    def of(cls, found: Verification) -> Self:
        """Shape a verification."""
        more = found.model_dump(exclude={"hash"})
        return cls(ok=found.ok, head=found.hash, **more)


@router.get("/v1/audit")
def list_entries(
    services: Wired,
    target: Annotated[str | None, Query(max_length=200)] = None,
    action: AuditAction | None = None,
    after: AfterNumber = 0,
    limit: Limit = 20,
) -> Listing[AuditObject]:
    """Entries, oldest first, all or those about one thing or of one kind."""
    page = services.audit.page(target=target, action=action, after=after, limit=limit)
    return Listing(data=[AuditObject.of(entry) for entry in page.data], has_more=page.has_more)


@router.get("/v1/audit/verify")
def verify(services: Wired, head: Noted = None) -> VerificationObject:
    """Read the whole chain: is every entry as it was written, and is none missing? And does it still go through
    `head`?"""
    return VerificationObject.of(services.audit.verify(head))
