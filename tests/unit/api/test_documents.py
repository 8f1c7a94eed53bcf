from __future__ import annotations

import errno
import json

import pytest

from seald.errors import (
    InsufficientStorage,
    InvalidRequest,
    NotFound,
    StoreError,
    TooLarge,
    UnreadableDocument,
    UnsupportedDocument,
)

DOCS = "/v1/documents"
DOC = {"title": "The pump", "text": "It holds 40 litres."}


def test_a_document_is_acknowledged_with_its_adaptation(world, client) -> None:
    got = client.post(DOCS, json={**DOC, "source": "a.md", "metadata": {"k": 1}})
    assert got.status_code == 202
    assert got.json() == {
        "id": next(iter(world.documents.rows)),
        "object": "document",
        "title": "The pump",
        "collection": "default",
        "sha256": next(iter(world.documents.rows.values())).sha256,
        "status": "queued",
        "adaptation": "adaptation-1",
        "source": "a.md",
        "supersedes": None,
        "superseded_by": None,
        "metadata": {"k": 1},
        "created": 1767355200,
    }
    assert world.woken == 1


def test_the_same_content_again_is_200_and_the_same_id(client) -> None:
    first, second = client.post(DOCS, json=DOC), client.post(DOCS, json=DOC)
    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json() == second.json()


def test_everything_reaches_ingest(world, client) -> None:
    probes = [{"question": "How much? ", "answer": "40"}]
    client.post(DOCS, json={**DOC, "collection": "pumps", "supersedes": "doc-0", "probes": probes})
    assert world.ingest.seen == [
        {
            **DOC,
            "collection": "pumps",
            "source": None,
            "supersedes": "doc-0",
            "probes": [("How much?", "40")],
            "metadata": {},
        }
    ]
    assert world.documents.probes == [("How much?", "40")]


def test_a_file_with_its_fields(world, client) -> None:
    fields = {"collection": "pumps", "probes": json.dumps([{"question": "q", "answer": "a"}]), "metadata": '{"k": 1}'}
    got = client.post(DOCS, files={"file": ("pump.txt", b"It holds 40 litres.")}, data=fields)
    assert got.status_code == 202
    assert got.json()["title"] == "pump.txt"
    assert world.ingest.seen[0]["probes"] == [("q", "a")]
    assert world.ingest.seen[0]["metadata"] == {"k": 1}


@pytest.mark.parametrize(
    ("change", "status", "param", "code"),
    [
        ({"title": ...}, 422, "title", "missing_field"),
        ({"text": ...}, 422, "text", "missing_field"),
        ({"title": 3}, 422, "title", "invalid_type"),
        ({"title": "  "}, 422, "title", "invalid_value"),
        ({"text": ["x"]}, 422, "text", "invalid_type"),
        ({"txet": "x"}, 422, "txet", "unknown_field"),
        ({"collection": "../etc"}, 400, "collection", "invalid_request"),
        ({"collection": 3}, 422, "collection", "invalid_type"),
        ({"probes": {"question": "q"}}, 422, "probes", "invalid_type"),
        ({"probes": [{"question": "q"}]}, 422, "probes.0.answer", "missing_field"),
        ({"probes": [{"question": "q", "answer": ""}]}, 422, "probes.0.answer", "invalid_value"),
        ({"metadata": []}, 422, "metadata", "invalid_type"),
        ({"metadata": {"a": "\0"}}, 400, None, "malformed_json"),
    ],
)
def test_bad_json_documents_leave_nothing_behind(world, client, change, status, param, code) -> None:
    body = {name: value for name, value in {**DOC, **change}.items() if value is not ...}
    got = client.post(DOCS, json=body)
    error = got.json()["error"]
    assert (got.status_code, error["param"], error["code"]) == (status, param, code)
    assert error["type"] == "invalid_request_error"
    assert world.documents.rows == {}
    assert world.woken == 0


