from __future__ import annotations

import pytest

from seald.api.origin import is_loopback


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, None),
        ({"origin": "http://localhost:3000"}, None),
        ({"origin": "http://127.0.0.1:8000"}, None),
        ({"origin": "http://[::1]:8000"}, None),
        ({"origin": "https://evil.example"}, "forbidden_origin"),
        ({"origin": "http://localhost.evil.example"}, "forbidden_origin"),
        ({"origin": "http://127.0.0.1.evil.example"}, "forbidden_origin"),
        ({"origin": "null"}, "forbidden_origin"),
        ({"origin": "http://[::1"}, "forbidden_origin"),
        ({"host": "localhost:8000"}, None),
        ({"host": "[::1]:8000"}, None),
        ({"host": "evil.example:8000"}, "forbidden_host"),
        ({"host": "user@evil.example"}, "forbidden_host"),
    ],
)
def test_pages_from_elsewhere_and_rebound_names_are_refused(client, headers, code) -> None:
    got = client.get("/v1/models", headers=headers)
    assert got.status_code == (200 if code is None else 403)
    if code is not None:
        assert (got.json()["error"]["type"], got.json()["error"]["code"]) == ("permission_error", code)
        assert got.headers["x-request-id"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("localhost", True), ("a.localhost", True), ("127.8.0.1", True), ("::1", True), ("10.0.0.1", False), ("x", False)],
)
def test_is_loopback(name, expected) -> None:
    assert is_loopback(name) is expected
