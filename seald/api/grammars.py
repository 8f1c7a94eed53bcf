"""How much of a grammar a client may have the engine compile.

An engine makes an automaton of schemas and patterns before it writes the first token, for all who wait in the same
process: `(a{1,1000}){1,1000}` is a million states. What cannot be bounded by looking at it is refused.
"""

from __future__ import annotations

from typing import Any

from seald.api import patterns
from seald.api.errors import SchemaViolation
from seald.errors import InvalidRequest

FIELDS = (
    "response_format",
    "structured_outputs",
    "guided_choice",
    "guided_grammar",
    "guided_json",
    "guided_regex",
    "structural_tag",
    "tools",
    "functions",
    "text",
)
"""Where schemas stand in chats, completions and responses."""
PATTERNS = frozenset({"pattern", "regex", "guided_regex"})
WHOLE_GRAMMARS = frozenset({"grammar", "guided_grammar", "definition"})
"""In a language of their own."""
SCHEMAS_AS_TEXT = frozenset({"json", "guided_json", "schema", "structural_tag"})
COUNTS = frozenset({"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"})
MULTIPLIED = COUNTS - {"minLength", "maxLength"}
"""Those of a part stand inside those of the parts around it."""
MOST_PARTS = 20_000
MOST_DEPTH = 64
MOST_COUNTED = 10_000
"""Of one count, and of those along a path multiplied."""
LONGEST_PATTERN = 256
MOST_REPEATS = 1000
"""Of a pattern: all its counted repeats multiplied, as though each stood inside the others."""


def check_grammars(body: dict[str, Any]) -> None:
    """Raises SchemaViolation (code `schema_too_complex`), or InvalidRequest for what nobody can look through."""
    found = [(field, body[field], 1, 1) for field in FIELDS if body.get(field) is not None]
    for where, value, *_ in found:
        _check_member(where, where, value)
    for where, value, depth, counted in found:  # grows while it is read
        if len(found) > MOST_PARTS or depth > MOST_DEPTH:
            raise _too_complex(where.partition(".")[0], f"more than {MOST_PARTS} parts, or {MOST_DEPTH} levels")
        if isinstance(value, dict):
            inside = _multiply(where, counted, value)
            for name, member in value.items():
                _check_member(f"{where}.{name}", name, member)
                found.append((f"{where}.{name}", member, depth + 1, inside))
        elif isinstance(value, list):
            found += [(f"{where}.{index}", each, depth + 1, counted) for index, each in enumerate(value)]


def _check_member(where: str, name: str, value: Any) -> None:
    if isinstance(value, str):
        _check_text(where, name, value)
    elif name == "patternProperties" and isinstance(value, dict):
        for pattern in value:
            _check_pattern(where, pattern)
    elif name in COUNTS and isinstance(value, int | float) and value > MOST_COUNTED:
        raise _too_complex(where, f"a count above {MOST_COUNTED}")


def _multiply(where: str, counted: int, schema: dict[str, Any]) -> int:
    """`counted`, which is around `schema`, times the largest count of its own. Raises SchemaViolation."""
    own = [value for name in MULTIPLIED if isinstance(value := schema.get(name), int | float) and value > 1]
    product = counted * int(max(own, default=1))
    if product > MOST_COUNTED:
        raise _too_complex(where, f"counts that come to more than {MOST_COUNTED} with those around it")
    return product


def _check_text(where: str, name: str, value: str) -> None:
    if name in PATTERNS:
        _check_pattern(where, value)
    elif name in WHOLE_GRAMMARS:
        raise _cannot_be_bounded(where, "send a JSON schema in response_format instead of a grammar")
    elif name in SCHEMAS_AS_TEXT:
        raise _cannot_be_bounded(where, "send the schema as an object")
    elif name == "$ref" and not value.startswith("#"):
        raise _cannot_be_bounded(where, "a schema may refer to its own parts alone, like #/$defs/part")


def _check_pattern(where: str, pattern: str) -> None:
    if len(pattern) > LONGEST_PATTERN:
        raise _too_complex(where, f"a pattern of more than {LONGEST_PATTERN} characters")
    if patterns.repeats(pattern) > MOST_REPEATS or patterns.nests_repeats(pattern):
        raise _too_complex(where, f"repeats inside repeats, or more than {MOST_REPEATS} of them")


def _too_complex(where: str, found: str) -> SchemaViolation:
    return SchemaViolation(f"{where[:200]} has {found}; make it simpler", param=where[:200], code="schema_too_complex")


def _cannot_be_bounded(where: str, instead: str) -> InvalidRequest:
    message = f"{where[:200]} cannot be set through this daemon: {instead}"
    return InvalidRequest(message, param=where[:200], code="unsupported_parameter")
