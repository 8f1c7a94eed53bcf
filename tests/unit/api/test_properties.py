"""Whatever is sent: no 5xx, the shape of every error, nothing of our insides, and nothing left of what was refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from starlette.testclient import TestClient

from tests.unit.api.conftest import World
from tests.unit.api.test_bad_input import ASK, CHAT, DOC, DOCS, EMBEDDINGS, JSON, RESPONSES, RETRAIN, TASKS, TEXT
from tests.unit.api.test_tasks import TURN
from tests.unit.api.whole import check_refusal, client, rows, whole
from tests.unit.pipeline.conftest import Site
from tests.unit.store.conftest import migrated

__all__ = ["client", "migrated", "whole"]

# The same examples each time: what a machine finds that nobody touched would stop others.
quick = settings(
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
MORE = {"temperature": 0.5, "stop": ["a"], "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]}
VALID: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", CHAT, {**ASK, **MORE, "response_format": {"type": "json_schema", "json_schema": {"schema": {"a": "b"}}}}),
    ("POST", TEXT, {**ASK, "logprobs": 1, "prompt": [[1, 2], [3]]}),
    ("POST", RESPONSES, {**ASK, "input": [{"role": "user", "content": [{"type": "input_text", "text": "a"}]}]}),
    ("POST", EMBEDDINGS, {**ASK, "input": ["a", "b"]}),
    ("POST", DOCS, {**DOC, "probes": [{"question": "q", "answer": "a"}], "metadata": {"k": [1]}, "source": "a.md"}),
    ("POST", TASKS, {**TURN, "test": [{"input": [[1]]}], "kind": "grid", "collection": "default"}),
    ("POST", f"{TASKS}/turn/solve", {"inputs": [[[1]]]}),
    ("POST", RETRAIN, {"rounds": 1, "contexts": 4, "samples": 2}),
    ("POST", "/v1/policies/rollback", {"to": 0, "reason": "r", "subject": "passage"}),
    ("POST", "/v1/adapters/default/rollback", {"to": 1, "reason": "r"}),
    ("POST", "/v1/adapters/default/compact", {"reason": "r"}),
    ("POST", "/v1/feedback", {"request_id": "a", "rating": 1, "comment": "c"}),
    ("PUT", "/v1/collections/ops", {"approval": "manual", "guards": {"retention": {"mode": "warn"}}, "trust": {}}),
]

words = st.text(st.characters(), max_size=8)
plain = st.none() | st.booleans() | st.integers() | st.floats() | words
anything = st.recursive(plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3))


@st.composite
def around(draw: st.DrawFn, body: dict[str, Any]) -> dict[str, Any]:
    """`body`, with up to three of its parts replaced, taken out, or put beside others."""
    changed = copy.deepcopy(body)
    for _ in range(draw(st.integers(1, 3))):
        holder, key = draw(st.sampled_from([*_places(changed)] or [(changed, "more")]))
        what = draw(st.sampled_from(["replace", "replace", "remove", "add"]))
        if what == "replace":
            holder[key] = draw(anything)
        elif what == "remove" and key in _keys(holder):
            del holder[key]
        else:
            changed[draw(words)] = draw(anything)
    return changed


def _keys(value: Any) -> Any:
    return value.keys() if isinstance(value, dict) else range(len(value))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each container in `value` with each of its keys."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


def check(got: Any, before: dict[str, int], site: Site) -> None:
    assert got.status_code < 500, got.text
    assert got.headers["x-request-id"]
    if got.status_code >= 400:
        check_refusal(got, site)
        assert rows(site) == before


@pytest.mark.parametrize(("method", "path", "body"), VALID)
def test_bodies_around_valid_ones(
    whole: Site, client: TestClient, method: str, path: str, body: dict[str, Any]
) -> None:
    @given(around(body))
    @settings(quick, max_examples=40)
    def asked(body: dict[str, Any]) -> None:
        before = rows(whole)
        check(client.request(method, path, content=json.dumps(body).encode(), headers=JSON), before, whole)

    asked()


class _Answer:
    """Schemathesis' response as our checks read it."""

    def __init__(self, response: Any) -> None:
        self.status_code = response.status_code
        self.headers = {name.lower(): values[0] for name, values in response.headers.items()}
        self.text = response.content.decode()

    def json(self) -> Any:
        return json.loads(self.text)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_requests_by_our_openapi(world: World, whole: Site, mode: GenerationMode) -> None:
    found = schemathesis.openapi.from_asgi("/openapi.json", world.app, headers={"host": "127.0.0.1"})
    names = ("status_code_conformance", "content_type_conformance", "response_schema_conformance")
    honest = [getattr(schemathesis.checks, name) for name in names]
    seen = 0
    # A first key would shut all others out.
    for result in found.exclude(path="/v1/keys").get_all_operations():
        operation = result.ok()
        if mode is GenerationMode.NEGATIVE and not (operation.query or operation.body):
            continue  # Nothing of it can be wrong.

        @given(operation.as_strategy(generation_mode=mode))
        @settings(quick, max_examples=4)
        def asked(case: Any) -> None:
            before = rows(whole)
            response = case.call(headers={"host": "127.0.0.1"})
            check(_Answer(response), before, whole)
            case.validate_response(response, checks=honest)

        asked()
        seen += 1
    assert seen > 20
