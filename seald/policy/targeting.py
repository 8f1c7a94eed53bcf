"""More training text for what the lines so far do not cover, by rule: chosen from the passage's own words.

Of all lines that could be written, the one goes first that mends most for its tokens, until nothing more can be mended
or the budget is spent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from seald.config import Policy
from seald.domain.self_edit import Line
from seald.policy import cues, sentences
from seald.policy.coverage import Tally
from seald.policy.facts import Fact
from seald.policy.mentions import facts_in
from seald.policy.words import STOP_WORDS

LETTERS_OF_A_TOKEN = 4
TOKENS_OF_A_TURN = 8
"""Of the chat template, around a prompt, about; the system message is shared by all lines and costs nothing."""
LEAST_TOKENS = 20
"""With less than this left there is no line to be had for it."""
MOST_NAMED = 4
"""Facts in one question for the subject."""
BEFORE, AFTER = 4, 3
"""Words around the fact in a short question."""
MAY_BE_CUT_BEFORE = re.compile(
    r",? (?:in|on|at|with|from|by|during|since|after|which|who|where|when)\b|,(?! (?:and|or)\b)"
)
NOT_TO_BE_CUT = re.compile(
    r"\b(?:not|no|never|none|only|if|unless|until|except|without|but|nor|neither|almost|nearly|less|more|than|between)\b|n't",
    re.IGNORECASE,
)
"""A beginning of a sentence with one of these may say what the whole does not."""


def tokens(lines: Iterable[Line]) -> int:
    """Tokens that the lines train on, prompts included, about: the daemon has no tokenizer of the model at hand."""
    return sum(_cost(line) for line in lines)


def budget(settings: Policy, lines: Iterable[Line]) -> int:
    """Tokens that may be added to `lines` for what they leave open."""
    return min(settings.coverage_tokens, int(settings.coverage_growth * tokens(lines)))


def choose(tally: Tally, candidates: Iterable[Line], budget: int) -> list[Line]:
    """Take lines while they mend something and `budget` (tokens) lasts, the best first, and count them in `tally`."""
    open_ones = [(line, tally.read(line), _cost(line)) for line in dict.fromkeys(candidates)]
    chosen = []
    while open_ones:
        worth = [_Worth(tally.gain(bearings), cost) for _, bearings, cost in open_ones]
        best = max(range(len(open_ones)), key=lambda n: (worth[n].gain / worth[n].cost, worth[n].gain))
        line, bearings, cost = open_ones.pop(best)
        if not worth[best].gain:
            break
        if cost <= budget:
            budget -= cost
            tally.add(bearings)
            chosen.append(line)
    return chosen


def candidates(title: str, passage: str) -> list[Line]:
    """Everything that this module can write about the passage: questions for the subject, shorter sentences, short
    questions and answers. Nothing in it is said that the passage does not say in the same words."""
    parts = sentences.split(passage)
    written = []
    for raw, alone in zip(parts, sentences.with_subject(parts, title), strict=True):
        found = [fact for fact in facts_in(alone) if fact.text.lower() not in title.lower()]
        written += [*_for_subject(raw, alone, found, title), *_shortened(alone, found)]
        written += [_short_answer(alone, fact, title) for fact in found]
    return written


@dataclass(frozen=True)
class _Worth:
    gain: int
    cost: int


def _cost(line: Line) -> int:
    letters = len(line.text) + len(line.prompt or "")
    return -(-letters // LETTERS_OF_A_TOKEN) + (TOKENS_OF_A_TURN if line.prompt is not None else 0)


def _for_subject(raw: str, alone: str, found: list[Fact], title: str) -> Iterator[Line]:
    """`What was built in 1847?` → `The Orvale mill.`; where the subject is another, the facts ask for the sentence."""
    after = sentences.after_subject(alone, title)
    if after is not None:
        rest, owned = after
        yield Line(prompt=f"{'Whose' if owned else 'What'} {rest.rstrip(' .!?')}?", text=f"{_capital(title)}.")
    elif found:
        named = ", ".join(fact.text for fact in found[:MOST_NAMED])
        yield Line(prompt=f"{named}: what is this about?", text=f"{title}: {raw}")


def _shortened(alone: str, found: list[Fact]) -> Iterator[Line]:
    """The sentence up to one of its facts, asked for that fact: `It opened in 1847` of `It opened in 1847 by …`."""
    if NOT_TO_BE_CUT.search(alone):
        return
    for fact in found:
        before, after = alone[: fact.start], alone[fact.end :]
        is_simple = "," not in before and before[:1].isupper() and len(before.split()) > 1
        if is_simple and not _opens_adverbially(before) and MAY_BE_CUT_BEFORE.match(after):
            short = f"{alone[: fact.end]}."
            yield Line(prompt=cues.ask(short, fact), text=short)


def _opens_adverbially(text: str) -> bool:
    return text.split()[0].lower() in {"in", "on", "at", "after", "since", "from", "by", "when", "during", "if", "with"}


def _short_answer(alone: str, fact: Fact, title: str) -> Line:
    """The words around the fact as a question, and the fact alone: `Orvale mill: was built in which year?` → `1847.`"""
    after_title = sentences.after_subject(alone, title)
    start = len(alone) - len(after_title[0]) if after_title is not None else 0
    before, after = alone[min(start, fact.start) : fact.start], alone[fact.end :].rstrip(" .!?")
    lead, tail = _window(_clause(before, -1), _clause(after, 0))
    if not {*lead, *tail} - STOP_WORDS:
        lead, tail = _window(before, after)
    if fact.kind == "phrase":
        lead = cues.ARTICLE.sub("", " ".join([*lead, ""])).split()
    asked = " ".join([*lead, cues.wh_word(fact), *tail]).replace(" ,", ",")
    return Line(prompt=f"{title}: {asked}?", text=f"{_capital(fact.text)}{_unit(fact, tail)}.")


def _clause(text: str, place: int) -> str:
    """The piece of `text` between commas that is next to the fact."""
    return re.split(r"[,;:] ", text)[place]


def _window(before: str, after: str) -> tuple[list[str], list[str]]:
    """The words next to the fact, without half a name, and without words that lead on to what is left out."""
    lead, tail = before.split(), after.split()
    start, end = max(len(lead) - BEFORE, 0), min(AFTER, len(tail))
    while 0 < start < len(lead) and lead[start][:1].isupper() and lead[start - 1][:1].isupper():
        start += 1
    while 0 < end < len(tail) and (tail[end - 1].lower() in STOP_WORDS or tail[end - 1][:1].isupper()):
        end -= 1
    return lead[start:], tail[:end]


def _unit(fact: Fact, tail: list[str]) -> str:
    """A number is answered with the word that it counts: a plural, to take no verb for it."""
    counted = tail[0] if fact.kind == "number" and tail else ""
    return f" {counted}" if counted.isalpha() and counted.islower() and counted.endswith("s") else ""


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
