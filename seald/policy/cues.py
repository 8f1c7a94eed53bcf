"""Questions that a sentence's own words ask, by rule: a model that writes poor questions still learns to answer.

A sentence learned under one prompt for all sentences is told apart from its neighbours by nothing, and a question gets
whichever was learned best. Under its own words, in changing choices, a question that shares some of them finds it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable

from seald.policy.facts import Fact, extract
from seald.policy.words import content_words

ARTICLE = re.compile(r"\b(?:an?|the|its|his|her|their) $", re.IGNORECASE)


def keywords(sentence: str, title: str) -> tuple[str, str, str]:
    """One, two and three content words of `sentence` that `title` lacks, each in their order.

    They are drawn without repetition as long as there are enough, so that together they name most of the sentence;
    the same arguments give the same words. All are empty when there is none.
    """
    of_title = {word.lower() for word in content_words(title)}
    words = [word for word in dict.fromkeys(content_words(sentence)) if word.lower() not in of_title]
    order = random.Random(f"{title}\n{sentence}").sample(range(len(words)), len(words))
    one, two, three = ({order[n % len(order)] for n in draw} if order else () for draw in ((0,), (1, 2), (3, 4, 5)))
    return _listed(words, one), _listed(words, two), _listed(words, three)


def _listed(words: list[str], chosen: Iterable[int]) -> str:
    return ", ".join(words[index] for index in sorted(chosen))


def blank_questions(sentence: str, title: str, most: int) -> list[str]:
    """The sentence asked for up to `most` of its facts: `Tove built it in 1847.` → `Tove built it in which year?`"""
    facts = [fact for fact in extract(sentence) if not _overlap(fact.text, title)]
    chosen = random.Random(f"{title}\n{sentence}").sample(facts, min(most, len(facts)))
    return [ask(sentence, fact) for fact in chosen]


def ask(sentence: str, fact: Fact) -> str:
    """The sentence as a question for one of its facts; a phrase takes its article along: `made from a what` is none."""
    lead = ARTICLE.sub("", sentence[: fact.start]) if fact.kind == "phrase" else sentence[: fact.start]
    asked = f"{lead}{wh_word(fact)}{sentence[fact.end :]}".rstrip(" .!?")
    return f"{asked[:1].upper()}{asked[1:]}?"


def wh_word(fact: Fact) -> str:
    """What asks for the fact: `which year`, `how many`, …"""
    if re.fullmatch(r"\d{1,2}:\d\d", fact.text):
        return "what time"
    if fact.kind == "date":
        return "which year" if fact.text.isdigit() else "what date"
    return "how many" if fact.kind == "number" else "what"


def _overlap(fact: str, title: str) -> bool:
    return fact.lower() in title.lower() or title.lower() in fact.lower()
