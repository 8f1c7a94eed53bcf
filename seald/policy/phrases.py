"""Noun phrases of a text, by rule: what a question could ask for that is neither a name nor a number.

As in RAKE a phrase is a run of words between stop words and punctuation. RAKE does not tell nouns from verbs; here an
article, possessive or preposition must lead up to the run, and what is likely its verb is cut off. The rule would
rather miss a phrase than take one that is none: what it finds is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from seald.domain.number_words import NUMBER_WORDS, POWERS, TENS
from seald.policy.facts import Fact
from seald.policy.words import STOP_WORDS

TOKEN = re.compile(r"[^\W\d_]+(?:[’'-][^\W\d_]+)*|\d+(?:[.,:]\d+)*|[^\w\s]")
DETERMINERS = frozenset("a an the its his her their".split())
PREPOSITIONS = frozenset("of from with by in on at for under".split())
INTRODUCES_ONE = frozenset("a an of from with by".split())
"""After these a single word is a phrase: `a lottery`, `made of copper`. After `the` it is mostly what is known."""
NO_VERB = frozenset(
    "is are was were be been has have had can could may might must will would shall should do does did of".split()
)
"""After a subject these say that its last word was no verb."""
BEFORE_CLAUSE = frozenset(".!?;:,") | set("and but or that which who when where while today now later then".split())
NO_NOUNS = frozenset(
    "today tomorrow yesterday now once twice again later ago often never always still even just away out up down off "
    "least same own together through near above below across along behind beside beyond upon within without among "
    "since until against toward towards around because per via like".split()
)
VERBS = frozenset(
    "made built held kept sold led ran won written sent brought taken given found left drawn came went stood "
    "took gave wrote grew fell lay began became".split()
)
"""Whose form does not give them away."""
NO_ADVERBS = frozenset("family fly supply assembly reply ally lily belly jelly rally anomaly monopoly".split())
NUMBERS = NUMBER_WORDS.keys() | TENS.keys() | POWERS.keys()
LEAST_LETTERS = 3
MOST_WORDS = 4


def phrases(text: str) -> tuple[Fact, ...]:
    """Noun phrases of `text` in order, without their article: facts of the kind `phrase`, free of names and numbers."""
    return tuple(_found(text, list(TOKEN.finditer(text))))


def _found(text: str, tokens: list[re.Match[str]]) -> Iterator[Fact]:
    words = [token.group() for token in tokens]
    for place, word in enumerate(words):
        lead = word.lower()
        if lead not in DETERMINERS and lead not in PREPOSITIONS:
            continue
        size = _size(words, place)
        if size:
            start, end = tokens[place + 1].start(), tokens[place + size].end()
            yield Fact(kind="phrase", text=text[start:end], start=start, end=end)


def _size(words: list[str], lead: int) -> int:
    """How many words after `lead` are a noun phrase; 0 when they are none."""
    run = _run(words, lead + 1)
    after = words[lead + 1 + len(run)] if lead + 1 + len(run) < len(words) else "."
    introduced_by = words[lead].lower()
    if introduced_by in PREPOSITIONS and run and run[0].endswith("ing"):
        return 0
    kept = _before_verb(run)
    if kept == run and introduced_by in DETERMINERS and _begins_clause(words, lead) and after.lower() not in NO_VERB:
        kept, introduced_by = run[:-1], "the"  # the subject of a clause that goes on: its verb ends the run
    if introduced_by in {"a", "an"} and len(kept) > 1 and _ends_in_s(kept[-1]):
        kept = kept[:-1]  # no plural after these
    is_enough = len(kept) > 1 or (introduced_by in INTRODUCES_ONE and len("".join(kept)) >= LEAST_LETTERS)
    return len(kept) if is_enough and len(kept) <= MOST_WORDS else 0


def _run(words: list[str], start: int) -> list[str]:
    end = start
    while end < len(words) and _may_belong(words[end]):
        end += 1
    return words[start:end]


def _may_belong(word: str) -> bool:
    if not word[0].isalpha() or not word.islower() or word.partition("-")[0] in NUMBERS:
        return False
    is_adverb = word.endswith("ly") and word not in NO_ADVERBS
    return not is_adverb and word not in STOP_WORDS and word not in NO_NOUNS


def _begins_clause(words: list[str], lead: int) -> bool:
    return lead == 0 or words[lead - 1].lower() in BEFORE_CLAUSE


def _before_verb(run: list[str]) -> list[str]:
    """The run up to the first word, not its first, that looks like a verb: `mill produces flour` → `mill`."""
    for place, word in enumerate(run[1:], start=1):
        is_past = word in VERBS or (word.endswith("ed") and not word.endswith("eed"))
        if is_past or (place < len(run) - 1 and _ends_in_s(word)):
            return run[:place]
    return run


def _ends_in_s(word: str) -> bool:
    return word.endswith("s") and not word.endswith(("ss", "us", "is"))
