"""The filter between what was written and what is trained on: nothing that the passage does not bear out."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from rapidfuzz import fuzz, process

from seald.domain.number_words import NUMBER_WORDS, without_grouping
from seald.domain.self_edit import DroppedLine, Line
from seald.policy import facts
from seald.policy.instructions import addresses_model
from seald.policy.negation import contradicts
from seald.policy.words import statement_words

LEAST_COVERED = 0.6
"""Share of a line's content words that must occur in the passage: the rest leaves room to rephrase."""
DUPLICATE_RATIO = 92
"""rapidfuzz ratio from which two lines say the same in the same words."""
LEAST_WORDS = 3
MOST_REPEATED = 3
"""A three-word run that occurs more often than this is a loop."""

REFUSAL = re.compile(
    r"\b(?:as an ai|i(?:'m| am) sorry|i cannot|i can't|i don't have|language model|"
    r"the (?:passage|text) (?:above|below))\b",
    re.IGNORECASE,
)


@dataclass
class SupportFilter:
    """Judges lines against one passage; remembers what it accepted, to drop what says the same again."""

    passage: str
    title: str
    questions: tuple[str, ...] = ()
    """Of the probes, which must not be trained on."""
    taught: Collection[str] = ()
    """What other documents have taught already, each as `said`."""
    accepted: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        source = f"{self.title}\n{self.passage}"
        self._numbers = _numbers(source)
        self._words = {_stem(word) for word in statement_words(source)}

    def take(self, lines: Iterable[Line]) -> tuple[list[Line], list[DroppedLine]]:
        """Accepted lines, and dropped ones with the reason of the first rule that they break."""
        kept, dropped = [], []
        for line in lines:
            reason = self.reason_against(line)
            if reason is None:
                kept.append(line)
                self.accepted.append(line.whole)
            else:
                dropped.append(DroppedLine(line=line, reason=reason))
        return kept, dropped

    def reason_against(self, line: Line) -> str | None:
        """None when the passage bears the line out."""
        unsupported = self.reason_against_quote(line) or self._unsupported(line.whole)
        if unsupported is None and contradicts(line, self.passage):
            return "unsupported_negation"
        return unsupported or self._repeats(line)

    def reason_against_quote(self, line: Line) -> str | None:
        """For the passage's own words, which support themselves: only what must never be trained on."""
        if addresses_model(line.text) or (line.prompt is not None and addresses_model(line.prompt)):
            return "instruction"
        if _is_degenerate(line):
            return "degenerate"
        if line.prompt is not None and any(_same(line.prompt, question) for question in self.questions):
            return "probe"
        return "duplicate" if self.taught and said(line) in self.taught else None

    def _unsupported(self, text: str) -> str | None:
        if not _numbers(text) <= self._numbers:
            return "unsupported_number"
        names = [fact.text for fact in facts.extract(text) if fact.kind == "name"]
        if any(_stem(word) not in self._words for name in names for word in statement_words(name)):
            return "unsupported_name"
        content = [_stem(word) for word in statement_words(text)]
        covered = sum(word in self._words for word in content)
        return None if content and covered >= LEAST_COVERED * len(content) else "unsupported_words"

    def _repeats(self, line: Line) -> str | None:
        return "duplicate" if repeats(line, [text.lower() for text in self.accepted]) else None


def repeats(line: Line, accepted: Sequence[str]) -> bool:
    """Whether one of the texts `accepted`, in lower case, says the same in nearly the same words."""
    found = process.extractOne(line.whole.lower(), accepted, scorer=fuzz.ratio, score_cutoff=DUPLICATE_RATIO)
    return found is not None


def said(line: Line) -> str:
    """What a line says, whatever its case, spaces and signs: lines that agree in it are one line."""
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", line.whole).casefold()))


def _same(asked: str, question: str) -> bool:
    return bool(fuzz.ratio(asked.lower(), question.lower()) >= DUPLICATE_RATIO)


def _is_degenerate(line: Line) -> bool:
    words = line.text.lower().split()
    if not any(c.isalnum() for c in line.text) or REFUSAL.search(line.text):
        return True
    if line.prompt is None and len(words) < LEAST_WORDS:
        return True
    runs = Counter(zip(words, words[1:], words[2:], strict=False))
    return any(n > MOST_REPEATED for n in runs.values())


def _numbers(text: str) -> frozenset[str]:
    digits = {without_grouping(n) for n in re.findall(r"\d+(?:[.,:]\d+)*", text)}
    words = {NUMBER_WORDS[word] for word in re.findall(r"[a-z]+", text.lower()) if word in NUMBER_WORDS}
    return frozenset(digits | words - {"1"})


def _stem(word: str) -> str:
    """Crude on purpose: `discovered`, `discovery` and `discovers` should meet, nothing else is asked of it."""
    return word if len(word) <= 5 else word[:5]
