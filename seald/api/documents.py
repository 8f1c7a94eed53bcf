"""`/v1/documents`: hand in, list, show, forget."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from seald.api.idempotency import Idempotent
from seald.api.paging import After, Limit
from seald.api.reasons import ReasonParam
from seald.api.services import Services, Wired
from seald.api.shapes import DeletedDocument, DocumentDetail, DocumentObject, ForgottenDocument, Listing, unix
from seald.api.submission import REQUEST_BODY, NewFile, NewText, read_submission
from seald.domain.certificate import Certificate
from seald.domain.document import Document
from seald.errors import NotFound

router = APIRouter(tags=["documents"], route_class=Idempotent)


@router.post("/v1/documents", status_code=202, openapi_extra=REQUEST_BODY, responses={200: {"model": DocumentObject}})
def add_document(
    submission: Annotated[NewText | NewFile, Depends(read_submission)], response: Response, services: Wired
) -> DocumentObject:
    """Take a document: 202 and a queued adaptation. Content that is there already: 200 and the same id."""
    document, adaptation, new = submission.hand_over(services.ingest)
    services.wake()
    response.status_code = 202 if new else 200
    return DocumentObject.of(document, adaptation, services.documents.superseded_by(document.id))


@router.get("/v1/documents")
def list_documents(
    services: Wired, collection: str | None = None, after: After = None, limit: Limit = 20
) -> Listing[DocumentObject]:
    """Documents, oldest first, those after the id `after`."""
    page = services.documents.page(collection=collection, after=after, limit=limit)
    return Listing(data=[_shaped(services, document) for document in page.data], has_more=page.has_more)


@router.get("/v1/documents/{id}")
def show_document(id: str, services: Wired) -> DocumentDetail | ForgottenDocument:
    """One document with its text; of a forgotten one what is left: when that was, and the certificate."""
    document = services.documents.get(id)
    if document.forgotten is not None:
        return ForgottenDocument(
            id=id,
            adaptation=services.forgetting.adaptation_of(id).id,
            collection=document.collection,
            forgotten=unix(document.forgotten),
            certificate=services.forgetting.certificate(id),
        )
    about = services.documents.latest_adaptation(id), services.documents.superseded_by(id)
    return DocumentDetail.of(document, *about, text=document.text, passages=len(document.passages))


@router.get("/v1/documents/{id}/certificate")
def show_certificate(id: str, services: Wired) -> Certificate:
    """What was checked and removed when the document was forgotten. 404 until that is done."""
    found = services.forgetting.certificate(id)
    if found is None:
        raise NotFound(f"there is no certificate of {id!r}: it was not forgotten, or is still being rebuilt without")
    return found


@router.delete("/v1/documents/{id}", status_code=202, responses={200: {"model": DeletedDocument}})
def forget_document(id: str, response: Response, services: Wired, reason: ReasonParam = None) -> DeletedDocument:
    """Forget a document: 202 once no live version knows it, and an adaptation that rebuilds without it. Forgotten
    already: 200 and the same adaptation."""
    services.refuse_new_work_while_draining()
    adaptation, new = services.forget(id, reason)
    services.wake()
    response.status_code = 202 if new else 200
    return DeletedDocument(id=id, adaptation=adaptation.id)


def _shaped(services: Services, document: Document) -> DocumentObject:
    store = services.documents
    return DocumentObject.of(document, store.latest_adaptation(document.id), store.superseded_by(document.id))
