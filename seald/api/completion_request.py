"""What is checked of a chat or completion request before the engine sees it.

Sampling fields are the engine's to judge. Ours are the shape, and the fields that reach past the model
that the client may use: into templates, caches, other adapters, code, or the network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from seald.api.errors import SchemaViolation
from seald.errors import InvalidRequest

REFUSED_FIELDS = frozenset(
    {
        "cache_salt",
        "chat_template",
        "chat_template_kwargs",
        "data_parallel_rank",
        "kv_transfer_params",
        "logits_processors",
        "lora_path",
        "lora_request",
        "media_io_kwargs",
        "mm_processor_kwargs",
        "priority",
        "prompt_embeds",
        "request_id",
        "vllm_xargs",
    }
)
"""Fields of vLLM's dialect that a client may not set."""

TEXT_PARTS = frozenset({"text", "refusal"})


@dataclass(frozen=True)
class CompletionRequest:
    """A request that may go to the engine. `body` is as the client sent it."""

    body: dict[str, Any]
    model: str
    stream: bool


def check_chat(body: dict[str, Any]) -> CompletionRequest:
    """Check the body of `POST /v1/chat/completions`. Raises InvalidRequest or SchemaViolation."""
    return _check(body, "messages", _check_messages)


def check_text(body: dict[str, Any]) -> CompletionRequest:
    """Check the body of `POST /v1/completions`. Raises InvalidRequest or SchemaViolation."""
    return _check(body, "prompt", _check_prompt)


def _check(body: dict[str, Any], field: str, check_field: Callable[[Any], None]) -> CompletionRequest:
    for name in ("model", field):
        if name not in body:
            raise SchemaViolation(f"{name} is missing", param=name, code="missing_field")
    model, stream = body["model"], body.get("stream")
    if not isinstance(model, str):
        raise _wrong_type("model", "a string, like 'seald'")
    if stream is not None and not isinstance(stream, bool):
        raise _wrong_type("stream", "true or false")
    for name in sorted(REFUSED_FIELDS & body.keys()):
        message = f"{name} cannot be set through this daemon; leave it out"
        raise InvalidRequest(message, param=name, code="unsupported_parameter")
    check_field(body[field])
    return CompletionRequest(body=body, model=model, stream=bool(stream))


def _check_messages(messages: Any) -> None:
    if not isinstance(messages, list):
        raise _wrong_type("messages", "a list of {role, content}")
    if not messages:
        raise SchemaViolation("messages is empty; send at least one", param="messages")
    for index, message in enumerate(messages):
        where = f"messages.{index}"
        if not isinstance(message, dict):
            raise _wrong_type(where, "an object {role, content}")
        if not isinstance(message.get("role"), str):
            raise _wrong_type(f"{where}.role", "a string, like 'user'")
        _check_content(message.get("content"), f"{where}.content")


def _check_content(content: Any, where: str) -> None:
    if content is None or isinstance(content, str):
        return
    if not isinstance(content, list):
        raise _wrong_type(where, "a string or a list of parts")
    for index, part in enumerate(content):
        if not isinstance(part, dict):
            raise _wrong_type(f"{where}.{index}", "an object {type, text}")
        # Other parts carry addresses that an engine would fetch.
        if part.get("type") not in TEXT_PARTS:
            message = f"{where}.{index} is not text; this daemon serves text only"
            raise InvalidRequest(message, param=f"{where}.{index}.type", code="unsupported_content")


def _check_prompt(prompt: Any) -> None:
    if not isinstance(prompt, str | list):
        raise _wrong_type("prompt", "a string, a list of strings, or token ids")
    if not prompt:
        raise SchemaViolation("prompt is empty; send some text", param="prompt")


def _wrong_type(param: str, wanted: str) -> SchemaViolation:
    return SchemaViolation(f"{param} must be {wanted}", param=param, code="invalid_type")
