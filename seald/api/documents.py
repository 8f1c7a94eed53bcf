"""`/v1/documents`: hand in, list, show."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from seald.api.paging import After, Limit
from seald.api.services import Wired
from seald.api.shapes import DocumentDetail, DocumentObject, Listing
from seald.api.submission import REQUEST_BODY, NewFile, NewText, read_submission

router = APIRouter(tags=["documents"])


@router.post("/v1/documents", status_code=202, openapi_extra=REQUEST_BODY, responses={200: {"model": DocumentObject}})
def add_document(
    submission: Annotated[NewText | NewFile, Depends(read_submission)], response: Response, services: Wired
) -> DocumentObject:
    """Take a document: 202 and a queued adaptation. Content that is there already: 200 and the same id."""
    document, adaptation, new = submission.hand_over(services.ingest)
    services.wake()
    response.status_code = 202 if new else 200
    return DocumentObject.of(document, adaptation)


@router.get("/v1/documents")
def list_documents(
    services: Wired, collection: str | None = None, after: After = None, limit: Limit = 20
) -> Listing[DocumentObject]:
    """Documents, oldest first, those after the id `after`."""
    page = services.documents.page(collection=collection, after=after, limit=limit)
    shaped = [DocumentObject.of(document, services.documents.latest_adaptation(document.id)) for document in page.data]
    return Listing(data=shaped, has_more=page.has_more)


@router.get("/v1/documents/{id}")
def show_document(id: str, services: Wired) -> DocumentDetail:
    """One document with its text."""
    document = services.documents.get(id)
    adaptation = services.documents.latest_adaptation(id)
    return DocumentDetail.of(document, adaptation, text=document.text, passages=len(document.passages))
