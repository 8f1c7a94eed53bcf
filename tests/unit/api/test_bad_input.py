"""What clients send that is wrong: status, code and param of each kind, and that nothing is left of it."""

from __future__ import annotations

import io
from typing import Any

import pytest
from pypdf import PdfWriter
from starlette.testclient import TestClient

from tests.unit.api.conftest import World
from tests.unit.api.whole import check_refusal, client, rows, whole
from tests.unit.pipeline.conftest import Site
from tests.unit.store.conftest import migrated

__all__ = ["client", "migrated", "whole"]

CHAT, TEXT, RESPONSES, EMBEDDINGS = "/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/embeddings"
DOCS, TASKS, RETRAIN = "/v1/documents", "/v1/tasks", "/v1/policies/retrain"
JSON_ROUTES = (CHAT, TEXT, RESPONSES, EMBEDDINGS, DOCS, TASKS, RETRAIN, "/v1/adapters/default/rollback")
ASK: dict[str, Any] = {
    "model": "seald",
    "messages": [{"role": "user", "content": "hello"}],
    "prompt": "hi",
    "input": "hi",
}
DOC: dict[str, Any] = {"title": "The pump", "text": "It holds 40 litres."}
JSON = {"content-type": "application/json"}
FORM = {"content-type": "multipart/form-data; boundary=b"}

Asked = tuple[str, str, dict[str, Any]]


def without(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not ...}


def chat(**change: Any) -> Asked:
    return "POST", CHAT, {"json": without({**ASK, **change})}


def text(**change: Any) -> Asked:
    return "POST", TEXT, {"json": without({**ASK, **change})}


def response(**change: Any) -> Asked:
    return "POST", RESPONSES, {"json": {**ASK, **change}}


def say(**change: Any) -> Asked:
    return chat(messages=[without({"role": "user", "content": "hello", **change})])


