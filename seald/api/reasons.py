"""Why somebody decides something: it goes into the audit, where it stays for good, whatever is forgotten; it should
quote no document."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from seald.api.bodies import JSON, read_object, validate
from seald.domain.audit import LONGEST_REASON


class ReasonRequest(BaseModel):
    """`reason` goes into the audit."""

    model_config = ConfigDict(strict=True, extra="forbid")

    reason: str | None = Field(None, max_length=LONGEST_REASON)


REASON_BODY = {"requestBody": {"required": False, "content": {JSON: {"schema": ReasonRequest.model_json_schema()}}}}
"""The body as OpenAPI describes it."""


async def read_reason(request: Request) -> str | None:
    """The reason in the body; none at all gives none. Raises InvalidRequest, SchemaViolation, UnsupportedDocument."""
    return validate(ReasonRequest, await read_object(request, or_empty=True)).reason


Reason = Annotated[str | None, Depends(read_reason)]
"""Of a POST: in its body. Its route needs REASON_BODY."""
ReasonParam = Annotated[str | None, Query(alias="reason", max_length=LONGEST_REASON, description="For the audit")]
"""Of a DELETE: in its query."""
