"""The engine's answers, made ours: the model that was asked for, and the version that answered."""

from __future__ import annotations

import json
import re
from typing import Any

from seald.api.refusal import refusal
from seald.errors import EngineError, SealdError
from seald.ports import Route

CHUNK_HEAD = re.compile(
    rb'\{(?:"(?:id|object|created)": ?(?:"[^"\\]*"|[0-9]+), ?)*(?P<model>"model": ?"[^"\\]*", ?)(?=")'
)
"""How a chunk of a stream begins: flat members, then the engine's name of the model, then more."""
RESPONSE_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed"})


def parsed(text: bytes, route: Route, path: str) -> dict[str, Any]:
    """One JSON object of the engine. Raises EngineRefused when it is an error, EngineError when it is no object."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise EngineError("the engine sent something that is not a JSON object; see its log")
    error = value.get("error")
    if error:
        status = error.get("code") if isinstance(error, dict) else None
        raise refusal(status if isinstance(status, int) else 500, text, route, path)
    return value


def stamped(answer: dict[str, Any], route: Route) -> dict[str, Any]:
    """`answer` under the model id that the client asked for, and with the version that gave it."""
    return {**answer, "model": route.model, "system_fingerprint": route.label}


def written(value: dict[str, Any]) -> bytes:
    """One line of JSON. ASCII only: clients that split lines by Unicode's rules would cut an event at U+2028."""
    return json.dumps(value, separators=(",", ":")).encode("ascii")


class StampedStream:
    """One stream of server-sent events, stamped. This one is of chats and text completions."""

    def __init__(self, route: Route, path: str) -> None:
        self._route = route
        self._path = path
        self._stamp = written({"model": route.model, "system_fingerprint": route.label})[1:-1] + b","
        self._rest = b""
        self._name = b""
        self.ended = False
        """Whether nothing more is to come: the engine said so, or `error`."""
        self.error: SealdError | None = None
        """What the engine sent in the place of an event: an error, or no JSON."""

    def take(self, part: bytes) -> bytes:
        """The events that end with this part of the engine's body, stamped."""
        # Not `splitlines`: only this one ends a line of an event.
        *lines, self._rest = (self._rest + part).split(b"\n")
        events: list[bytes] = []
        for line in lines:
            try:
                events.append(self._event_of(line))
            except SealdError as error:
                self.error, self.ended = error, True
            if self.ended:
                break
        return b"".join(events)

    def _event_of(self, line: bytes) -> bytes:
        if not line.startswith(b"data:"):
            if line.startswith(b"event:"):
                self._name = b"event: %s\n" % line[6:].strip()
            return b""
        data, name, self._name = line[5:].strip(), self._name, b""
        if data == b"[DONE]":
            self.ended = True
            return b"data: [DONE]\n\n"
        return b"%sdata: %s\n\n" % (name, self.event(data))

    def event(self, data: bytes) -> bytes:
        """One event's data, stamped: by its bytes where they say clearly what they are, else parsed."""
        head = CHUNK_HEAD.match(data)
        if head is None or not _says_no_more(data, head.end(), b'"model"', b'"system_fingerprint"'):
            return written(stamped(parsed(data, self._route, self._path), self._route))
        return data[: head.start("model")] + self._stamp + data[head.end() :]

    def failure(self, body: dict[str, Any]) -> bytes:
        """The last event of a stream that breaks."""
        return b"data: %s\n\n" % written(body)


class StampedResponse(StampedStream):
    """A stream of `/v1/responses`: named events, the answer's own fields inside those that hold all of it."""

    def event(self, data: bytes) -> bytes:
        """One event's data; most hold a piece of text and nothing to stamp."""
        if data.startswith(b"{") and _says_no_more(data, 0, b'"response"'):
            return data
        value = parsed(data, self._route, self._path)
        answer = value.get("response")
        if isinstance(answer, dict):
            value = {**value, "response": stamped(answer, self._route)}
        self.ended = value.get("type") in RESPONSE_ENDS
        return written(value)

    def failure(self, body: dict[str, Any]) -> bytes:
        """The last event of a stream that breaks."""
        error = body["error"]
        said = {"type": "error", **{name: error[name] for name in ("code", "message", "param")}, "error": error}
        return b"event: error\ndata: %s\n\n" % written(said)


def _says_no_more(data: bytes, start: int, *keys: bytes) -> bool:
    """Whether an object, from `start` on, surely has none of `keys` and no error, and needs no rewriting.

    A key could also be written with escapes, and text could hold what some clients take for the end of a line:
    neither passes. Inside a string a quote has a backslash before it, so no text can look like a key.
    """
    if not data.endswith(b"}") or b'"error"' in data or b"\\u" in data or any(data.find(k, start) >= 0 for k in keys):
        return False
    return data.isascii() or not any(mark in data for mark in (b"\xe2\x80\xa8", b"\xe2\x80\xa9", b"\xc2\x85"))
