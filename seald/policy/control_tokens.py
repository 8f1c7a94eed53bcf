"""Marks by which chat templates tell who speaks: in a document they are an attempt to speak as somebody else."""

from __future__ import annotations

import re

CONTROL = re.compile(
    r"<\s?\|[^|<>\n]{1,40}\|\s?>|\[\s?/?\s?inst\s?\]|<<\s?/?\s?sys\s?>>|(?<!\w)<\s?/?s\s?>|\[/?(?:system|gmask|sop)\]|"
    r"</?(?:start_of_turn|end_of_turn|bos|eos|unk|pad|system|assistant|think|tool_call|tool_response|begin_of_text)>",
    re.IGNORECASE,
)
CLOSING = re.compile(r"/|end|eot|eos", re.IGNORECASE)
ROLE = re.compile(
    r"^(?:[^\w\n]|_)*+(?:system|assistant|developer|user|human|ai|chatgpt|bot)(?:\s(?:message|prompt|instructions?|override))?"
    r"[\W_]{0,3}?:(?P<said>[^\n]*)",
    re.IGNORECASE | re.MULTILINE,
)
HEADER = re.compile(r"#{2,}\s*(?:instruction|system|response|input)s?\s*:", re.IGNORECASE)
FIELD = re.compile(r"\s*(?:[A-Z0-9][\w.&'/-]*+(?:,\s*+|\s++|\Z)){1,5}")
"""A name or a number after the colon: a field of a form (`System: Windows Server 2019`), and nobody speaking."""


def speaks_as_another(text: str) -> bool:
    """Whether `text` holds a template's token, or a line of it begins with a role and what that says."""
    if CONTROL.search(text) or HEADER.search(text):
        return True
    return any(not _is_field(role) for role in ROLE.finditer(text))


def opens(text: str) -> bool:
    """Whether the last token in `text` begins something, which then goes on behind it."""
    tokens = CONTROL.findall(text)
    return bool(tokens) and not CLOSING.search(tokens[-1])


def _is_field(role: re.Match[str]) -> bool:
    named = re.sub(r"\W", "", role.group().split(":", 1)[0])
    return not named.isupper() and FIELD.fullmatch(role["said"]) is not None
