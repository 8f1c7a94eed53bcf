"""Traces go to whoever OTEL_EXPORTER_OTLP_ENDPOINT names, and to nobody where it names none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import ClassVar

import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.testclient import TestClient

from seald.api.app import create_app
from seald.api.telemetry import telemetry
from tests.small_server import answering

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Collector(BaseHTTPRequestHandler):
    """Keeps what is sent."""

    spans: ClassVar[list[Span]] = []
    paths: ClassVar[set[str]] = set()

    def do_POST(self) -> None:
        sent = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"])))
        self.paths.add(self.path)
        self.spans.extend(s for r in sent.resource_spans for scope in r.scope_spans for s in scope.spans)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[str]:
    with answering(Collector) as address:
        yield address


def attributes(span: Span) -> dict[str, str]:
    return {pair.key: pair.value.string_value for pair in span.attributes}


def test_a_request_is_a_span_of_its_callers_trace(world, collector, monkeypatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    app = create_app(world.app.state.services)
    world.gateway.script.body = json.dumps({"choices": []}).encode()
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "x-request-id": "mine-1", "authorization": "Bearer tuna"}
    with TestClient(app, base_url="http://127.0.0.1") as client:
        client.get("/livez")
        client.post("/v1/completions", json={"model": "seald", "prompt": "swordfish"}, headers=headers)
        client.get("/v1/documents/none")
    assert Collector.paths == {"/v1/traces"}
    chat, shown = Collector.spans
    assert (chat.name, shown.name) == ("POST /v1/completions", "GET /v1/documents/{id}")
    assert (chat.trace_id.hex(), chat.parent_span_id.hex()) == (TRACE, PARENT)
    said = attributes(chat)
    assert (said["seald.request_id"], said["seald.adapter"]) == ("mine-1", "default@3")
    assert "swordfish" not in str(chat)
    assert "tuna" not in str(chat)


def test_nothing_is_sent_where_nobody_is_named(world, monkeypatch) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    made = telemetry()
    assert not [key for key in ("tracing", "metrics", "logs", "auto_configure") if made[key]]
    seen: list[bool] = []
    world.documents.get = lambda _: seen.append(trace.get_current_span().is_recording())
    with TestClient(create_app(world.app.state.services), base_url="http://127.0.0.1") as client:
        client.get("/v1/documents/none")
    assert seen == [False]


def test_without_the_extra_it_is_said_and_off(monkeypatch, capsys) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert telemetry()["tracing"] is False
    assert "seald[otel]" in capsys.readouterr().out
