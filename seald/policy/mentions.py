"""The facts of a passage, and where they stand in another text: numbers by value, names by words, phrases by stems."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from seald.domain.number_words import in_digits, without_grouping
from seald.policy import sentences
from seald.policy.facts import Fact, extract
from seald.policy.phrases import phrases
from seald.policy.words import STOP_WORDS

TOKEN = re.compile(r"\d+(?:[.,:]\d+)*|[^\W\d_]+")
ISO_DATE = re.compile(r"\b(\d{4})-(\d\d)-(\d\d)\b")
MONTHS = "January February March April May June July August September October November December".split()
STEM_LETTERS = 5


@dataclass(frozen=True)
class Wanted:
    """What to look for: all of `words` within one sentence, whatever their order and whatever stands between."""

    words: tuple[str, ...]
    by_stem: bool = False


@dataclass(frozen=True)
class Known:
    """A fact of a passage. `companions` are the places, among the passage's facts, of those in one sentence with it."""

    text: str
    kind: str
    wanted: Wanted
    companions: frozenset[int]


def words(text: str) -> list[str]:
    """Words in lower case without possessive endings, numbers by value: `Tosk's 1,200 boats` → `tosk 1200 boats`."""
    dated = ISO_DATE.sub(_spelled, text)
    found = (token.lower() for token in TOKEN.findall(dated))
    return list(in_digits(without_grouping(word) for word in found if word != "s"))


def wanted(text: str, *, by_stem: bool = False) -> Wanted:
    """`text` as something to look for: by its content words, or by all where it has no others."""
    found = words(text)
    content = [word for word in found if word not in STOP_WORDS] or found
    return Wanted(tuple(dict.fromkeys(_stem(word) if by_stem else word for word in content)), by_stem)


class Words:
    """A text's words, with the place of the first mention of each in each sentence. Places begin with `offset`."""

    def __init__(self, parts: Iterable[str], offset: int = 0) -> None:
        self._sentences: list[tuple[dict[str, int], dict[str, int]]] = []
        self.end = offset
        for part in parts:
            self._take(words(part))

    def first(self, fact: Wanted) -> int | None:
        """The place behind the first mention; None where no sentence mentions it."""
        for exact, stems in self._sentences:
            places = [(stems if fact.by_stem else exact).get(word) for word in fact.words]
            if places and None not in places:
                return max(place for place in places if place is not None) + 1
        return None

    def _take(self, found: list[str]) -> None:
        exact: dict[str, int] = {}
        stems: dict[str, int] = {}
        for place, word in enumerate(found, start=self.end):
            exact.setdefault(word, place)
            stems.setdefault(_stem(word), place)
        self._sentences.append((exact, stems))
        self.end += len(found)


def facts_of(title: str, passage: str) -> tuple[Known, ...]:
    """Names, numbers, dates and noun phrases of `passage` in order, each once, without what `title` says already.

    A name or phrase whose words are all in another one of the same kind (`Tosk`, beside `Maren Tosk`) is that one.
    """
    standing = [_in_sentence(sentence) for sentence in sentences.split(passage)]
    of_title = {word for by_stem in (False, True) for word in wanted(title, by_stem=by_stem).words}
    named = {(f.kind, w): f.text for found in standing for f, w in found if not of_title.issuperset(w.words)}
    whole = [key for key in named if not any(_is_part(key, other) for other in named)]
    places = {key: place for place, key in enumerate(whole)}
    beside: dict[int, set[int]] = {place: set() for place in places.values()}
    for found in standing:
        together = {places[f.kind, w] for f, w in found if (f.kind, w) in places}
        for place in together:
            beside[place] |= together - {place}
    return tuple(
        Known(text=named[key], kind=key[0], wanted=key[1], companions=frozenset(beside[place]))
        for key, place in places.items()
    )


def facts_in(sentence: str) -> list[Fact]:
    """Facts of all kinds, in order; number words that make one number (`two hundred`) are one fact."""
    joined: list[Fact] = []
    for fact in extract(sentence):
        before = joined[-1] if joined else None
        if before and before.kind == fact.kind == "number" and sentence[before.end : fact.start] == " ":
            joined[-1] = Fact("number", sentence[before.start : fact.end], before.start, fact.end)
        else:
            joined.append(fact)
    return sorted([*joined, *phrases(sentence)], key=lambda fact: fact.start)


def _in_sentence(sentence: str) -> list[tuple[Fact, Wanted]]:
    found = ((fact, wanted(fact.text, by_stem=fact.kind == "phrase")) for fact in facts_in(sentence))
    return [(fact, key) for fact, key in found if key.words]


def _is_part(key: tuple[str, Wanted], other: tuple[str, Wanted]) -> bool:
    same_kind = key[0] == other[0] and key[0] in ("name", "phrase")
    return same_kind and set(key[1].words) < set(other[1].words)


def _spelled(date: re.Match[str]) -> str:
    year, month, day = date.groups()
    return f"{int(day)} {MONTHS[int(month) - 1]} {year}" if 1 <= int(month) <= len(MONTHS) else date.group()


def _stem(word: str) -> str:
    return word[:STEM_LETTERS]
