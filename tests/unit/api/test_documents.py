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


def test_show_has_the_text_and_the_passages(client) -> None:
    id = client.post(DOCS, json=DOC).json()["id"]
    got = client.get(f"{DOCS}/{id}").json()
    assert (got["text"], got["passages"], got["status"]) == (DOC["text"], 1, "queued")
