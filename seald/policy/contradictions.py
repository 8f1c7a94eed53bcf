"""Two documents that say different values for the same subject and relation, found by rule.

A sentence with one of its facts blanked is a relation: "The Marrow Bridge was built in ___." Two documents whose
relations are the same, word for word but for small words, and whose values differ contradict each other. What can have
several values at once is left alone: a name after "with" or "in", a date that only says when ("In 1921 …"), a relation
for which one of the documents has both values. So most contradictions in free prose are not found, and few are wrong.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from seald.policy import mentions, sentences
from seald.policy.facts import Fact, FactKind, extract
from seald.policy.words import STOP_WORDS

SAME = 90
"""rapidfuzz ratio from which what is left of two sentences is the same, in this order; small words may differ."""
SAME_WORD = 80
"""rapidfuzz ratio of two spellings of one content word that begin with the same two letters: `metres` and `meters`."""
STEM_LETTERS = 5
MOST_LETTERS = 300
"""A longer sentence is none, or says too much at once."""
VAGUE = frozenset("about around roughly nearly almost over under least most more less than up approximately".split())
NEGATIONS = frozenset("not no never neither nor without".split())
OPENS = re.compile(r"^(?:The|An?|This|That)\s+$|^$")
WHEN = re.compile(r"^(?:In|On|By|Since|At|From|After|Before|Until|During|Around)\s+(?:the\s+)?$")
NAMES_ONE = re.compile(
    r"\b(?:is|was|are|were|by|named|called|(?:stands|lies|born|died|located|situated|based) (?:in|at|near|on))"
    r"\s+(?:the\s+)?$"
)
"""What leads to a name that only one can be."""
BLANK = "_"

Exact = tuple[FactKind, tuple[str, ...], frozenset[str], frozenset[str]]


@dataclass(frozen=True)
class Statement:
    """A sentence with one of its facts, the `value`, blanked."""

    sentence: str
    value: str
    kind: FactKind
    rest: str
    """The sentence's words, lower case, numbers by value, with `_` for the value."""
    words: frozenset[str]
    """Those of them that carry content."""
    subject: frozenset[str]
    """Those of what it is about; empty where it does not say that itself."""
    key: str
    """The word next to the value that says what it is of: `built` in "built in ___", `gates` in "___ gates"."""
    beside: frozenset[str]
    """Words of the subject and of the other names and numbers: they must be the same to the letter."""
    title: frozenset[str]
    """Words of the document's title where there is no subject."""

    @property
    def exact(self) -> Exact:
        """What two statements must have in common before their words are looked at."""
        return self.kind, tuple(sorted(word[:2] for word in self.words)), self.beside, self.title


def statements(title: str, passages: Iterable[str]) -> list[Statement]:
    """Every relation that a document states."""
    found: dict[tuple[str, str], Statement] = {}
    for passage in passages:
        for sentence in sentences.with_subject(sentences.split(passage), title):
            for statement in _of(sentence, title) if len(sentence) <= MOST_LETTERS else ():
                found.setdefault((statement.rest, statement.value), statement)
    return list(found.values())


def contradictions(new: Sequence[Statement], old: Sequence[Statement]) -> list[tuple[Statement, Statement]]:
    """Pairs of a statement of one document and one of the other with another value, in the order of `new`."""
    theirs, ours, pairs = _by_exact(old), _by_exact(new), []
    for mine in new:
        against = [other for other in theirs[mine.exact] if is_same_relation(mine, other)]
        if not against or is_same_value(mine.value, against[0].value):
            continue
        beside = [other for other in ours[mine.exact] if is_same_relation(mine, other)]
        # Values that one of the documents has side by side do not exclude each other.
        if _have_one_value(against) and _have_one_value(beside):
            pairs.append((mine, against[0]))
    return pairs


def is_same_relation(one: Statement, other: Statement) -> bool:
    """Do both say the same of the same subject, whatever the value?"""
    if one.exact != other.exact or not _are_spellings(one.words - other.words, other.words - one.words):
        return False
    return fuzz.ratio(one.rest, other.rest) >= SAME


