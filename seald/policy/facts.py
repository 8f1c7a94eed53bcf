"""The facts of a text that a question could ask for: numbers, dates and names, found by rule.

Noun phrases are facts, too, but found apart (`phrases.py`): blanks, probes and the support filter do without them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

FactKind = Literal["number", "date", "name", "phrase"]

MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
YEAR = r"\b(?:1[0-9]|20)\d\d\b(?![.,:]\d)"
DATE = rf"(?:\d{{1,2}} )?{MONTH}(?: \d{{1,2}},)? \d{{4}}|\d{{1,2}} {MONTH}|\d{{4}}-\d\d-\d\d|{YEAR}"
NUMBER_WORD = (
    r"(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    r"eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand)"
)
NUMBER = rf"\b\d+(?:[.,:]\d+)*\b|\b{NUMBER_WORD}(?:-{NUMBER_WORD})?\b"
OPENER = r"(?:The|An?|Its?|He|She|They|In|On|At|By|For|From|Since|Today|When|If|And|But|Or|I)\b"
"""Words that open a sentence or a phrase with a capital and are no part of a name."""
WORD = rf"(?!{OPENER})[A-ZÀ-Þ][\w’'-]*"
# A single capitalised word that begins a sentence may be any word; two in a row are a name there too.
NAME = rf"(?<![.!?] )(?<!^)\b{WORD}(?: (?:(?:of|the|de|van|von) )?{WORD})*|\b{WORD}(?: {WORD})+|\b[A-Z]{{2,}}\b"
FACT = re.compile(rf"(?P<date>{DATE})|(?P<number>{NUMBER})|(?P<name>{NAME})")


@dataclass(frozen=True)
class Fact:
    """A span of a text: `text == source[start:end]`."""

    kind: FactKind
    text: str
    start: int
    end: int


def extract(text: str) -> tuple[Fact, ...]:
    """All facts of `text` in order, not overlapping."""
    return tuple(_facts(text))


def _facts(text: str) -> Iterator[Fact]:
    for match in FACT.finditer(text):
        kind: FactKind = match.lastgroup  # type: ignore[assignment]
        yield Fact(kind=kind, text=match.group(), start=match.start(), end=match.end())
