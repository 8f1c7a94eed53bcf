"""`DELETE /v1/documents/{id}` and what is left of a document, over the real stores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from seald.domain.adaptation import AdaptationStatus as S
from seald.pipeline.forget import forget
from tests.unit.api.conftest import World
from tests.unit.pipeline.conftest import Site
from tests.unit.store.conftest import document
from tests.unit.store.test_adapters import live, promoted
from tests.unit.store.test_forgetting import certificate

ONE = document("one").id


@pytest.fixture
def site(world: World, tmp_path: Path) -> Iterator[Site]:
    """Version 1 of `default` knows one document."""
    site = Site(tmp_path / "data", tmp_path)
    promoted(site.stores, "one")
    stores = {name: getattr(site.stores, name) for name in ("adaptations", "adapters", "documents", "forgetting")}
    world.app.state.services = replace(world.app.state.services, forget=partial(forget, site.shop), **stores)
    yield site
    site.stores.close()


def test_at_once_no_live_version_knows_it(world: World, site: Site, client: TestClient) -> None:
    got = client.delete(f"/v1/documents/{ONE}")
    made = site.stores.forgetting.adaptation_of(ONE)
    assert (got.status_code, live(site.stores), world.woken) == (202, None, 1)
    assert got.json() == {"id": ONE, "object": "document", "deleted": True, "adaptation": made.id}
    assert client.get(f"/v1/adaptations/{made.id}").json()["kind"] == "forget"
    again = client.delete(f"/v1/documents/{ONE}")
    assert (again.status_code, again.json()) == (200, got.json())
    assert client.get("/v1/documents").json()["data"] == []
    refused = client.post(f"/v1/adaptations/{made.id}/cancel")
    assert (refused.status_code, site.stores.adaptations.get(made.id).status) == (409, S.QUEUED)


def test_what_is_left_of_it_is_its_certificate(site: Site, client: TestClient) -> None:
    client.delete(f"/v1/documents/{ONE}")
    shown = client.get(f"/v1/documents/{ONE}").json()
    assert (shown["deleted"], shown["certificate"], "text" in shown, "title" in shown) == (True, None, False, False)
    assert client.get(f"/v1/documents/{ONE}/certificate").status_code == 404
    made = site.stores.forgetting.adaptation_of(ONE)
    site.stores.adaptations.move(made.id, S.QUEUED, S.FAILED)
    written = site.stores.forgetting.erase(certificate(site.stores, made, ONE))
    shown = client.get(f"/v1/documents/{ONE}").json()
    assert shown["certificate"] == written.model_dump(mode="json")
    assert client.get(f"/v1/documents/{ONE}/certificate").json() == shown["certificate"]


def test_what_cannot_be_forgotten(world: World, site: Site, client: TestClient) -> None:
    got = client.delete("/v1/documents/doc-x")
    assert (got.status_code, got.json()["error"]["code"]) == (404, "not_found")
    world.draining = True
    assert client.delete(f"/v1/documents/{ONE}").status_code == 503
    assert (live(site.stores), site.stores.documents.get(ONE).text) == (1, "one")
    assert client.get(f"/v1/documents/{ONE}").json()["superseded_by"] is None
