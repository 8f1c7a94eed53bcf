"""`/v1/policies`: what writes self-edits, what it was paid for, its retraining, and the way back."""

from __future__ import annotations

import re
import time
import uuid
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import ValidationError

from seald.api.adapters import RollbackRequest
from seald.api.bodies import JSON, read_object, validate
from seald.api.errors import violation
from seald.api.idempotency import Idempotent
from seald.api.paging import LARGEST, After, Most, listing
from seald.api.policy_shapes import (
    ExampleObject,
    PolicyDetail,
    PolicyObject,
    PolicyRollbackObject,
    RetrainingObject,
)
from seald.api.services import Services, Wired
from seald.api.shapes import Listing
from seald.config.retraining import Subject
from seald.domain.adapter import MANIFEST
from seald.domain.episode import POLICY_ARM
from seald.domain.policy import Policy
from seald.domain.policy_version import PREFIX, PolicyManifest, PolicyVersion
from seald.domain.retraining import RetrainingAsk
from seald.errors import IntegrityError, NotFound
from seald.policy.registry import CONFIGURATION, seed_policies
from seald.ports import PolicyFiles

router = APIRouter(tags=["policies"], route_class=Idempotent)

LEARNED = re.compile(rf"(?:{PREFIX})?([1-9][0-9]{{0,9}})")
MOST_EXAMPLES = 5
REQUEST_BODY = {"requestBody": {"content": {JSON: {"schema": RetrainingAsk.model_json_schema()}}}}
"""The body as OpenAPI describes it."""


class PolicyRollbackRequest(RollbackRequest):
    """`subject` null: what the policy `to` writes about, passages where it names none."""

    subject: Subject | None = None


@router.get("/v1/policies")
def list_policies(services: Wired, after: After = None, limit: Most = None) -> Listing[PolicyObject]:
    """The seed policies by name, then the learned ones, oldest first. Of each subject one is live: it writes."""
    learned = services.policies.all()
    writing = {_live(services, subject) for subject in get_args(Subject)}
    seeds = [PolicyObject.seed(p, live=p.version in writing) for p in seed_policies()]
    of_retrainings = [PolicyObject.learned(v, _seed_of(services, v.subject)) for v in learned]
    return listing([*seeds, *of_retrainings], after, limit)


@router.get("/v1/policies/{version}")
def show_policy(
    version: str,
    services: Wired,
    verify: Annotated[bool, Query(description="Hash every file against the manifest")] = False,
) -> PolicyDetail:
    """One policy by `learned@3`, `3`, or a seed policy's name, with what it learned from and how it was judged;
    `?verify=true` reads every byte of its files."""
    number = LEARNED.fullmatch(version)
    if number is None:
        return _seed(services, version)
    return _learned(services, services.policies.get(_storable(int(number[1]))), verify=verify)


async def read_ask(request: Request, services: Wired) -> RetrainingAsk:
    """The body of a retraining; none at all asks for what is configured. Raises Draining, SchemaViolation."""
    services.refuse_new_work_while_draining()
    body = await read_object(request, or_empty=True)
    try:
        return RetrainingAsk.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        field, *rest = first["loc"]
        # After `contexts` comes which of its two kinds was read.
        loc = (field, *(rest[1:] if field == "contexts" else rest))
        raise violation({**first, "loc": loc}) from None


@router.post(
    "/v1/policies/retrain", status_code=202, responses={200: {"model": RetrainingObject}}, openapi_extra=REQUEST_BODY
)
def retrain(
    asked: Annotated[RetrainingAsk, Depends(read_ask)], response: Response, services: Wired
) -> RetrainingObject:
    """Retrain the policy: 202 and a queued retraining. Where one is open already: 200 and it."""
    retraining, new = services.retrain(asked, f"asked/{uuid.uuid4()}")
    services.wake()
    response.status_code = 202 if new else 200
    return RetrainingObject.of(retraining)


async def read_rollback(request: Request) -> PolicyRollbackRequest:
    """The body of a rollback; none at all asks for the policy of passages before."""
    return validate(PolicyRollbackRequest, await read_object(request, or_empty=True))


@router.post("/v1/policies/rollback")
def roll_back(asked: Annotated[PolicyRollbackRequest, Depends(read_rollback)], services: Wired) -> PolicyRollbackObject:
    """Let an earlier policy write again; `to` null: the one that wrote before, 0: the seed policy."""
    named = services.policies.get(asked.to).subject if asked.to else "passage"
    subject = asked.subject or named
    before = services.policies.live(subject)
    begin = time.perf_counter()
    live = services.policy_rollback(asked.to, asked.reason, subject)
    return PolicyRollbackObject(
        from_=before.version if before is not None else 0,
        to=live.version if live is not None else 0,
        live=live.label if live is not None else _seed_of(services, subject),
        seconds=round(time.perf_counter() - begin, 6),
    )


def _seed_of(services: Services, subject: Subject) -> str:
    return services.settings.policy.name if subject == "passage" else CONFIGURATION


def _live(services: Services, subject: Subject) -> str:
    live = services.policies.live(subject)
    return live.label if live is not None else _seed_of(services, subject)


def _seed(services: Services, name: str) -> PolicyDetail:
    # Found among those that are there, so that a name is never a path.
    found: dict[str, Policy] = {policy.version: policy for policy in seed_policies()}
    if name not in found:
        raise NotFound(f"there is no policy {name[:200]!r}; GET /v1/policies lists them", param="version")
    return PolicyDetail.seed(found[name], live=_live(services, found[name].subject) == name)


def _learned(services: Services, version: PolicyVersion, *, verify: bool) -> PolicyDetail:
    retraining = services.retrainings.get(version.retraining_id)
    return PolicyDetail.learned(
        version,
        _seed_of(services, version.subject),
        rounds=retraining.figures.get("rounds", []),
        tournament=retraining.figures.get("tournament") if retraining.version == version.version else None,
        examples=_examples(services, version),
        **(_verify if verify else _as_it_lies)(services.policy_files, version),
    )


def _examples(services: Services, version: PolicyVersion) -> list[ExampleObject]:
    """The best of what it learned from in its round."""
    run = version.retraining_id
    episodes = [e for e in services.episodes.of_round(run, version.round, POLICY_ARM) if e.learned]
    best = sorted(episodes, key=lambda e: e.reward if e.reward is not None else float("-inf"), reverse=True)
    titles = {lesson.id: lesson.context.title for lesson in services.retrainings.lessons(run)}
    return [ExampleObject.of(episode, titles.get(episode.context_id)) for episode in best[:MOST_EXAMPLES]]


def _storable(number: int) -> int:
    if number > LARGEST:
        raise NotFound(f"there is no policy {number}; GET /v1/policies lists them", param="version")
    return number


def _as_it_lies(files: PolicyFiles, version: PolicyVersion) -> dict[str, Any]:
    """Unverified; the manifest is None where there is none that can be read."""
    try:
        text = (files.folder(version.version) / MANIFEST).read_bytes()
        return {"manifest": PolicyManifest.model_validate_json(text)}
    except (OSError, ValidationError):
        return {"manifest": None}


def _verify(files: PolicyFiles, version: PolicyVersion) -> dict[str, Any]:
    try:
        return {"manifest": files.verify(version), "verified": True}
    except IntegrityError as error:
        return {**_as_it_lies(files, version), "verified": False, "verify_error": error.message}