@pytest.mark.parametrize(
    ("files", "data", "status", "param", "code"),
    [
        ({}, {"title": "x"}, 415, None, "unsupported_media_type"),
        ({"other": ("a.txt", b"x")}, {}, 422, "file", "missing_field"),
        ({"file": ("", b"x")}, {}, 422, "file", "missing_field"),
        ({"file": ("../a.txt", b"x")}, {}, 400, "file", "invalid_file_name"),
        ({"file": ("up\\a.txt", b"x")}, {}, 400, "file", "invalid_file_name"),
        ({"file": ("a.txt", b"x")}, {"titel": "x"}, 422, "titel", "unknown_field"),
        ({"file": ("a.txt", b"x")}, {"text": "x"}, 422, "text", "unknown_field"),
        ({"file": ("a.txt", b"x")}, {"probes": "{"}, 400, "probes", "malformed_json"),
        ({"file": ("a.txt", b"x")}, {"probes": "{}"}, 422, "probes", "invalid_type"),
        ({"file": ("a.txt", b"x")}, {"title": ["a", "b"]}, 422, "title", "invalid_value"),
    ],
)
def test_bad_forms(world, client, files, data, status, param, code) -> None:
    got = client.post(DOCS, files=files, data=data)
    error = got.json()["error"]
    assert (got.status_code, error["param"], error["code"]) == (status, param, code)
    assert world.documents.rows == {}


def test_a_form_without_boundary_and_two_files(client) -> None:
    got = client.post(DOCS, content=b"x", headers={"content-type": "multipart/form-data"})
    assert (got.status_code, got.json()["error"]["type"]) == (400, "invalid_request_error")
    two = [("file", ("a.txt", b"x")), ("file", ("b.txt", b"x"))]
    assert client.post(DOCS, files=two).status_code == 400


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UnreadableDocument("it is empty"), 422),
        (UnsupportedDocument("no parser for .exe"), 415),
        (TooLarge("too many characters"), 413),
        (NotFound("no such document", param="supersedes"), 404),
        (InvalidRequest("too many probes", param="probes"), 400),
        (StoreError("the database is busy"), 503),
        (InsufficientStorage("no room"), 507),
    ],
)
def test_what_ingest_refuses(world, client, error, status) -> None:
    world.ingest.fails = error
    got = client.post(DOCS, json=DOC)
    assert (got.status_code, got.json()["error"]["code"]) == (status, error.code)


def test_a_disk_that_has_no_room_for_an_upload(world, client) -> None:
    """It is said wherever it is found, and the client may come again."""
    world.ingest.fails = OSError(errno.ENOSPC, "No space left on device")
    got = client.post(DOCS, json=DOC)
    assert (got.status_code, got.json()["error"]["code"]) == (507, "insufficient_storage")
    assert int(got.headers["retry-after"]) > 0
    world.ingest.fails = OSError(errno.EPERM, "Operation not permitted")
    assert client.post(DOCS, json=DOC).json()["error"]["code"] == "internal_error"


def test_no_new_documents_while_draining(world, client) -> None:
    world.draining = True
    got = client.post(DOCS, json=DOC)
    assert (got.status_code, got.json()["error"]["code"]) == (503, "draining")
    assert got.headers["retry-after"]
    assert world.documents.rows == {}


def test_lists_go_page_by_page(client) -> None:
    ids = [client.post(DOCS, json={**DOC, "text": f"text {n}"}).json()["id"] for n in range(3)]
    client.post(DOCS, json={**DOC, "collection": "other"})
    first = client.get(DOCS, params={"limit": 2, "collection": "default"}).json()
    assert (first["object"], [d["id"] for d in first["data"]], first["has_more"]) == ("list", ids[:2], True)
    second = client.get(DOCS, params={"limit": 2, "collection": "default", "after": ids[1]}).json()
    assert ([d["id"] for d in second["data"]], second["has_more"]) == (ids[2:], False)


def test_show_has_the_text_and_the_passages(client) -> None:
    id = client.post(DOCS, json=DOC).json()["id"]
    got = client.get(f"{DOCS}/{id}").json()
    assert (got["text"], got["passages"], got["status"]) == (DOC["text"], 1, "queued")


@pytest.mark.parametrize(
    ("path", "status", "param"),
    [
        (f"{DOCS}/doc-0", 404, None),
        (f"{DOCS}?after=doc-0", 404, "after"),
        (f"{DOCS}?limit=0", 422, "limit"),
        (f"{DOCS}?limit=101", 422, "limit"),
        (f"{DOCS}?limit=x", 422, "limit"),
        (f"{DOCS}/%00", 400, None),
    ],
)
def test_what_cannot_be_read(client, path, status, param) -> None:
    got = client.get(path)
    assert (got.status_code, got.json()["error"]["param"]) == (status, param)
