"""`/v1/adapters`: lineage, manifests, verdicts, which version is live, the way back, and rebuilding."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from seald.api.adaptations import shaped
from seald.api.bodies import read_object, validate
from seald.api.idempotency import Idempotent
from seald.api.lineages import names_task, require_lineage
from seald.api.paging import LARGEST, After, Most, listing
from seald.api.services import Services, Wired
from seald.api.shapes import AdaptationObject, AdapterDetail, AdapterObject, Listing, RollbackObject
from seald.domain.adapter import MANIFEST, AdapterVersion, Manifest
from seald.domain.audit import LONGEST_REASON
from seald.domain.feedback import Ratings
from seald.errors import IntegrityError, NotFound
from seald.ports import BASE, AdapterFiles

router = APIRouter(tags=["adapters"], route_class=Idempotent)


class RollbackRequest(BaseModel):
    """`to` null: the version that was live before; 0: the base. `reason` stays in the audit for good, whatever is
    forgotten: it should quote no document."""

    model_config = ConfigDict(strict=True, extra="forbid")

    to: int | None = Field(None, ge=0, le=LARGEST)
    reason: str | None = Field(None, max_length=LONGEST_REASON)


class CompactionRequest(BaseModel):
    """`reason` is written into the compaction's events, and into the audit as a rollback's is."""

    model_config = ConfigDict(strict=True, extra="forbid")

    reason: str | None = Field(None, max_length=LONGEST_REASON)


@router.get("/v1/adapters")
def list_adapters(services: Wired, after: After = None, limit: Most = None) -> Listing[AdapterObject]:
    """Every version of every collection and task, by their names, oldest first."""
    names = services.adapters.lineages()
    return listing([shaped for name in names for shaped in _versions(services, name)], after, limit)


# Before the list: a number stands where the rest of a task's name else would.
@router.get("/v1/adapters/{collection:lineage}/{version:digits}")
def show_version(
    collection: str,
    version: str,
    services: Wired,
    verify: Annotated[bool, Query(description="Hash every file against the manifest")] = False,
) -> AdapterDetail | Listing[AdapterObject]:
    """One version with its manifest; `?verify=true` reads every byte of it. Where the number is a task's name: all
    versions of that."""
    if names_task(services, collection, version):
        return list_versions(f"{collection}/{version}", services)
    require_lineage(services, collection)
    found = _find(services, collection, int(version))
    checked = _verify(services.files, found) if verify else {"manifest": _manifest(services.files, found)}
    feedback = services.feedback.of_collection(collection).get(found.version, Ratings())
    return AdapterDetail.of(found, services.adapters.verdicts(collection, found.version), feedback, **checked)


@router.get("/v1/adapters/{collection:lineage}")
def list_versions(collection: str, services: Wired, after: After = None, limit: Most = None) -> Listing[AdapterObject]:
    """Every version of one collection, or of a task by `task/<name>`, oldest first."""
    require_lineage(services, collection)
    return listing(_versions(services, collection), after, limit)


async def read_rollback(request: Request) -> RollbackRequest:
    """The body of a rollback; none at all asks for the version before."""
    return validate(RollbackRequest, await read_object(request, or_empty=True))


@router.post("/v1/adapters/{collection:lineage}/rollback")
def roll_back(
    collection: str, asked: Annotated[RollbackRequest, Depends(read_rollback)], services: Wired
) -> RollbackObject:
    """Move the live pointer back. Requests in flight finish where they began."""
    require_lineage(services, collection)
    before = services.adapters.live(collection)
    begin = time.perf_counter()
    live = services.rollback(collection, asked.to, asked.reason)
    return RollbackObject(
        collection=collection,
        from_=before.version if before is not None else 0,
        to=live.version if live is not None else 0,
        live=live.label if live is not None else BASE,
        seconds=round(time.perf_counter() - begin, 6),
    )


async def read_compaction(request: Request, services: Wired) -> CompactionRequest:
    """The body of a compaction; none at all gives no reason. Raises Draining."""
    services.refuse_new_work_while_draining()
    return validate(CompactionRequest, await read_object(request, or_empty=True))


@router.post("/v1/adapters/{collection:lineage}/compact", status_code=202, responses={200: {"model": AdaptationObject}})
def compact(
    collection: str,
    asked: Annotated[CompactionRequest, Depends(read_compaction)],
    response: Response,
    services: Wired,
) -> AdaptationObject:
    """Rebuild the live adapter from the base: 202 and a queued adaptation. Where one is open already: 200 and it."""
    require_lineage(services, collection)
    adaptation, new = services.compact(collection, asked.reason)
    services.wake()
    response.status_code = 202 if new else 200
    return shaped(services, adaptation)


def _find(services: Services, collection: str, version: int) -> AdapterVersion:
    if not 1 <= version <= LARGEST:
        raise NotFound(f"{collection!r} has no version {version}", param="version")
    return services.adapters.get(collection, version)


def _versions(services: Services, collection: str) -> list[AdapterObject]:
    store, feedback = services.adapters, services.feedback.of_collection(collection)
    return [
        AdapterObject.of(v, store.verdicts(collection, v.version), feedback.get(v.version, Ratings()))
        for v in store.of_collection(collection)
    ]


def _manifest(files: AdapterFiles, version: AdapterVersion) -> Manifest | None:
    """As it lies there, unverified; None where there is none that can be read."""
    path = files.folder(version.collection, version.version) / MANIFEST
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def _verify(files: AdapterFiles, version: AdapterVersion) -> dict[str, Any]:
    try:
        return {"manifest": files.verify(version), "verified": True}
    except IntegrityError as error:
        return {"manifest": _manifest(files, version), "verified": False, "verify_error": error.message}
