"""`/v1/keys` over the real store."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from seald.config import Settings
from tests.unit.api.conftest import Keyed

KEYS = "/v1/keys"
ADMIN = {"name": "root", "scopes": ["admin"]}


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def test_a_secret_is_shown_once(keyed: Keyed) -> None:
    got = keyed.client.post(KEYS, json=ADMIN)
    assert (got.status_code, got.headers["cache-control"]) == (201, "no-store")
    made = got.json()
    secret = made.pop("secret")
    assert made == {
        "id": made["id"],
        "object": "key",
        "name": "root",
        "scopes": ["admin"],
        "collections": None,
        "models": None,
        "requests_per_minute": None,
        "concurrency": None,
        "created": made["created"],
        "expires": None,
        "revoked": None,
    }
    root = bearer(secret)
    assert keyed.client.get(f"{KEYS}/{made['id']}", headers=root).json() == made
    listed = keyed.client.get(KEYS, headers=root)
    assert listed.json() == {"object": "list", "data": [made], "has_more": False}
    assert secret not in listed.text


def test_the_first_key_over_the_api_must_be_an_admins(keyed: Keyed) -> None:
    got = keyed.client.post(KEYS, json={"name": "k", "scopes": ["chat"]})
    error = got.json()["error"]
    assert (got.status_code, error["code"], error["param"]) == (400, "first_key_must_be_admin", "scopes")
    assert keyed.client.get(KEYS).json()["data"] == []


def test_revocation_holds_from_the_next_request_on_and_never_opens_the_door(keyed: Keyed) -> None:
    root = bearer(keyed.client.post(KEYS, json=ADMIN).json()["secret"])
    other = keyed.client.post(KEYS, json=ADMIN, headers=root).json()
    for _ in range(2):
        gone = keyed.client.delete(f"{KEYS}/{other['id']}", headers=root)
        assert (gone.status_code, gone.json()["deleted"], gone.json()["revoked"] is None) == (200, True, False)
    assert keyed.client.get("/v1/models", headers=bearer(other["secret"])).status_code == 401
    mine = keyed.client.get(KEYS, headers=root).json()["data"][0]["id"]
    assert keyed.client.delete(f"{KEYS}/{mine}", headers=root).status_code == 200
    for headers in ({}, root):
        assert keyed.client.get("/v1/models", headers=headers).status_code == 401
    assert keyed.client.delete(f"{KEYS}/key-none", headers=keyed.key("admin")).status_code == 404


def test_limits_are_as_configured_unless_others_are_asked_for(keyed: Keyed) -> None:
    settings = Settings.model_validate({"keys": {"requests_per_minute": 60, "concurrency": 4}})
    keyed.world.app.state.services = replace(keyed.world.app.state.services, settings=settings)
    root = keyed.key("admin")
    limits = [{}, {"requests_per_minute": 7}, {"requests_per_minute": None, "concurrency": 9}]
    made = [keyed.client.post(KEYS, json={**ADMIN, **given}, headers=root).json() for given in limits]
    assert [(key["requests_per_minute"], key["concurrency"]) for key in made] == [(60, 4), (7, 4), (None, 9)]


@pytest.mark.parametrize(
    ("change", "status", "param", "code"),
    [
        ({"scopes": ...}, 422, "scopes", "missing_field"),
        ({"scopes": ["root"]}, 422, "scopes.0", "invalid_value"),
        ({"scopes": "admin"}, 422, "scopes", "invalid_type"),
        ({"concurrency": "many"}, 422, "concurrency", "invalid_type"),
        ({"collections": ["a b"]}, 422, "collections.0", "invalid_value"),
        ({"models": ["gpt-4"]}, 422, "models.0", "invalid_value"),
        ({"secret": "sk-seald-mine"}, 422, "secret", "unknown_field"),
        ({"expires": 1}, 400, "expires", "invalid_request"),
    ],
)
def test_a_bad_ask_makes_no_key(keyed: Keyed, change: dict[str, Any], status: int, param: str, code: str) -> None:
    body = {name: value for name, value in {**ADMIN, **change}.items() if value is not ...}
    got = keyed.client.post(KEYS, json=body)
    error = got.json()["error"]
    assert (got.status_code, error["param"], error["code"]) == (status, param, code)
    assert not keyed.stores.keys.ever()
