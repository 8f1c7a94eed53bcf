"""How well lines of training text cover a passage's facts: in how many phrasings, and in which directions.

Coverage of the facts, then diversity of phrasing, decides whether a document is learned. And "A is B" trained one way
only is not found from B (the reversal curse), so both ways are counted apart. All of this is a function of the title,
the passage and the lines: it may be asked about any self-edit, whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rapidfuzz import fuzz, process

from seald.domain.self_edit import Line
from seald.policy import sentences
from seald.policy.mentions import Known, Words, facts_of, wanted, words
from seald.policy.words import STOP_WORDS

NEAR_DUPLICATE = 85.0
"""rapidfuzz ratio (0 to 100, indel similarity of the characters) from which two texts are one phrasing."""
PRONOUNS = frozenset("it its he she they his her their this these".split())


@dataclass(frozen=True)
class CoveredFact:
    """One fact and how the lines cover it."""

    text: str
    kind: str
    phrasings: int
    """Distinct sentences of the lines' texts that hold it."""
    answered: bool
    """Some line tells it after the subject (the title) or a companion (a fact of one sentence with it)."""
    asked_with: bool
    """Some line names it before the subject is named, and then tells the subject or a companion."""

    def lacks(self, phrasings: int) -> bool:
        """Whether it stands in fewer phrasings than wanted, or in one direction only."""
        return self.phrasings < phrasings or not (self.answered and self.asked_with)


@dataclass(frozen=True)
class Coverage:
    """The facts of one or more passages. Shares are in [0, 1], and 1 where there is no fact to cover."""

    facts: tuple[CoveredFact, ...]
    wanted: int
    """Phrasings that each fact should stand in."""

    @property
    def covered(self) -> float:
        """Share of facts that stand in a phrasing at all."""
        return self._share(fact.phrasings >= 1 for fact in self.facts)

    @property
    def covered_k(self) -> float:
        """Share of facts that stand in as many phrasings as wanted."""
        return self._share(fact.phrasings >= self.wanted for fact in self.facts)

    @property
    def both_directions(self) -> float:
        """Share of facts that are both answered and asked with."""
        return self._share(fact.answered and fact.asked_with for fact in self.facts)

    def missing(self) -> tuple[CoveredFact, ...]:
        """Facts that lack a phrasing or a direction."""
        return tuple(fact for fact in self.facts if fact.lacks(self.wanted))

    def _share(self, having: Iterable[bool]) -> float:
        return sum(having) / len(self.facts) if self.facts else 1.0


@dataclass(frozen=True)
class Bearing:
    """What one line does for one fact: sentences that tell it, and the directions that it trains."""

    phrasings: tuple[str, ...]
    answered: bool
    asked_with: bool


@dataclass
class _State:
    phrasings: list[str] = field(default_factory=list)
    answered: bool = False
    asked_with: bool = False


class Tally:
    """Coverage of one passage as lines come in. A line that is added never lowers it."""

    def __init__(self, title: str, passage: str, phrasings: int) -> None:
        self.facts = facts_of(title, passage)
        self._title, self._wanted = title, phrasings
        self._subject = wanted(title)
        self._states = [_State() for _ in self.facts]

    def read(self, line: Line) -> dict[int, Bearing]:
        """What `line` does for the facts that it mentions, by their place among `facts`."""
        parts = sentences.split(_without_title(line.text, self._title))
        asked = Words(sentences.split(line.prompt or ""))
        # The title that a raw line begins with was taken off for the phrasings; it is told first all the same.
        told = Words(sentences.split(line.text), offset=asked.end)
        first = [_earliest(asked.first(fact.wanted), told.first(fact.wanted)) for fact in self.facts]
        subject = _earliest(asked.first(self._subject), told.first(self._subject))
        bearings = {}
        for n, place in enumerate(first):
            if place is not None:
                beside = [p for p in (subject, *(first[c] for c in self.facts[n].companions)) if p is not None]
                answered = place > asked.end and any(p < place for p in beside)
                known = max(place, asked.end)
                asked_with = (subject is None or subject > known) and any(p > known for p in beside)
                phrasings = tuple(
                    self._phrasing(part, line, self.facts[n]) for part in parts if _holds(part, self.facts[n])
                )
                bearings[n] = Bearing(phrasings, answered, asked_with)
        return bearings

    def gain(self, bearings: dict[int, Bearing]) -> int:
        """How many of the phrasings and directions that are still lacking a line with these bearings would give."""
        return sum(self._gain(self._states[n], bearing) for n, bearing in bearings.items())

    def add(self, bearings: dict[int, Bearing]) -> None:
        """Count a line."""
        for n, bearing in bearings.items():
            state = self._states[n]
            state.phrasings += _new(bearing.phrasings, state.phrasings)
            state.answered |= bearing.answered
            state.asked_with |= bearing.asked_with

    def take(self, lines: Iterable[Line]) -> None:
        """Read lines and count them."""
        for line in lines:
            self.add(self.read(line))

    def coverage(self) -> Coverage:
        """As it stands."""
        pairs = zip(self.facts, self._states, strict=True)
        covered = (CoveredFact(f.text, f.kind, len(s.phrasings), s.answered, s.asked_with) for f, s in pairs)
        return Coverage(tuple(covered), self._wanted)

    def _gain(self, state: _State, bearing: Bearing) -> int:
        room = max(self._wanted - len(state.phrasings), 0)
        phrasings = min(len(_new(bearing.phrasings, state.phrasings)), room) if room else 0
        directions = (bearing.answered and not state.answered) + (bearing.asked_with and not state.asked_with)
        return phrasings + directions

    def _phrasing(self, part: str, line: Line, fact: Known) -> str:
        """The sentence without its subject; one that says nothing but the fact is read with its question."""
        said = words(part)
        mere = {*self._subject.words, *words(fact.text), *STOP_WORDS}
        if line.prompt is not None and mere.issuperset(said):
            said = [*words(line.prompt), *said]
        return " ".join(word for word in said if word not in self._subject.words and word not in PRONOUNS)


