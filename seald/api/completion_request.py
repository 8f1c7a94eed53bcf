"""What is checked of a chat, completion or embedding request before the engine sees it.

Ours are the shape, ranges that OpenAI's reference gives, how large a grammar may be, and the fields that reach past the
model that the client may use: into templates, caches, other adapters, code, or the network. The rest is the engine's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from seald.api.bodies import validate
from seald.api.errors import SchemaViolation
from seald.api.grammars import check_grammars
from seald.api.sampling import ChatSampling, Sampling, TextSampling
from seald.errors import InvalidRequest

REFUSED_FIELDS = frozenset(
    {
        "cache_salt",
        "chat_template",
        "chat_template_kwargs",
        "data_parallel_rank",
        "ec_transfer_params",
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

ROLES = frozenset({"assistant", "developer", "function", "system", "tool", "user"})
TEXT_PARTS = frozenset({"text", "refusal"})
PART_FIELDS = frozenset({"type", "text", "refusal", "annotations", "logprobs", "cache_control"})
"""Of a part of text. One that carries an address or an id besides is read as the media behind it."""
TEXT_OR_TOKENS = "a string, a list of strings, or token ids"
ENCODINGS = frozenset({"float", "base64"})


@dataclass(frozen=True)
class CompletionRequest:
    """A request that may go to the engine. `body` is as it goes there, but for the model's name."""

    body: dict[str, Any]
    model: str
    stream: bool


def check_chat(body: dict[str, Any]) -> CompletionRequest:
    """Check the body of `POST /v1/chat/completions`. Raises InvalidRequest or SchemaViolation."""
    return check_body(body, "messages", _check_messages, ChatSampling)


def check_text(body: dict[str, Any]) -> CompletionRequest:
    """Check the body of `POST /v1/completions`. Raises InvalidRequest or SchemaViolation."""
    return check_body(body, "prompt", _check_prompt, TextSampling)


def check_embeddings(body: dict[str, Any]) -> CompletionRequest:
    """Check the body of `POST /v1/embeddings`. Raises InvalidRequest or SchemaViolation."""
    if "messages" in body:
        raise unsupported("messages", "send text or token ids as input")
    if not one_of(body.get("encoding_format", "float"), ENCODINGS):
        raise SchemaViolation("encoding_format must be 'float' or 'base64'", param="encoding_format")
    return replace(check_body(body, "input", _check_input), stream=False)


def check_body(
    body: dict[str, Any], field: str, check_field: Callable[[Any], None], sampling: type[Sampling] | None = None
) -> CompletionRequest:
    """What all of them share: a model, the `field` that is answered, nothing that reaches inside, nothing too large."""
    for name in ("model", field):
        if name not in body:
            raise SchemaViolation(f"{name} is missing", param=name, code="missing_field")
    model, stream = body["model"], body.get("stream")
    if not isinstance(model, str):
        raise wrong_type("model", "a string, like 'seald'")
    if stream is not None and not isinstance(stream, bool):
        raise wrong_type("stream", "true or false")
    for name in sorted(REFUSED_FIELDS & body.keys()):
        raise unsupported(name, "leave it out")
    check_field(body[field])
    if sampling is not None:
        validate(sampling, body)
        check_grammars(body)
    return CompletionRequest(body=body, model=model, stream=bool(stream))


def _check_messages(messages: Any) -> None:
    if not isinstance(messages, list):
        raise wrong_type("messages", "a list of {role, content}")
    if not messages:
        raise SchemaViolation("messages is empty; send at least one", param="messages")
    for index, message in enumerate(messages):
        where = f"messages.{index}"
        if not isinstance(message, dict):
            raise wrong_type(where, "an object {role, content}")
        check_role(message.get("role"), f"{where}.role")
        check_content(message.get("content"), f"{where}.content", TEXT_PARTS)


def check_role(role: Any, where: str) -> None:
    """Raises SchemaViolation."""
    if not isinstance(role, str):
        raise wrong_type(where, "a string, like 'user'")
    if role not in ROLES:
        raise SchemaViolation(f"{where} must be one of {', '.join(sorted(ROLES))}", param=where)


def check_content(content: Any, where: str, kinds: frozenset[str]) -> None:
    """Text, or parts of these kinds that are nothing but text. Raises InvalidRequest or SchemaViolation."""
    if content is None or isinstance(content, str):
        return
    if not isinstance(content, list):
        raise wrong_type(where, "a string or a list of parts")
    for index, part in enumerate(content):
        if not isinstance(part, dict):
            raise wrong_type(f"{where}.{index}", "an object {type, text}")
        # Other parts carry addresses that an engine would fetch.
        if not one_of(part.get("type"), kinds) or not part.keys() <= PART_FIELDS:
            message = f"{where}.{index} is not text; this daemon serves text only"
            raise InvalidRequest(message, param=f"{where}.{index}.type", code="unsupported_content")


def check_some(value: Any, param: str, wanted: str) -> None:
    """A string or a list, and not an empty one. Raises SchemaViolation."""
    if not isinstance(value, str | list):
        raise wrong_type(param, wanted)
    if not value:
        raise SchemaViolation(f"{param} is empty; send some text", param=param)


def _check_prompt(prompt: Any) -> None:
    check_some(prompt, "prompt", TEXT_OR_TOKENS)


def _check_input(value: Any) -> None:
    check_some(value, "input", TEXT_OR_TOKENS)
    # Objects are messages, and may hold media.
    for index, each in enumerate(value if isinstance(value, list) else ()):
        if not isinstance(each, str | int) and not (isinstance(each, list) and all(isinstance(id, int) for id in each)):
            raise wrong_type(f"input.{index}", "a string or token ids")


def one_of(value: Any, known: frozenset[str]) -> bool:
    """Whether a value of the client's, of whatever type, is one of these words."""
    return isinstance(value, str) and value in known


def unsupported(param: str, instead: str) -> InvalidRequest:
    """The error for a field that may not be set."""
    return InvalidRequest(
        f"{param} cannot be set through this daemon; {instead}", param=param, code="unsupported_parameter"
    )


def wrong_type(param: str, wanted: str) -> SchemaViolation:
    """The error for a value of the wrong type."""
    return SchemaViolation(f"{param} must be {wanted}", param=param, code="invalid_type")
