"""Which form an answer is to have: OpenAI's `response_format`, and vLLM's `structured_outputs` beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from llguidance import LLMatcher, grammar_from
from pydantic import BaseModel, ConfigDict, Field, StrictStr, model_validator

Schema = dict[str, Any]
AS_JSON_DUMPS: Any = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
"""One way to set spaces: free to add some, a small model adds nothing else."""


@dataclass(frozen=True)
class Wanted:
    """A grammar in llguidance's own words, and the field that asked for it."""

    param: str
    source: str


class NamedSchema(BaseModel):
    """OpenAI's `json_schema`; `strict` or not, nothing but the schema is written."""

    name: StrictStr | None = None
    json_schema: Schema = Field(alias="schema")


class ResponseFormat(BaseModel):
    """OpenAI's."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: NamedSchema | None = None

    @model_validator(mode="after")
    def _has_schema(self) -> ResponseFormat:
        if self.type == "json_schema" and self.json_schema is None:
            raise ValueError("json_schema is missing")
        return self

    def wanted(self) -> Wanted | None:
        """None: free text."""
        if self.type == "text":
            return None
        schema: Schema = {"type": "object"} if self.json_schema is None else self.json_schema.json_schema
        return Wanted("response_format", _of_schema(schema))


class StructuredOutputs(BaseModel):
    """vLLM's, without grammars in a language of their own; one of them."""

    model_config = ConfigDict(extra="forbid")

    json_schema: Schema | None = Field(None, alias="json")
    json_object: Literal[True] | None = None
    regex: StrictStr | None = None
    choice: Annotated[list[StrictStr], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _is_one(self) -> StructuredOutputs:
        if sum(value is not None for value in (self.json_schema, self.json_object, self.regex, self.choice)) != 1:
            raise ValueError("one of json, json_object, regex and choice is wanted")
        return self

    def wanted(self) -> Wanted:
        """What it asks for."""
        return Wanted("structured_outputs", self._source())

    def _source(self) -> str:
        if self.regex is not None:
            return LLMatcher.grammar_from_regex(self.regex)
        if self.choice is not None:
            return grammar_from("choice", json.dumps(self.choice))
        return _of_schema({"type": "object"} if self.json_schema is None else self.json_schema)


def _of_schema(schema: Schema) -> str:
    return LLMatcher.grammar_from_json_schema(json.dumps(schema), overrides=AS_JSON_DUMPS)
