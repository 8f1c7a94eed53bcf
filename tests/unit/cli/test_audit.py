from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.small_server import answering
from tests.unit.cli.test_cli import run

HEAD = "a" * 64
WHOLE = {"object": "audit_verification", "ok": True, "entries": 2, "head": HEAD, "first_bad": None, "contains": None}
ENTRY = {"id": "2", "object": "audit_entry", "number": 2, "at": "2026-01-02T12:00:00.000000+00:00"}
ENTRY |= {"action": "rollback", "target": "ops", "from": "ops@2", "to": "ops@1", "reason": "[dates]", "who": "key-1"}
ENTRY |= {"request_id": "req-1", "previous": "0" * 64, "hash": HEAD}


class Handler(BaseHTTPRequestHandler):
    asked: ClassVar[list[dict[str, Any]]] = []

    def do_GET(self) -> None:
        path, given = urlsplit(self.path).path, {k: v for k, (v,) in parse_qs(urlsplit(self.path).query).items()}
        self.asked.append(given)
        answer: dict[str, Any] = {"object": "list", "data": [ENTRY], "has_more": False}
        if path == "/v1/audit/verify":
            answer = self._verified(given.get("head"))
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _verified(self, head: str | None) -> dict[str, Any]:
        if head == "bad":
            return {**WHOLE, "ok": False, "first_bad": 2}
        return WHOLE if head is None else {**WHOLE, "ok": head == HEAD, "contains": head == HEAD}

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with answering(Handler) as address:
        yield address


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ((), 0, "whole"),
        (("--head", HEAD), 0, "whole"),
        (("--head", "b" * 64), 1, "another chain"),
        (("--head", "bad"), 1, "entry 2 is not what was written"),
    ],
)
def test_verify_says_what_was_found_and_prints_the_head(
    url: str,
    words: tuple[str, ...],
    code: int,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, "audit", "verify", *words, "--url", url) == code
    out = capsys.readouterr().out
    assert (says in out, f"2 entries, head {HEAD}" in out) == (True, True)
    assert run(monkeypatch, "audit", "verify", *words, "--json", "--url", url) == code
    assert json.loads(capsys.readouterr().out)["ok"] is (code == 0)


def test_list_shows_entries(url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("seald.cli.client.screen.width", 200)
    assert run(monkeypatch, "audit", "list", "--target", "ops", "--action", "rollback", "--url", url) == 0
    assert Handler.asked[-1] == {"target": "ops", "action": "rollback", "limit": "100"}
    out = capsys.readouterr().out
    assert all(word in out for word in ("ops@2", "ops@1", "key-1", "[dates]", "req-1"))
    assert run(monkeypatch, "audit", "list", "--json", "--url", url) == 0
    assert json.loads(capsys.readouterr().out)["data"] == [ENTRY]
