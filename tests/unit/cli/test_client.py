"""What keeps a command from its daemon is one line, and no traceback."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import pytest

from seald.cli import main
from tests.small_server import answering


class Page(BaseHTTPRequestHandler):
    """Some other server: it takes documents like a daemon, and has a page for all else."""

    asked: ClassVar[list[tuple[str, bytes]]] = []

    def _answer(self) -> None:
        self.asked.append((self.path, self.rfile.read(int(self.headers.get("content-length", 0)))))
        taken = {"id": "doc-1", "adaptation": "adp-1", "status": "queued"}
        data = json.dumps(taken).encode() if self.path == "/v1/documents" else b"<html>hello</html>"
        self.send_response(200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = _answer

    def log_message(self, *_: Any) -> None:
        return


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["seald", *words])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


@pytest.mark.parametrize("words", [("status",), ("adaptations", "approve", "adp-1"), ("keys", "revoke", "key-1")])
def test_what_is_no_json(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(Page) as url:
        assert run(monkeypatch, *words, "--url", url) == 1
    said = capsys.readouterr().err
    assert "no JSON" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("key", ["sk-séald-1", "sk-“1”", "sk-1\n"])
def test_a_key_that_no_header_can_hold(
    key: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEALD_API_KEY", key)
    assert run(monkeypatch, "status", "--url", "http://127.0.0.1:1") == 1
    said = capsys.readouterr().err
    assert "SEALD_API_KEY" in said
    assert key.strip() not in said


def test_a_file_that_cannot_be_read_is_one_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("words")
    really = Path.read_bytes

    def read(file: Path) -> bytes:
        if file.name == "a.txt":
            raise PermissionError(13, "Permission denied")
        return really(file)

    monkeypatch.setattr(Path, "read_bytes", read)
    with answering(Page) as url:
        assert run(monkeypatch, "ingest", str(tmp_path), "--json", "--url", url) == 1
    found = json.loads(capsys.readouterr().out)["data"]
    assert [(row["status"], (row["error"] or {}).get("code")) for row in found] == [
        ("refused", "unreadable_file"),
        ("queued", None),
    ]


@pytest.mark.parametrize(
    ("words", "path", "body"),
    [
        (("adaptations", "approve", "a"), "/v1/adaptations/a/approve", {"reason": "so"}),
        (("adaptations", "reject", "a"), "/v1/adaptations/a/reject", {"reason": "so"}),
        (("adaptations", "cancel", "a"), "/v1/adaptations/a/cancel", {"reason": "so"}),
        (("policy", "cancel", "r"), "/v1/retrainings/r/cancel", {"reason": "so"}),
        (("documents", "forget", "d"), "/v1/documents/d?reason=so", None),
        (("tasks", "delete", "t"), "/v1/tasks/t?reason=so", None),
        (("keys", "revoke", "k"), "/v1/keys/k?reason=so", None),
    ],
)
def test_a_reason_is_handed_on(
    words: tuple[str, ...], path: str, body: dict[str, str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    Page.asked.clear()
    with answering(Page) as url:
        run(monkeypatch, *words, "--reason", "so", "--url", url)
    assert [(to, json.loads(sent) if sent else None) for to, sent in Page.asked] == [(path, body)]