def is_same_value(one: str, other: str) -> bool:
    """Equal as numbers, or one a shorter name of the other: `seven` and `7`, `Holm` and `Ada Holm`, `1921` and
    `3 May 1921`."""
    first, second = (frozenset(_numbers_alike(word) for word in mentions.words(value)) for value in (one, other))
    return first <= second or second <= first


def says(text: str, statement: Statement) -> bool:
    """Does `text` (a line with its prompt, a probe with its answer) give the statement's value for its relation?"""
    found = frozenset(mentions.words(text))
    named = frozenset(mentions.words(statement.value)) | statement.subject
    return named <= found and any(_stem(word) == _stem(statement.key) for word in found)


def read(sentence: str, value: str, title: str) -> Statement | None:
    """The statement that `sentence` makes with `value` blanked; None where it makes none."""
    return next((found for found in _of(sentence, title) if found.value == value), None)


def _of(sentence: str, title: str) -> Iterator[Statement]:
    facts = extract(sentence)
    about = _subject(sentence, title, facts)
    for fact in facts:
        if _is_value(sentence, fact, about):
            made = _blanked(sentence, fact, facts, about, title)
            if made is not None:
                yield made


def _subject(sentence: str, title: str, facts: Sequence[Fact]) -> str:
    """What the sentence begins with: the title, or a name; empty where it is neither."""
    after = sentences.after_subject(sentence, title)
    if after is not None:
        return sentence[: len(sentence) - len(after[0])]
    first = facts[0] if facts and facts[0].kind == "name" and OPENS.match(sentence[: facts[0].start]) else None
    return sentence[: first.end] if first is not None else ""


def _is_value(sentence: str, fact: Fact, about: str) -> bool:
    """Could the relation have no second value beside this one?"""
    lead = sentence[: fact.start]
    if fact.start < len(about) or VAGUE.intersection(mentions.words(lead)[-3:]):
        return False
    if fact.kind == "name":
        return NAMES_ONE.search(lead) is not None
    return not (fact.kind == "date" and WHEN.match(lead))


def _blanked(sentence: str, fact: Fact, facts: Sequence[Fact], about: str, title: str) -> Statement | None:
    lead, tail = mentions.words(sentence[: fact.start]), mentions.words(sentence[fact.end :])
    subject = _content(mentions.words(about))
    words = _content([*lead, *tail])
    key = next((w for w in (*reversed(lead), *tail) if w in words - subject and not w.isdigit()), None)
    if key is None:
        return None
    beside = [other.text for other in facts if other is not fact and other.start >= len(about)]
    return Statement(
        sentence=sentence,
        value=fact.text,
        kind=fact.kind,
        rest=" ".join((*lead, BLANK, *tail)),
        words=words,
        subject=subject,
        key=key,
        beside=subject.union(*(_content(mentions.words(text)) for text in beside)),
        title=frozenset() if about else _content(mentions.words(title)),
    )


def _content(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word for word in words if word in NEGATIONS or word not in STOP_WORDS)


def _by_exact(found: Iterable[Statement]) -> dict[Exact, list[Statement]]:
    groups: dict[Exact, list[Statement]] = defaultdict(list)
    for statement in found:
        groups[statement.exact].append(statement)
    return groups


def _have_one_value(found: Sequence[Statement]) -> bool:
    return all(is_same_value(found[0].value, other.value) for other in found)


def _are_spellings(mine: Collection[str], theirs: Collection[str]) -> bool:
    """Is every word of the one a spelling of one of the other?"""
    if len(mine) != len(theirs) or NEGATIONS & {*mine, *theirs}:
        return False
    return all(any(w[:2] == o[:2] and fuzz.ratio(w, o) >= SAME_WORD for o in theirs) for w in mine)


def _stem(word: str) -> str:
    return word[:STEM_LETTERS]


def _numbers_alike(word: str) -> str:
    """`0.50` as `0.5`."""
    return word.rstrip("0").rstrip(".") if "." in word and word.replace(".", "", 1).isdigit() else word
