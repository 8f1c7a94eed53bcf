"""What is checked of a request for a response (`/v1/responses`) before the engine sees it.

The daemon keeps no conversations and runs no tools: what would make the engine do either is refused, and so is every
kind of item that it does not know to be text, since others carry addresses or name what a server keeps.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from seald.api.completion_request import (
    CompletionRequest,
    check_body,
    check_content,
    check_role,
    check_some,
    one_of,
    unsupported,
    wrong_type,
)
from seald.api.sampling import ResponseSampling
from seald.errors import InvalidRequest

STATE_FIELDS = {
    "background": "wait for the answer, or stream it",
    "conversation": "send the whole conversation as input",
    "previous_input_messages": "send the whole conversation as input",
    "previous_response_id": "send the whole conversation as input",
    "store": "nothing is stored; send false or leave it out",
}
"""What would make the engine keep something or take up what it kept, and what to do instead."""
CLIENT_TOOLS = frozenset({"function", "custom"})
"""Tools that the client runs."""
ITEMS = frozenset(
    {"message", "reasoning", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output"}
)
PARTS = frozenset({"text", "input_text", "output_text", "refusal", "reasoning_text", "summary_text"})


def check_response(body: dict[str, Any]) -> CompletionRequest:
    """Check the body of `POST /v1/responses`. Raises InvalidRequest or SchemaViolation."""
    request = check_body(body, "input", _check_input, ResponseSampling)
    for name, instead in STATE_FIELDS.items():
        if body.get(name) not in (None, False):
            raise unsupported(name, instead)
    if not isinstance(body.get("instructions"), str | None):
        raise wrong_type("instructions", "a string")
    _check_tools(body.get("tools"))
    # An engine that can store does so by itself where it is not told.
    return replace(request, body={**body, "store": False})


def _check_tools(tools: Any) -> None:
    if not isinstance(tools, list | None):
        raise wrong_type("tools", "a list of tools")
    for index, tool in enumerate(tools or ()):
        kind = tool.get("type") if isinstance(tool, dict) else None
        if not one_of(kind, CLIENT_TOOLS):
            message = f"tools.{index} would be run by the server, and this one runs none; send functions"
            raise InvalidRequest(message, param=f"tools.{index}.type", code="unsupported_tool")


def _check_input(items: Any) -> None:
    check_some(items, "input", "a string or a list of items")
    for index, item in enumerate(items if isinstance(items, list) else ()):
        where = f"input.{index}"
        if not isinstance(item, dict):
            raise wrong_type(where, "an object, like {role, content}")
        if not one_of(item.get("type", "message"), ITEMS):
            message = f"{where} is neither a message nor a function's call or output; leave it out"
            raise InvalidRequest(message, param=f"{where}.type", code="unsupported_content")
        if "role" in item:
            check_role(item["role"], f"{where}.role")
        for field in ("content", "output", "summary"):
            check_content(item.get(field), f"{where}.{field}", PARTS)
