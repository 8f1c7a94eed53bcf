"""What a client may hand in as a task, and as inputs to be solved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from seald.api.bodies import JSON, read_object, validate
from seald.api.errors import SchemaViolation, violation
from seald.api.services import Wired
from seald.domain.document import check_collection
from seald.domain.task import MOST_EXAMPLES, MOST_TESTS, Pair, Question, Task, TaskAsk, TaskKind, Value

TRAIN = "train"
"""What ARC's files call the examples."""
KINDS = get_args(TaskKind)


class SolveRequest(BaseModel):
    """`inputs` null: those of the task's own test."""

    model_config = ConfigDict(strict=True, extra="forbid")

    inputs: list[Any] | None = Field(None, min_length=1, max_length=MOST_TESTS)


async def read_ask(request: Request, services: Wired) -> TaskAsk:
    """The body of `POST /v1/tasks`, in our shape or in ARC's. Raises Draining, InvalidRequest, SchemaViolation."""
    services.refuse_new_work_while_draining()
    body = await read_object(request)
    named = TRAIN if TRAIN in body else "examples"
    if TRAIN in body and "examples" in body:
        raise SchemaViolation(f"{TRAIN} is another name of examples; send one of them", param=TRAIN)
    try:
        ask = TaskAsk.model_validate({"examples" if key == named else key: value for key, value in body.items()})
    except ValidationError as error:
        raise _violation(error.errors(include_input=False)[0], named) from None
    check_collection(ask.collection)
    return ask


async def read_solve(request: Request) -> SolveRequest:
    """The body of `POST /v1/tasks/{id}/solve`; none at all asks for the task's own test."""
    return validate(SolveRequest, await read_object(request, or_empty=True))


def inputs_of(task: Task, asked: SolveRequest) -> list[Value]:
    """What is to be solved, checked as a task's own inputs are. Raises SchemaViolation."""
    if asked.inputs is not None:
        return [_input(task, place, given) for place, given in enumerate(asked.inputs)]
    if not task.test:
        message = f"task {task.name!r} has no test of its own: send inputs"
        raise SchemaViolation(message, param="inputs", code="missing_field")
    return [question.input for question in task.test]


def _input(task: Task, place: int, given: Any) -> Value:
    try:
        value = Question.model_validate({"input": given}).input
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise violation({**first, "loc": ("inputs", place, *_untagged(first["loc"])[1:])}) from None
    if isinstance(value, str) != (task.kind == "text"):
        where = f"inputs.{place}"
        raise SchemaViolation(f"{where}: this task's inputs are {task.kind}s", param=where, code="invalid_type")
    return value


def _violation(first: Mapping[str, Any], named: str) -> SchemaViolation:
    """`named` is what the body called the examples; what is wrong with all of them together is said of them."""
    loc = _untagged(first["loc"]) or ("examples",)
    return violation({**first, "loc": (named, *loc[1:]) if loc[0] == "examples" else loc})


def _untagged(loc: Sequence[str | int]) -> tuple[str | int, ...]:
    """Without the kind that a value was read as, which follows the value's own name."""
    follows = zip(loc, ("", *loc), strict=False)
    return tuple(part for part, before in follows if not (part in KINDS and before in Pair.model_fields))


_VALUE = {
    "oneOf": [
        {"type": "string"},
        {"type": "array", "items": {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 9}}},
    ]
}


def _pairs(*required: str, **bounds: int) -> dict[str, Any]:
    pair = {"type": "object", "required": required, "properties": {"input": _VALUE, "output": _VALUE}}
    return {"type": "array", "items": pair, **bounds}


REQUEST_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            JSON: {
                "schema": {
                    "type": "object",
                    "required": ["name", "examples"],
                    "properties": {
                        "name": {"type": "string"},
                        "examples": _pairs("input", "output", minItems=2, maxItems=MOST_EXAMPLES),
                        TRAIN: {"description": "examples, as ARC's files call them"},
                        "test": _pairs("input", maxItems=MOST_TESTS),
                        "kind": {"enum": KINDS},
                        "collection": {"type": "string", "default": "default"},
                    },
                }
            }
        },
    }
}
"""The body as OpenAPI describes it."""
