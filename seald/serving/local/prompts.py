"""From a request's text or messages to token ids that fit the context."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jinja2 import TemplateError

from seald.errors import ContextTooLong, InvalidRequest
from seald.serving.local.model import LanguageModel
from seald.serving.local.protocol import ChatTurns


def text_tokens(model: LanguageModel, text: str, *, add_special_tokens: bool) -> list[int]:
    """Token ids of a text; special tokens written out in it count as such, as in vLLM."""
    ids: list[int] = model.tokenizer(text, add_special_tokens=add_special_tokens).input_ids
    return ids


def chat_tokens(model: LanguageModel, turns: ChatTurns) -> list[int]:
    """Token ids of a chat under the model's template. Raises InvalidRequest when the template refuses it."""
    try:
        text: str = model.tokenizer.apply_chat_template(
            [message.for_template() for message in turns.messages],
            tokenize=False,
            add_generation_prompt=turns.add_generation_prompt,
            continue_final_message=turns.continue_final_message,
            **(turns.chat_template_kwargs or {}),
        )
    except (TemplateError, ValueError, TypeError) as error:
        raise InvalidRequest(f"the model's chat template refuses these messages: {error}", param="messages") from error
    return text_tokens(model, text, add_special_tokens=turns.add_special_tokens)


def completion_tokens(model: LanguageModel, prompt: Any, *, add_special_tokens: bool) -> list[list[int]]:
    """Token ids of each prompt of a completion request, in any of the four forms that OpenAI allows."""
    if isinstance(prompt, str):
        prompts: list[Any] = [prompt]
    elif isinstance(prompt[0], int):
        prompts = [prompt]
    else:
        prompts = prompt
    return [
        text_tokens(model, p, add_special_tokens=add_special_tokens) if isinstance(p, str) else _known(model, p)
        for p in prompts
    ]


def room_for_answer(model: LanguageModel, prompts: Sequence[Sequence[int]], wanted: int | None) -> int:
    """How many tokens may be written: `wanted`, or what the longest prompt leaves.

    Raises:
        InvalidRequest: a prompt is empty.
        ContextTooLong: a prompt, or it and the answer, do not fit.
    """
    longest, limit = max(map(len, prompts)), model.max_model_len
    if not min(map(len, prompts)):
        raise InvalidRequest("The prompt cannot be empty: it has no tokens.", param="prompt")
    said = f"This model's maximum context length is {limit} tokens."
    if longest + (1 if wanted != 0 else 0) > limit:
        raise ContextTooLong(f"{said} However, your prompt has {longest} tokens. Shorten it.", param="prompt")
    if wanted is not None and longest + wanted > limit:
        raise ContextTooLong(
            f"{said} However, you requested {longest + wanted} tokens ({longest} in the prompt, {wanted} in the "
            "completion). Shorten the prompt or max_tokens.",
            param="max_tokens",
        )
    return limit - longest if wanted is None else wanted


def _known(model: LanguageModel, ids: list[int]) -> list[int]:
    strange = [token for token in ids if not 0 <= token < model.vocabulary]
    if strange:
        raise InvalidRequest(f"Token id {strange[0]} is out of vocabulary", param="prompt")
    return ids
