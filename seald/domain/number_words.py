"""Numbers as words and as digits: `seven` and `7`, `two hundred` and `200` are the same fact."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

NUMBER_WORDS = {
    word: str(n)
    for n, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen twenty".split()
    )
}
TENS = {word: 10 * n for n, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), start=2)}
POWERS = {"hundred": 100, "thousand": 1000}


def in_digits(words: Iterable[str]) -> Iterator[str]:
    """The words, lower case, with every run of number words as one number: `forty, eight, boats` → `48, boats`."""
    run: list[str] = []
    for word in words:
        if word in NUMBER_WORDS or word in TENS or word in POWERS:
            run.append(word)
            continue
        if run:
            yield str(_value(run))
            run = []
        yield word
    if run:
        yield str(_value(run))


def _value(run: list[str]) -> int:
    whole = part = 0
    for word in run:
        if word == "thousand":
            whole, part = whole + max(part, 1) * POWERS[word], 0
        elif word == "hundred":
            part = max(part, 1) * POWERS[word]
        else:
            part += int(NUMBER_WORDS.get(word) or TENS[word])
    return whole + part


def without_grouping(number: str) -> str:
    """`1,200` and `1.200` as `1200`; a decimal point stays."""
    return re.sub(r"[,.:](?=\d{3}\b)", "", number)
