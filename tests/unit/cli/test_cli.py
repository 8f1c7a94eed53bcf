"""Commands against a real small server that gives the documented shapes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import pytest

from seald.cli import main
from seald.cli.demo import DOCUMENT
from tests.small_server import answering

ADAPTATION = {
    "id": "adp-1",
    "object": "adaptation",
    "kind": "learn",
    "status": "promoted",
    "collection": "default",
    "documents": ["doc-1"],
    "version": 1,
    "parent": None,
    "verdicts": [],
    "figures": {
        "self_edits": {
            "lines": 40,
            "coverage": {"facts": 12, "covered": 1.0, "covered_k": 0.917, "phrasings": 2, "both_directions": 0.5},
        },
    },
    "error": None,
}


COMPACTION = {**ADAPTATION, "id": "adp-2", "kind": "compact", "status": "queued"}
HELD = {**COMPACTION, "id": "adp-3", "status": "held", "error": {"code": "inconclusive", "message": "who knows"}}
NO_EVENTS: dict[str, Any] = {"object": "list", "data": [], "has_more": False}
VERSION = {"id": "ops@1", "live": False, "status": "approved", "parent": None, "replaces": None, "documents": ["doc-1"]}
VERSIONS = [
    VERSION,
    {**VERSION, "id": "ops@2", "parent": 1, "replaces": 1},
    {**VERSION, "id": "ops@3", "replaces": 2, "live": True},
]
SHOWN = {**VERSION, "manifest": None, "verdicts": [], "feedback": {"up": 7, "down": 2}}
PAUSED = {"state": "paused", "last": 1767355200, "outcome": "regression", "reason": "of 6 [probes] 6 lost"}
STATUS = {
    "version": "0.0.1",
    "model": "tiny",
    "engine": {"kind": "local", "replicas": [], "quarantined": [{"version": "ops@2", "reason": "ops@2: [torn]"}]},
    "collections": [{"name": "ops", "live": 3, "documents": 1, "watch": PAUSED}],
    "adaptations": {"queued": 0},
    "training": None,
    "policy": {"live": "learned@2", "retraining": {"id": "rtr-3", "status": "scoring", "round": 2}},
}


CERTIFICATE = {
    "document": "doc-1",
    "collection": "default",
    "outcome": "forgotten",
    "reason": "nobody knows it",
    "live": "default@3",
    "rebuilt": 3,
    "probes": 8,
    "checked": [{"model": "default@3", "right": 1, "won": 1, "lost": 0, "p_value": 0.5, "logprob": -3.2}],
    "unchecked": [],
    "removed": {"versions": [1, 2], "files": 6, "rows": {"probes": 8, "watches": 0}},
    "at": "2026-01-02T12:00:00Z",
}
GONE = {"id": "doc-1", "object": "document", "deleted": True, "adaptation": "adp-1"}


SET = {
    "approval": "auto",
    "guards": {"alpha": 0.1},
    "policy": None,
    "trust": {"wiki": "review"},
    "scrub": False,
    "teaches_policy": True,
}
COLLECTION = {
    "id": "ops",
    "object": "collection",
    "name": "ops",
    "live": "ops@3",
    "documents": 3,
    "settings": SET,
    "changed": 1,
}


class Handler(BaseHTTPRequestHandler):
    answers: ClassVar[dict[str, Any]] = {
        "GET /v1/adaptations/adp-1": ADAPTATION,
        "GET /v1/adaptations/adp-1/events": NO_EVENTS,
        "GET /v1/adaptations/adp-2": {**COMPACTION, "status": "promoted"},
        "GET /v1/adaptations/adp-2/events": NO_EVENTS,
        "GET /v1/adaptations/adp-3": HELD,
        "GET /v1/adaptations/adp-3/events": NO_EVENTS,
        "GET /v1/adapters/ops": {"object": "list", "data": VERSIONS, "has_more": False},
        "GET /v1/adapters/ops/1": SHOWN,
        "GET /v1/status": STATUS,
        "POST /v1/adapters/default/compact": COMPACTION,
        "POST /v1/adapters/ops/compact": HELD,
        "DELETE /v1/documents/doc-1": GONE,
        "GET /v1/documents/doc-1": {**GONE, "certificate": CERTIFICATE},
        "DELETE /v1/documents/doc-2": {**GONE, "id": "doc-2", "adaptation": "adp-1"},
        "GET /v1/documents/doc-2": {**GONE, "certificate": {**CERTIFICATE, "outcome": "still_known"}},
        "GET /v1/collections": {"object": "list", "data": [COLLECTION], "has_more": False},
        "GET /v1/collections/ops": COLLECTION,
        "GET /v1/adaptations": {"object": "list", "data": [ADAPTATION], "has_more": False},
        "POST /v1/adapters/default/rollback": {"from": 2, "to": 1, "live": "default@1", "seconds": 0.01},
    }

    def _answer(self) -> None:
        length = int(self.headers.get("content-length", 0))
        body = self.rfile.read(length)
        key = f"{self.command} {self.path.split('?')[0]}"
        status, answer = (200, self.answers[key]) if key in self.answers else self._other(key, body)
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _other(self, key: str, body: bytes) -> tuple[int, dict[str, Any]]:
        if key == "GET /v1/collections/new":
            return 404, {"error": {"message": "none", "type": "not_found_error", "code": "not_found"}}
        if key.startswith("PUT ") and b"never" not in body:
            return 200, {**COLLECTION, "settings": json.loads(body)}
        if key == "POST /v1/documents" and b"bad.txt" not in body:
            return 202, {"id": "doc-1", "adaptation": "adp-1", "status": "queued"}
        return 422, {"error": {"message": "it is empty", "type": "invalid_request_error", "code": "unreadable"}}

    do_GET = do_POST = do_PUT = do_DELETE = _answer

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with answering(Handler) as address:
        yield address


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["seald", *words])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_json_is_the_apis_object_and_nothing_else(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "adaptations", "show", "adp-1", "--json", "--url", url) == 0
    assert json.loads(capsys.readouterr().out) == ADAPTATION


def test_show_says_how_the_document_was_studied(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "adaptations", "show", "adp-1", "--url", url) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "studied 40 lines; of 12 facts 100% are covered, 92% in 2 phrasings or more, 50% in both directions" in said


def test_ingest_of_a_folder_with_a_bad_file(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "good.md").write_text("good")
    (tmp_path / "bad.txt").write_text("bad")
    (tmp_path / "picture.png").write_text("not looked at")
    assert run(monkeypatch, "ingest", str(tmp_path), "--wait", "--json", "--url", url) == 1
    out, err = capsys.readouterr()
    assert {Path(d["file"]).name: d["status"] for d in json.loads(out)["data"]} == {
        "good.md": "promoted",
        "bad.txt": "refused",
    }
    assert "it is empty" in err


def test_ingest_of_good_files(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "good.md").write_text("good")
    assert run(monkeypatch, "ingest", str(tmp_path / "good.md"), "--wait", "--url", url) == 0


def test_rollback(url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "adapters", "rollback", "default", "--to", "1", "--url", url) == 0
    assert "default@1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("default",), 0, "adp-2 is queued"),
        (("default", "--wait"), 0, "adp-2 is promoted"),
        (("ops", "--wait", "--reason", "answers drift"), 1, "adp-3 is held: who knows"),
        (("nobody", "--wait"), 1, "it is empty"),
    ],
)
def test_compact(
    url: str,
    words: tuple[str, ...],
    code: int,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, "adapters", "compact", *words, "--url", url) == code
    out, err = capsys.readouterr()
    assert (says in err, out) == (True, "")


@pytest.mark.parametrize(("wait", "status"), [((), "queued"), (("--wait",), "promoted")])
def test_compact_as_json(
    url: str,
    wait: tuple[str, ...],
    status: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, "adapters", "compact", "--json", *wait, "--url", url) == 0
    assert json.loads(capsys.readouterr().out) == {**COMPACTION, "status": status}


def test_the_lineage_says_what_was_rebuilt(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "adapters", "list", "ops", "--url", url) == 0
    rows = [line.split("│") for line in capsys.readouterr().out.splitlines() if "ops@" in line]
    assert [(row[1].strip(), row[4].strip()) for row in rows] == [
        ("ops@1", "base"),
        ("ops@2", "1"),
        ("ops@3", "base, rebuilding 2"),
    ]


def test_settings_of_a_collection(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "collections", "list", "--json", "--url", url) == 0
    assert json.loads(capsys.readouterr().out)["data"] == [COLLECTION]
    words = ("--approval", "manual", "--source", "mail/*=quarantine", "--guard", "retention.mode=warn", "--json")
    assert run(monkeypatch, "collections", "set", "ops", *words, "--url", url) == 0
    assert json.loads(capsys.readouterr().out)["settings"] == {
        **SET,
        "approval": "manual",
        "guards": {"alpha": 0.1, "retention": {"mode": "warn"}},
        "trust": {"wiki": "review", "mail/*": "quarantine"},
    }
    for name in ("new", "ops"):
        assert run(monkeypatch, "collections", "set", name, "--fresh", "--scrub", "--json", "--url", url) == 0
        assert json.loads(capsys.readouterr().out)["settings"] == {**SET, "guards": {}, "trust": {}, "scrub": True}
    assert run(monkeypatch, "collections", "set", "new", "--guard", "alpha=0.2", "--url", url) == 0
    assert "0.2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("adapters", "show", "ops", "1"), "feedback: 7 up, 2 down"),
        (("status",), "watching is paused: of 6 [probes] 6 lost"),
        (("status",), "quarantined ops@2: [torn]"),
        (("status",), "policy learned@2 writes; rtr-3: scoring, round 2"),
    ],
)
def test_what_clients_and_watching_say_is_shown(
    url: str, words: tuple[str, ...], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *words, "--url", url) == 0
    assert says in " ".join(capsys.readouterr().out.replace("│", " ").split())


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("collections", "set", "ops", "--source", "mail/*"), 2, "NAME=VALUE"),
        (("collections", "set", "ops", "--source", "mail/*=never"), 1, "it is empty"),
        (("documents", "show", "doc-x"), 1, "it is empty"),
        (("ingest", "/no/such/file"), 2, "not there"),
        (("chat", "--max-tokens", "none", "Hi"), 2, "max-tokens"),
        (("nonsense",), 2, "nonsense"),
    ],
)
def test_exit_codes(
    url: str,
    words: tuple[str, ...],
    code: int,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SEALD_URL", url)
    assert run(monkeypatch, *words) == code
    out, err = capsys.readouterr()
    assert says in out + err
    assert "Traceback" not in out + err


def test_no_daemon_says_how_to_start_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "status", "--url", "http://127.0.0.1:1") == 1
    assert "seald serve" in capsys.readouterr().err


def test_a_wrong_setting_is_refused_at_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "seald.toml").write_text("[server]\nprot = 1")
    assert run(monkeypatch, "serve", "--config", str(tmp_path / "seald.toml")) == 1
    assert "server.prot" in capsys.readouterr().err


def test_doctor_finds_this_machine_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "doctor", "--data-dir", str(tmp_path), "--json") == 0
    assert {f["what"] for f in json.loads(capsys.readouterr().out)["data"]} >= {"torch", "model", "data folder"}


def test_the_demo_has_its_document() -> None:
    assert DOCUMENT.is_file()


def test_forgetting_prints_the_certificate(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "documents", "forget", "doc-1", "--url", url) == 0
    assert "adp-1 rebuilds without it" in capsys.readouterr().err
    assert run(monkeypatch, "documents", "forget", "doc-1", "--wait", "--url", url) == 0
    said = capsys.readouterr().out
    assert "forgotten: nobody knows it" in said
    assert "versions 1, 2; 6 files" in said
    assert "8 probes" in said
    assert "watches" not in said
    assert run(monkeypatch, "documents", "forget", "doc-1", "--wait", "--json", "--url", url) == 0
    assert json.loads(capsys.readouterr().out)["certificate"] == CERTIFICATE


def test_forgetting_that_is_refused_or_not_shown_exits_with_1(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "documents", "forget", "doc-9", "--url", url) == 1
    assert run(monkeypatch, "documents", "forget", "doc-2", "--wait", "--url", url) == 1
