"""`/v1/models`: everything a client may ask for."""

from __future__ import annotations

from fastapi import APIRouter

from seald.api.paging import After, Most, listing
from seald.api.services import Services, Wired
from seald.api.shapes import Listing, ModelObject, unix
from seald.errors import NotFound
from seald.ports import AdapterStore

router = APIRouter(tags=["chat"])


@router.get("/v1/models")
def list_models(services: Wired, after: After = None, limit: Most = None) -> Listing[ModelObject]:
    """Base, collections, tasks, and every approved version."""
    return listing(_models(services), after, limit)


@router.get("/v1/models/{id:path}")
def show_model(id: str, services: Wired) -> ModelObject:
    """One model id."""
    for model in _models(services):
        if model.id == id:
            return model
    raise NotFound(f"there is no model {id[:200]!r}; GET /v1/models lists them", param="model", code="model_not_found")


def _models(services: Services) -> list[ModelObject]:
    created = _creation_times(services.adapters)
    return [
        ModelObject(id=id, created=created.get(label, 0), adapter=label) for id, label in services.gateway.model_ids()
    ]


def _creation_times(adapters: AdapterStore) -> dict[str, int]:
    versions = (version for name in adapters.lineages() for version in adapters.of_collection(name))
    return {version.label: unix(version.created) for version in versions}
