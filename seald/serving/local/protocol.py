"""The requests of vLLM's HTTP dialect that this engine answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, model_validator

from seald.errors import InvalidRequest
from seald.serving.local.grammar import Grammar
from seald.serving.local.sampling import Options
from seald.serving.local.structure import ResponseFormat, StructuredOutputs, Wanted

MAX_CHOICES = 128
MAX_LOGPROBS = 20

REFUSED: dict[str, tuple[Any, ...]] = {
    "audio": (),
    "best_of": (1,),
    "chat_template": (),
    "function_call": ("none",),
    "functions": ([],),
    "guided_choice": (),
    "guided_grammar": (),
    "guided_json": (),
    "guided_regex": (),
    "length_penalty": (1.0,),
    "logit_bias": ({},),
    "modalities": (["text"],),
    "prompt_embeds": (),
    "prompt_logprobs": (),
    "suffix": ("",),
    "tool_choice": ("none", "auto"),
    "tools": ([],),
    "truncate_prompt_tokens": (),
    "use_beam_search": (False,),
}
"""Fields that would change the answer and are not supported, with the values that change nothing."""


class Body(BaseModel):
    """Unknown fields are ignored, as vLLM does, save those that would change the answer."""

    model_config = ConfigDict(extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, data: Any) -> Any:
        for name, harmless in REFUSED.items():
            value = data.get(name) if isinstance(data, dict) and name not in cls.model_fields else None
            if value is not None and value not in harmless:
                raise InvalidRequest(
                    f"{name} is not supported by this engine; leave it out", param=name, code="unsupported_parameter"
                )
        return data


class StreamOptions(BaseModel):
    """`include_usage`: a last chunk with the token counts."""

    include_usage: StrictBool = False


class Generate(Body):
    """What chat and text completions have in common."""

    model: StrictStr | None = None
    stream: StrictBool = False
    stream_options: StreamOptions | None = None
    n: Annotated[StrictInt, Field(ge=1, le=MAX_CHOICES)] = 1
    temperature: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[StrictInt, Field(ge=-1)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    repetition_penalty: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    seed: Annotated[StrictInt, Field(ge=-(2**63), lt=2**63)] | None = None
    stop: StrictStr | Annotated[list[StrictStr], Field(max_length=4)] | None = None
    stop_token_ids: list[StrictInt] | None = None
    include_stop_str_in_output: StrictBool = False
    ignore_eos: StrictBool = False
    min_tokens: Annotated[StrictInt, Field(ge=0)] = 0
    skip_special_tokens: StrictBool = True
    response_format: ResponseFormat | None = None
    structured_outputs: StructuredOutputs | None = None

    @property
    def wanted(self) -> Wanted | None:
        """The grammar that answers are to follow; None: none. Raises InvalidRequest."""
        asked = [each for each in (self.response_format, self.structured_outputs) if each is not None]
        found = [wanted for each in asked if (wanted := each.wanted()) is not None]
        if len(found) > 1:
            raise InvalidRequest("response_format and structured_outputs: leave one out", param="structured_outputs")
        if found and (self.min_tokens or self.ignore_eos):
            param = "min_tokens" if self.min_tokens else "ignore_eos"
            raise InvalidRequest(f"{param} cannot be set where a grammar says where the answer ends", param=param)
        return found[0] if found else None

    def _options(self, defaults: dict[str, float], **own: Any) -> Options:
        stops = [self.stop] if isinstance(self.stop, str) else self.stop or []
        if "" in stops:
            raise InvalidRequest("stop cannot contain an empty string", param="stop")
        return Options(
            temperature=self._said("temperature", defaults, 1.0),
            top_p=self._said("top_p", defaults, 1.0),
            top_k=int(max(0, self._said("top_k", defaults, 0))),
            min_p=self._said("min_p", defaults, 0.0),
            repetition_penalty=self._said("repetition_penalty", defaults, 1.0),
            presence_penalty=self.presence_penalty or 0.0,
            frequency_penalty=self.frequency_penalty or 0.0,
            seed=self.seed,
            stop=tuple(stops),
            stop_tokens=frozenset(self.stop_token_ids or ()),
            keep_stop=self.include_stop_str_in_output,
            ignore_end=self.ignore_eos,
            min_tokens=self.min_tokens,
            show_special=not self.skip_special_tokens,
            **own,
        )

    def _said(self, name: str, defaults: dict[str, float], otherwise: float) -> float:
        value: float | None = getattr(self, name)
        return defaults.get(name, otherwise) if value is None else value


class TextPart(BaseModel):
    """A part of a message; other kinds than text are refused by its type."""

    type: Literal["text"]
    text: StrictStr


class Message(BaseModel):
    """One turn. Parts are joined by line breaks, as vLLM joins them for templates that take strings."""

    role: StrictStr
    content: StrictStr | list[TextPart] | None = None
    name: StrictStr | None = None

    def for_template(self) -> dict[str, str]:
        """As the chat template reads it."""
        text = self.content if isinstance(self.content, str) else "\n".join(part.text for part in self.content or ())
        return {"role": self.role, "content": text}


class ChatTurns(Body):
    """What makes a chat prompt."""

    messages: Annotated[list[Message], Field(min_length=1)]
    add_generation_prompt: StrictBool = True
    continue_final_message: StrictBool = False
    add_special_tokens: StrictBool = False
    chat_template_kwargs: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _one_ending(self) -> ChatTurns:
        if self.continue_final_message and self.add_generation_prompt:
            raise InvalidRequest(
                "continue_final_message needs add_generation_prompt to be false", param="continue_final_message"
            )
        return self


class ChatRequest(Generate, ChatTurns):
    """`POST /v1/chat/completions`."""

    max_tokens: Annotated[StrictInt, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[StrictInt, Field(ge=1)] | None = None
    logprobs: StrictBool | None = None
    top_logprobs: Annotated[StrictInt, Field(ge=0, le=MAX_LOGPROBS)] | None = None
    echo: StrictBool = False

    @property
    def limit(self) -> int | None:
        """The most tokens to write, if said."""
        return self.max_completion_tokens if self.max_completion_tokens is not None else self.max_tokens

    def options(self, defaults: dict[str, float], max_tokens: int, grammar: Grammar | None) -> Options:
        """Raises InvalidRequest."""
        if self.echo:
            raise InvalidRequest("echo is only for /v1/completions", param="echo")
        if self.top_logprobs and not self.logprobs:
            raise InvalidRequest("top_logprobs needs logprobs to be true", param="top_logprobs")
        return self._options(
            defaults,
            max_tokens=max_tokens,
            grammar=grammar,
            logprobs=(self.top_logprobs or 0) if self.logprobs else None,
        )


TokenIds = Annotated[list[StrictInt], Field(min_length=1)]


class CompletionRequest(Generate):
    """`POST /v1/completions`. `max_tokens=0` with `echo` scores the prompt and writes nothing."""

    prompt: (
        StrictStr
        | TokenIds
        | Annotated[list[StrictStr], Field(min_length=1)]
        | Annotated[list[TokenIds], Field(min_length=1)]
    )
    max_tokens: Annotated[StrictInt, Field(ge=0)] | None = 16
    logprobs: Annotated[StrictInt, Field(ge=0, le=MAX_LOGPROBS)] | None = None
    echo: StrictBool = False
    add_special_tokens: StrictBool = True

    @property
    def limit(self) -> int:
        """The most tokens to write."""
        return 16 if self.max_tokens is None else self.max_tokens

    def options(self, defaults: dict[str, float], max_tokens: int, grammar: Grammar | None) -> Options:
        """Raises InvalidRequest."""
        if not self.limit and not self.echo:
            raise InvalidRequest("max_tokens must be at least 1, got 0 (0 is for echo only)", param="max_tokens")
        prompt_logprobs = self.logprobs if self.echo else None
        return self._options(
            defaults,
            max_tokens=max_tokens,
            grammar=grammar,
            logprobs=self.logprobs,
            prompt_logprobs=prompt_logprobs,
        )


class TokenizeText(Body):
    """`POST /tokenize` of a text."""

    model: StrictStr | None = None
    prompt: StrictStr
    add_special_tokens: StrictBool = True


class TokenizeChat(ChatTurns):
    """`POST /tokenize` of a chat."""

    model: StrictStr | None = None


class Detokenize(Body):
    """`POST /detokenize`."""

    model: StrictStr | None = None
    tokens: list[StrictInt]


class LoadAdapter(Body):
    """`POST /v1/load_lora_adapter`."""

    lora_name: Annotated[StrictStr, Field(min_length=1)]
    lora_path: Annotated[StrictStr, Field(min_length=1)]
    load_inplace: StrictBool = False


class UnloadAdapter(Body):
    """`POST /v1/unload_lora_adapter`."""

    lora_name: Annotated[StrictStr, Field(min_length=1)]