def measure(title: str, passage: str, lines: Iterable[Line], phrasings: int = 2) -> Coverage:
    """Coverage of the facts of `passage` (those that `title` says already left out) by `lines`.

    Phrasings: sentences of `line.text` that hold the fact, the title and pronouns that stand for it left out; one that
    resembles an earlier one (rapidfuzz ratio of NEAR_DUPLICATE) counts no more. Under how many prompts a sentence
    stands is no matter, except where it says nothing but the fact: then it is read together with its question.
    What only the prompt says is no phrasing, since a prompt is not trained on.

    Directions: a line is read from its prompt to its end. It *answers* the fact when its first mention is in the text
    and after one of the title or of a companion (a fact of one sentence of the passage with it): that is what makes
    the model produce it. It *asks with* the fact when it names it before the title (in the prompt that means: in one
    that does not name the title), and the text then names the title or a companion for the first time. A prompt that
    names the title does not ask with the fact: it is the title that leads to the answer then. Raw text is read alike,
    what stands before a word being its prompt, so "T: it was built by A" answers A, "A built T" asks with it.
    """
    tally = Tally(title, passage, phrasings)
    tally.take(lines)
    return tally.coverage()


def together(parts: Sequence[Coverage]) -> Coverage:
    """Several passages as one."""
    return Coverage(
        tuple(fact for part in parts for fact in part.facts), max((part.wanted for part in parts), default=1)
    )


def diversity(lines: Sequence[Line]) -> float:
    """How little the lines resemble each other, in [0, 1]: the mean, over lines, of 1 - the highest rapidfuzz ratio
    (as a share) of its prompt and text to those of another line. 1 for a single line, 0 for none."""
    whole = [line.whole.lower() for line in lines]
    if len(whole) < 2:
        return float(len(whole))
    nearest = (_nearest(text, whole[:n] + whole[n + 1 :]) for n, text in enumerate(whole))
    return 1.0 - sum(nearest) / (100.0 * len(whole))


def duplicates(lines: Sequence[Line]) -> int:
    """How many lines resemble one before them, prompt and text together (rapidfuzz ratio of NEAR_DUPLICATE)."""
    whole = [line.whole.lower() for line in lines]
    return sum(_nearest(text, whole[:n]) >= NEAR_DUPLICATE for n, text in enumerate(whole))


def _nearest(text: str, others: Sequence[str]) -> float:
    found = process.extractOne(text, others, scorer=fuzz.ratio)
    return float(found[1]) if found is not None else 0.0


def _new(phrasings: Iterable[str], known: Sequence[str]) -> list[str]:
    new: list[str] = []
    for text in phrasings:
        if _nearest(text, [*known, *new]) < NEAR_DUPLICATE:
            new.append(text)
    return new


def _holds(part: str, fact: Known) -> bool:
    return Words([part]).first(fact.wanted) is not None


def _earliest(asked: int | None, told: int | None) -> int | None:
    return asked if asked is not None else told


def _without_title(text: str, title: str) -> str:
    """Raw lines begin with the title; it is no sentence of theirs."""
    rest = text.removeprefix(title)
    return rest.lstrip(":\n ") if rest[:1] in (":", "\n") else text