def schema(**schema: Any) -> Asked:
    return chat(response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": schema}})


def doc(**change: Any) -> Asked:
    return "POST", DOCS, {"json": without({**DOC, **change})}


def file(name: str, content: bytes, **fields: Any) -> Asked:
    return "POST", DOCS, {"files": {"file": (name, content)}, "data": fields}


def part(field: str, value: bytes, kind: str = FORM["content-type"]) -> Asked:
    """A form by hand: a file, and one field."""
    head = b'--b\r\nContent-Disposition: form-data; name="'
    body = (
        head + b'file"; filename="a.txt"\r\n\r\nx\r\n' + head + field.encode() + b'"\r\n\r\n' + value + b"\r\n--b--\r\n"
    )
    return "POST", DOCS, {"content": body, "headers": {"content-type": kind}}


def raw(kind: str) -> Asked:
    return "POST", DOCS, {"content": b"x", "headers": {"content-type": kind}}


def once(key: str) -> Asked:
    return "POST", DOCS, {"json": DOC, "headers": {"Idempotency-Key": key}}


def get(path: str) -> Asked:
    return "GET", path, {}


def encrypted() -> bytes:
    writer, out = PdfWriter(), io.BytesIO()
    writer.add_blank_page(100, 100)
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(out)
    return out.getvalue()


def nested(depth: int) -> dict[str, Any]:
    return {"properties": {"a": nested(depth - 1)}} if depth else {"type": "string"}


def lists(depth: int, most: int) -> dict[str, Any]:
    return {"maxItems": most, "items": lists(depth - 1, most)} if depth else {"type": "string"}


SCHEMA = "response_format.json_schema.schema"
IMAGE = [{"type": "image_url", "image_url": {"url": "http://10.0.0.1"}}]
LATENT_IMAGE = [{"type": "text", "text": "", "uuid": "1", "image_url": "http://10.0.0.1"}]
FILE = [{"type": "input_file", "file_url": "file:///etc/passwd"}]
REPEATS = "(a{1,100}){1,100}"

TABLE: list[tuple[Asked, int, str, str | None]] = [
    # the model
    (chat(model=...), 422, "missing_field", "model"),
    (chat(model=None), 422, "invalid_type", "model"),
    (chat(model="gpt-4"), 404, "model_not_found", "model"),
    (chat(model="seald:default@3 OR 1=1"), 404, "model_not_found", "model"),
    # messages and prompts
    (chat(messages=...), 422, "missing_field", "messages"),
    (chat(messages=[]), 422, "invalid_value", "messages"),
    (chat(messages="hi"), 422, "invalid_type", "messages"),
    (chat(messages=["hi"]), 422, "invalid_type", "messages.0"),
    (say(role=...), 422, "invalid_type", "messages.0.role"),
    (say(role="wizard"), 422, "invalid_value", "messages.0.role"),
    (say(role="user\n"), 422, "invalid_value", "messages.0.role"),
    (say(content=3), 422, "invalid_type", "messages.0.content"),
    (say(content=["x"]), 422, "invalid_type", "messages.0.content.0"),
    (say(content=IMAGE), 400, "unsupported_content", "messages.0.content.0.type"),
    (say(content=LATENT_IMAGE), 400, "unsupported_content", "messages.0.content.0.type"),
    (say(content=FILE), 400, "unsupported_content", "messages.0.content.0.type"),
    (say(content=[{"type": []}]), 400, "unsupported_content", "messages.0.content.0.type"),
    (text(prompt=...), 422, "missing_field", "prompt"),
    (text(prompt=""), 422, "invalid_value", "prompt"),
    (text(prompt=3), 422, "invalid_type", "prompt"),
    (chat(stream="yes"), 422, "invalid_type", "stream"),
    # ranges
    (chat(temperature=3), 422, "invalid_value", "temperature"),
    (chat(temperature=-0.1), 422, "invalid_value", "temperature"),
    (chat(temperature="hot"), 422, "invalid_type", "temperature"),
    (chat(temperature=True), 422, "invalid_type", "temperature"),
    (chat(top_p=2), 422, "invalid_value", "top_p"),
    (text(top_p=0), 422, "invalid_value", "top_p"),
    (chat(n=0), 422, "invalid_value", "n"),
    (chat(n=129), 422, "invalid_value", "n"),
    (chat(n=1.5), 422, "invalid_type", "n"),
    (chat(max_tokens=0), 422, "invalid_value", "max_tokens"),
    (chat(max_completion_tokens=-1), 422, "invalid_value", "max_completion_tokens"),
    (text(max_tokens=-1), 422, "invalid_value", "max_tokens"),
    (text(max_tokens="16"), 422, "invalid_type", "max_tokens"),
    (chat(max_tokens=10**30), 400, "malformed_json", None),
    (chat(logprobs=5), 422, "invalid_type", "logprobs"),
    (chat(logprobs=True, top_logprobs=21), 422, "invalid_value", "top_logprobs"),
    (text(logprobs=21), 422, "invalid_value", "logprobs"),
    (text(logprobs=-1), 422, "invalid_value", "logprobs"),
    (chat(presence_penalty=2.5), 422, "invalid_value", "presence_penalty"),
    (chat(seed=2**63), 400, "malformed_json", None),
    (chat(seed=1.5), 422, "invalid_type", "seed"),
    (chat(stop=["a"] * 5), 422, "invalid_value", "stop"),
    (chat(stop=""), 422, "invalid_value", "stop.0"),
    (chat(stop=["a", "b" * 1001]), 422, "invalid_value", "stop.1"),
    (chat(stop=3), 422, "invalid_type", "stop"),
    (response(max_output_tokens=0), 422, "invalid_value", "max_output_tokens"),
    (response(input=[{"role": "root", "content": "a"}]), 422, "invalid_value", "input.0.role"),
    # what reaches past the model
    (chat(lora_path="/etc"), 400, "unsupported_parameter", "lora_path"),
    (chat(chat_template="{{ x }}"), 400, "unsupported_parameter", "chat_template"),
    (chat(cache_salt="a"), 400, "unsupported_parameter", "cache_salt"),
    (chat(logits_processors=["os.system"]), 400, "unsupported_parameter", "logits_processors"),
    (chat(ec_transfer_params={}), 400, "unsupported_parameter", "ec_transfer_params"),
    (text(prompt_embeds="AAAA"), 400, "unsupported_parameter", "prompt_embeds"),
    # what an engine would compile for a long time, or fetch
    (schema(pattern="^(a+)+$"), 422, "schema_too_complex", f"{SCHEMA}.pattern"),
    (schema(pattern=REPEATS), 422, "schema_too_complex", f"{SCHEMA}.pattern"),
    (schema(pattern="(a{,100}){,100}"), 422, "schema_too_complex", f"{SCHEMA}.pattern"),
    (schema(pattern="((a+))+"), 422, "schema_too_complex", f"{SCHEMA}.pattern"),
    (schema(pattern="((a+)b?)+"), 422, "schema_too_complex", f"{SCHEMA}.pattern"),
    (schema(**lists(2, 101)), 422, "schema_too_complex", f"{SCHEMA}.items"),
    (schema(**lists(8, 10_000)), 422, "schema_too_complex", f"{SCHEMA}.items"),
    (schema(pattern="a" * 257), 422, "schema_too_complex", f"{SCHEMA}.pattern"),
    (schema(patternProperties={REPEATS: {}}), 422, "schema_too_complex", f"{SCHEMA}.patternProperties"),
    (schema(maxLength=10**9), 422, "schema_too_complex", f"{SCHEMA}.maxLength"),
    (schema(**nested(40)), 422, "schema_too_complex", "response_format"),
    (schema(enum=["a"] * 20_000), 422, "schema_too_complex", "response_format"),
    (schema(**{"$ref": "http://10.0.0.1/a"}), 400, "unsupported_parameter", f"{SCHEMA}.$ref"),
    (chat(guided_regex=REPEATS), 422, "schema_too_complex", "guided_regex"),
    (text(structured_outputs={"regex": REPEATS}), 422, "schema_too_complex", "structured_outputs.regex"),
    (chat(structured_outputs={"grammar": "root ::= root"}), 400, "unsupported_parameter", "structured_outputs.grammar"),
    (chat(structured_outputs={"json": "{}"}), 400, "unsupported_parameter", "structured_outputs.json"),
    # documents
    (doc(title=...), 422, "missing_field", "title"),
    (doc(title=3), 422, "invalid_type", "title"),
    (doc(title="  "), 422, "invalid_value", "title"),
    (doc(title="x" * 201), 400, "invalid_request", "title"),
    (doc(text=...), 422, "missing_field", "text"),
    (doc(text=["x"]), 422, "invalid_type", "text"),
    (doc(text=" \n"), 422, "unreadable_document", "text"),
    (doc(text="word " * 5000), 413, "too_large", "text"),
    (doc(txet="x"), 422, "unknown_field", "txet"),
    (doc(collection="../etc"), 400, "invalid_request", "collection"),
    (doc(collection=3), 422, "invalid_type", "collection"),
    (doc(supersedes="doc-0"), 404, "not_found", "supersedes"),
    (doc(probes={"question": "q"}), 422, "invalid_type", "probes"),
    (doc(probes=[{"question": "q"}]), 422, "missing_field", "probes.0.answer"),
    (doc(probes=[{"question": "q", "answer": ""}]), 422, "invalid_value", "probes.0.answer"),
    (doc(probes=[{"question": "q", "answer": "a"}] * 3), 400, "invalid_request", "probes"),
    (doc(metadata=[]), 422, "invalid_type", "metadata"),
    (doc(metadata={"k": "v" * 20_000}), 400, "invalid_request", "metadata"),
    # files
    (("POST", DOCS, {"data": {"title": "x"}}), 415, "unsupported_media_type", None),
    (raw("multipart/form-data"), 400, "invalid_request", None),
    (raw(FORM["content-type"]), 400, "invalid_request", None),
    (("POST", DOCS, {"files": [("file", ("a.txt", b"x")), ("file", ("b.txt", b"x"))]}), 400, "invalid_request", None),
    (("POST", DOCS, {"files": {"other": ("a.txt", b"x")}}), 422, "missing_field", "file"),
    (file("", b"x"), 422, "missing_field", "file"),
    (file("../a.txt", b"x"), 400, "invalid_file_name", "file"),
    (file("up\\a.txt", b"x"), 400, "invalid_file_name", "file"),
    (file("a.exe", b"MZ"), 415, "unsupported_document", "file"),
    (file("a.txt", b" \n"), 422, "unreadable_document", "file"),
    (file("a.pdf", b"\x89PNG\r\n\x1a\n"), 422, "unreadable_document", "file"),
    (file("a.pdf", encrypted()), 422, "unreadable_document", "file"),
    (file("a.txt", b"x" * 50_001), 413, "too_large", "file"),
    (file("a.txt", b"x", titel="x"), 422, "unknown_field", "titel"),
    (file("a.txt", b"x", text="x"), 422, "unknown_field", "text"),
    (file("a.txt", b"x", probes="{"), 400, "malformed_json", "probes"),
    (file("a.txt", b"x", probes="{}"), 422, "invalid_type", "probes"),
    (file("a.txt", b"x", title=["a", "b"]), 422, "invalid_value", "title"),
    (part("supersedes", b"a\0b"), 400, "invalid_text", "supersedes"),
    (part("title", b"+2AA-", f"{FORM['content-type']}; charset=utf-7"), 400, "invalid_text", "title"),
    (part("title", b"x", f"{FORM['content-type']}; charset=punycode"), 400, "invalid_text", None),
    # other things
    (
        ("PUT", "/v1/collections/ops", {"json": {"guards": {"general": {"file": "/etc/passwd"}}}}),
        422,
        "invalid_value",
        "guards.general.file",
    ),
    (("PUT", "/v1/collections/..%2f..%2fetc", {"json": {}}), 404, "not_found", None),
    (("PUT", "/v1/collections/Ops", {"json": {}}), 400, "invalid_request", "collection"),
    (("POST", "/v1/feedback", {"json": {"request_id": "nobodys", "rating": 1}}), 404, "unknown_request", "request_id"),
    (once("a b"), 400, "invalid_idempotency_key", "Idempotency-Key"),
    (once(""), 400, "invalid_idempotency_key", "Idempotency-Key"),
    (once("a" * 256), 400, "invalid_idempotency_key", "Idempotency-Key"),
    # pages
    (get(f"{DOCS}?limit=0"), 422, "invalid_value", "limit"),
    (get(f"{DOCS}?limit=101"), 422, "invalid_value", "limit"),
    (get(f"{DOCS}?limit=x"), 422, "invalid_value", "limit"),
    (get(f"{DOCS}?after=doc-0"), 404, "not_found", "after"),
    (get(f"{DOCS}?after={'x' * 201}"), 422, "invalid_value", "after"),
    (get("/v1/feedback?after=2147483648"), 422, "invalid_value", "after"),
    (get("/v1/adaptations?status=asleep"), 422, "invalid_value", "status"),
    # routes, verbs, addresses
    (get("/v1/nowhere"), 404, "not_found", None),
    (get(f"{DOCS}/"), 404, "not_found", None),
    (get(f"{DOCS}/doc-0"), 404, "not_found", "id"),
    (get(f"{DOCS}/%00"), 400, "invalid_request", None),
    (get("/v1/adapters/default/99999999999999999999"), 404, "not_found", "version"),
    (get("/docs"), 404, "not_found", None),
    (get(CHAT), 405, "method_not_allowed", None),
    (("OPTIONS", CHAT, {}), 405, "method_not_allowed", None),
    (("DELETE", "/v1/adapters", {}), 405, "method_not_allowed", None),
    (("BREW", DOCS, {}), 405, "method_not_allowed", None),
]


def test_each_kind_has_its_status_code_and_param_and_leaves_nothing(
    world: World, whole: Site, client: TestClient
) -> None:
    before = rows(whole)
    wrong = []
    for (method, path, more), status, code, param in TABLE:
        got = client.request(method, path, **more)
        error = got.json()["error"]
        if (got.status_code, error["code"], error["param"]) != (status, code, param):
            wrong.append((method, path, more, got.status_code, error))
        check_refusal(got, whole)
        assert ("allow" in got.headers) == (got.status_code == 405)
    assert wrong == []
    assert rows(whole) == before
    assert (world.gateway.forwarded, world.woken) == ([], 0)


def test_a_wrong_verb_is_told_all_that_the_path_takes(client: TestClient) -> None:
    assert client.request("DELETE", DOCS).headers["allow"] == "GET, POST"
    assert client.request("BREW", f"{DOCS}/doc-0").headers["allow"] == "DELETE, GET"
    assert client.get(CHAT).headers["allow"] == "POST"


BODIES: list[tuple[bytes, int, str]] = [
    (b"{", 400, "malformed_json"),
    (b"\xff\xfe", 400, "malformed_json"),
    (b"\xef\xbb\xbf{}", 400, "malformed_json"),
    (b'{"a": NaN}', 400, "malformed_json"),
    (b'{"a": -Infinity}', 400, "malformed_json"),
    (b'{"a": 1e999}', 400, "malformed_json"),
    (b'{"a": 9223372036854775808}', 400, "malformed_json"),
    (b'{"a": ' + b"9" * 5000 + b"}", 400, "malformed_json"),
    (b'{"a": "\\ud800"}', 400, "malformed_json"),
    (b'{"a\\u0000": 1}', 400, "malformed_json"),
    (b"{'a': 1}", 400, "malformed_json"),
    (b'{"a": 1,}', 400, "malformed_json"),
    (b"[" * 10_000 + b"]" * 10_000, 400, "malformed_json"),
    (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 400, "malformed_json"),
    (b'["a"]', 422, "invalid_type"),
    (b"null", 422, "invalid_type"),
    (b"1", 422, "invalid_type"),
]


@pytest.mark.parametrize("path", JSON_ROUTES)
def test_what_is_no_json_object_is_refused_on_every_route(whole: Site, client: TestClient, path: str) -> None:
    before = rows(whole)
    for body, status, code in BODIES:
        got = client.post(path, content=body, headers=JSON)
        check_refusal(got, whole)
        assert (got.status_code, got.json()["error"]["code"]) == (status, code), body[:40]
    got = client.post(path, content=b"{}", headers={"content-type": "text/plain"})
    assert (got.status_code, got.json()["error"]["code"]) == (415, "unsupported_media_type")
    assert rows(whole) == before


def test_of_members_of_one_name_the_last_counts_for_us_and_for_the_engine(world: World, client: TestClient) -> None:
    body = b'{"model": "gpt-4", "n": 0, "model": "base", "n": 1, "prompt": "a"}'
    assert client.post(TEXT, content=body, headers=JSON).status_code == 200
    assert world.gateway.forwarded == [("base", TEXT, {"model": "base", "n": 1, "prompt": "a"})]


def test_what_is_in_bounds_reaches_the_engine_as_it_came(world: World, client: TestClient) -> None:
    bounds = {"temperature": 2, "top_p": 1, "n": 128, "seed": -(2**63), "stop": ["a"] * 4, "top_logprobs": None}
    phone = {"type": "string", "pattern": r"^(\d{3}-){2}\d{4}$"}
    card = {"type": "object", "properties": {"pattern": phone, "maxItems": lists(2, 100), "more": lists(1, 10_000)}}
    formats = {"response_format": {"type": "json_schema", "json_schema": {"name": "card", "schema": card}}}
    tools = {"tools": [{"type": "function", "function": {"name": "f", "parameters": {**card, "$ref": "#/$defs/a"}}}]}
    body = {"model": "seald", "messages": [{"role": "developer", "content": "hi"}], **bounds, **formats, **tools}
    assert client.post(CHAT, json=body).status_code == 200
    assert world.gateway.forwarded == [("seald-0123456789ab", CHAT, body)]
