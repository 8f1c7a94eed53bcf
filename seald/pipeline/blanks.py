"""The facts of a document that a probe may ask for: those with one answer that nothing gives away."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from seald.domain.document import Document, Passage
from seald.guards.choosing import LEAST_GUARD, Blank
from seald.policy import sentences
from seald.policy.facts import Fact
from seald.policy.mentions import facts_in, words
from seald.policy.phrases import phrases
from seald.policy.words import STOP_WORDS

LEAST_LEAD = 3
"""Words."""
CONTENT = (2, 1)
"""Of these, words that carry content, one of them not in the title; the fewer only where a document has little else."""
PRONOUNS = frozenset("it its he his she her they their this these that those".split())
CONJOINED = re.compile(r",? (?:and|or|as well as) ")
ENUMERATED = re.compile(rf", |{CONJOINED.pattern}")
POSSESSIVE = re.compile(r"['’]s?$")


def blanks_of(document: Document) -> list[Blank]:
    """In the order of the passages; in each first the sentences that name their subject, one fact of each in turn.

    Noun phrases come last, and only where names and numbers are too few: they can be said in more ways.
    """
    standing = {
        passage.index: sentences.with_subject(sentences.split(passage.text), document.title)
        for passage in document.passages
    }
    openings = Openings(sentence for found in standing.values() for sentence in found)
    ranked = [
        (p.index, *entry) for p in document.passages for entry in _of_passage(document.title, p, standing[p.index])
    ]
    blanks = [blank for _, _, blank in sorted(ranked, key=lambda entry: entry[:2])]
    for content in CONTENT:
        found = [_with_fitting_lead(blank, document.title, openings, content) for blank in blanks]
        if sum(bool(blank.lead) for blank in found) >= LEAST_GUARD:
            break
    if sum(bool(blank.lead) for blank in found) < LEAST_GUARD:
        found += _phrases(document, standing, openings)
    return found


class Openings:
    """All sentences of a document, to tell how many of them begin alike."""

    def __init__(self, sentences: Iterable[str]) -> None:
        self._sorted = sorted({_plain(sentence) for sentence in sentences})

    def fit_one(self, lead: str, answer: str) -> bool:
        """Whether every sentence that begins with `lead` goes on with `answer`."""
        begun, wanted = _plain(lead) + " ", _plain(f"{lead} {answer}")
        for place in range(bisect_left(self._sorted, begun), len(self._sorted)):
            sentence = self._sorted[place]
            if not sentence.startswith(begun):
                break
            if not f"{sentence} ".startswith(f"{wanted} "):
                return False
        return True


def _phrases(document: Document, standing: Mapping[int, Sequence[str]], openings: Openings) -> list[Blank]:
    found = [
        blank
        for passage in document.passages
        for sentence in standing[passage.index]
        for blank in _of_facts(document.title, passage, sentence, phrases(sentence))
    ]
    fitting = (_with_fitting_lead(blank, document.title, openings, CONTENT[0]) for blank in found)
    return [blank for blank in fitting if blank.lead]


def _of_passage(title: str, passage: Passage, standing: Sequence[str]) -> Iterator[tuple[tuple[bool, int, int], Blank]]:
    """Each with its rank: whether its sentence begins with a pronoun, its place there, that of the sentence."""
    for place, sentence in enumerate(standing):
        unnamed = sentence.split(" ", 1)[0].lower() in PRONOUNS
        for nth, blank in enumerate(_of_sentence(title, passage, sentence)):
            yield (unnamed, nth, place), blank


def _with_fitting_lead(blank: Blank, title: str, openings: Openings, content: int) -> Blank:
    fits = _determines(blank.lead, title, content) and openings.fit_one(blank.lead, blank.answer)
    return blank if fits else replace(blank, lead="")


def _of_sentence(title: str, passage: Passage, sentence: str) -> Iterator[Blank]:
    facts = [fact for fact in facts_in(sentence) if fact.kind != "phrase"]
    yield from _of_facts(title, passage, sentence, facts)


def _of_facts(title: str, passage: Passage, sentence: str, facts: Sequence[Fact]) -> Iterator[Blank]:
    listed = _listed(sentence, facts)
    for place, fact in enumerate(facts):
        answer, lead = POSSESSIVE.sub("", fact.text), sentence[: fact.start].rstrip()
        if place in listed or _is_within(answer, title) or _is_within(answer, lead):
            continue
        names = [other.text for other in facts if other.kind == "name" and not _is_within(answer, other.text)]
        yield Blank(passage=passage.text, index=passage.index, lead=lead, answer=answer, subjects=tuple(names))


def _listed(sentence: str, facts: Sequence[Fact]) -> set[int]:
    """Places of the items of lists (`Ada and Bo`, `Ada, Bo, Cy`): each would be right where another is asked."""
    listed: set[int] = set()
    run: list[int] = []
    conjoined = False
    for place, fact in enumerate([*facts, None]):
        gap = sentence[facts[place - 1].end : fact.start] if fact and place else ""
        if fact and run and fact.kind == facts[place - 1].kind and ENUMERATED.fullmatch(gap):
            conjoined = conjoined or CONJOINED.fullmatch(gap) is not None
            run.append(place)
            continue
        if len(run) > 2 or (len(run) == 2 and conjoined):
            listed.update(run)
        run, conjoined = [place], False
    return listed


def _determines(lead: str, title: str, least: int) -> bool:
    found = words(lead)
    content = set(found) - STOP_WORDS
    return len(found) >= LEAST_LEAD and len(content) >= least and not content <= set(words(title))


def _is_within(answer: str, text: str) -> bool:
    return set(words(answer)) <= set(words(text))


def _plain(text: str) -> str:
    return " ".join(words(text))
