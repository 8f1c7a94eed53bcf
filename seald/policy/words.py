"""The words of a text that carry its content."""

from __future__ import annotations

import re

from seald.domain.number_words import NUMBER_WORDS

STOP_WORDS = frozenset(
    "a an the and or but of in on at by to from with for as is was are were be been being it its he she they them his "
    "her their this that these those who whom whose which what where when why how many much do does did has have had "
    "can could may might must will would should not no than then there here also only so such into about over under "
    "if while after before during between each every all any some more most other one name called according answer "
    "question yes".split()
)


def content_words(text: str) -> list[str]:
    """Words and numbers in order, as written, without those that any sentence has."""
    found = re.findall(r"\w+(?:[.,:’'-]\w+)*", text)
    return [word for word in found if word.lower() not in STOP_WORDS and (len(word) > 1 or word.isdigit())]


def statement_words(text: str) -> list[str]:
    """Words in lower case that a statement must take from its source: no numbers, which are checked by value."""
    found = re.findall(r"[^\W\d_]+", text.lower())
    return [word for word in found if word not in STOP_WORDS and word not in NUMBER_WORDS and len(word) > 1]
