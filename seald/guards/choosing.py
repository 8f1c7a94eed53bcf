"""Which facts of a document become probes: spread over its passages, none asked twice, each in one split only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rapidfuzz import fuzz, process

from seald.domain.probe import Probe
from seald.guards.grading import is_right

T = TypeVar("T")

SAME = 90
"""rapidfuzz ratio over words from which two questions, or two leads, are near-duplicates. Over letters `When was it
founded?` and `Where was it founded?` would be."""
LEAST_GUARD = 6
"""So many of a document's probes judge candidates before any pays the policy."""


@dataclass(frozen=True)
class Blank:
    """A fact in its sentence: `lead` is the sentence up to it, `answer` the fact, `passage` where both stand.

    `lead` is empty where it does not determine the answer: such a fact can be asked for, but makes no cloze.
    """

    passage: str
    index: int
    """Of the passage in the document."""
    lead: str
    answer: str
    subjects: tuple[str, ...] = ()
    """Names in the sentence, the answer left out: a question that says one of them names its subject."""


class Asked:
    """What is asked already; takes a blank only where neither its answer nor its lead is there.

    Questions and leads are compared without the document's title: all have it, so it would make any two alike.
    """

    def __init__(self, title: str, supplied: Sequence[Probe]) -> None:
        name = re.sub(r"^(the|an?) ", "", title.lower())
        self._title = re.compile(rf"(?:\b(?:the|an?) )?{re.escape(name)}")
        self._asked = [self._bare(probe.question) for probe in supplied]
        self._answers: list[str] = []

    def takes_fact(self, blank: Blank) -> bool:
        """Whether the answer is another one than all before; if so, it is one of them from now on."""
        if any(same_answer(blank.answer, answer) for answer in self._answers):
            return False
        self._answers.append(blank.answer)
        return True

    def takes_cloze(self, blank: Blank) -> bool:
        """As `takes_fact`, for a blank with a lead, which must be another one, too."""
        lead = self._bare(blank.lead)
        if not blank.lead or self._is_near(lead) or not self.takes_fact(blank):
            return False
        self._asked.append(lead)
        return True

    def takes_question(self, question: str) -> bool:
        """Whether nothing like it was asked; if so, it is asked from now on."""
        bare = self._bare(question)
        if self._is_near(bare):
            return False
        self._asked.append(bare)
        return True

    def _is_near(self, bare: list[str]) -> bool:
        return process.extractOne(bare, self._asked, scorer=fuzz.ratio, score_cutoff=SAME) is not None

    def _bare(self, text: str) -> list[str]:
        return re.findall(r"\w+", self._title.sub("", text.lower()))


def same_answer(one: str, other: str) -> bool:
    """Whether either would count as the other: `Tosk` and `Maren Tosk`, `nine` and `9`."""
    return is_right(one, other) or is_right(other, one)


def spread(blanks: Sequence[Blank], most: int, takes: Callable[[Blank], bool]) -> list[Blank]:
    """At most `most` that `takes` agrees to: one of each passage in turn, or of passages evenly over the document."""
    waiting: dict[int, Iterator[Blank]] = {
        index: iter([blank for blank in blanks if blank.index == index])
        for index in dict.fromkeys(blank.index for blank in blanks)
    }
    chosen: list[Blank] = []
    while waiting and len(chosen) < most:
        for index in _evenly(list(waiting), most - len(chosen)):
            found = next((blank for blank in waiting[index] if takes(blank)), None)
            if found is None:
                del waiting[index]
            else:
                chosen.append(found)
    return chosen


def with_splits(made: Sequence[tuple[Blank, Probe]], supplied: Sequence[Probe]) -> list[Probe]:
    """The probes, those of every third fact in the split `reward`.

    Never a fact that the client asks for, and only so many that `LEAST_GUARD` probes stay in the split `guard`.
    """
    facts = dict.fromkeys(blank.answer for blank, _ in sorted(made, key=lambda pair: pair[0].index))
    free = [fact for fact in facts if not any(same_answer(fact, probe.answer) for probe in supplied)]
    paying: set[str] = set()
    left = len(made)
    for fact in free[1::3]:
        own = sum(blank.answer == fact for blank, _ in made)
        if left - own >= LEAST_GUARD:
            paying.add(fact)
            left -= own
    return [p.model_copy(update={"split": "reward"}) if b.answer in paying else p for b, p in made]


def _evenly(items: Sequence[T], most: int) -> list[T]:
    step = max(len(items) / most, 1.0)
    return [items[int(n * step)] for n in range(min(most, len(items)))]
