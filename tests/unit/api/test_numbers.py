"""Numbers that a client names are ones that a database holds."""

from __future__ import annotations

import pytest

from seald.api.paging import LARGEST
from seald.domain.adaptation import AdaptationStatus as S


@pytest.fixture(autouse=True)
def there(world) -> None:
    world.adapters.add(1, live=True)
    world.adaptations.add("a-1")
    world.adaptations.move("a-1", S.QUEUED, S.CANCELLED)
    world.retrainings.add("r-1")


@pytest.mark.parametrize(
    "path",
    ["feedback", "adapters/default/watches", "adaptations/a-1/events", "retrainings/r-1/events"],
)
def test_a_number_to_list_after(client, path: str) -> None:
    got = client.get(f"/v1/{path}", params={"after": LARGEST})
    assert (got.status_code, got.json()["data"]) == (200, [])
    refused = client.get(f"/v1/{path}", params={"after": LARGEST + 1})
    assert (refused.status_code, refused.json()["error"]["param"]) == (422, "after")


def test_a_number_to_list_the_audit_after(keyed) -> None:
    refused = keyed.client.get("/v1/audit", params={"after": LARGEST + 1}, headers=keyed.key("admin"))
    assert (refused.status_code, refused.json()["error"]["param"]) == (422, "after")


@pytest.mark.parametrize(
    ("last", "shown"), [(LARGEST, False), (LARGEST + 1, False), (10**10, True), ("9" * 5000, True), ("-1", True)]
)
def test_the_event_to_go_on_after(client, last: object, shown: bool) -> None:
    headers = {"accept": "text/event-stream", "last-event-id": str(last)}
    got = client.get("/v1/adaptations/a-1/events", headers=headers)
    assert (got.status_code, "cancelled" in got.text) == (200, shown)


@pytest.mark.parametrize("path", ["adapters/default/rollback", "policies/rollback"])
def test_a_version_to_go_back_to(client, path: str) -> None:
    refused = client.post(f"/v1/{path}", json={"to": LARGEST + 1})
    assert (refused.status_code, refused.json()["error"]["param"]) == (422, "to")


@pytest.mark.parametrize("path", ["adapters/default", "policies"])
def test_a_version_to_show(client, path: str) -> None:
    assert client.get(f"/v1/{path}/{LARGEST + 1}").status_code == 404
