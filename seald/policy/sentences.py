"""A text cut into sentences."""

from __future__ import annotations

import re

import sentencex


def split(text: str, language: str = "en") -> list[str]:
    """Sentences in order, stripped; a piece that goes on in lower case belongs to the one before it."""
    sentences: list[str] = []
    for piece in (piece.strip() for piece in sentencex.segment(language, text)):
        if sentences and piece[:1].islower():
            sentences[-1] += " " + piece
        elif piece:
            sentences.append(piece)
    return sentences


def with_subject(sentences: list[str], title: str) -> list[str]:
    """Each sentence able to stand alone: `It` and `Its` become the title where they can only mean it.

    That is where an unbroken run of sentences about the title leads up to it. Elsewhere nothing is changed: a wrong
    subject would be a statement that the passage does not make.
    """
    resolved, about_title = [], False
    for sentence in sentences:
        first, _, rest = sentence.partition(" ")
        if about_title and first == "It":
            resolved.append(f"{title} {rest}")
        elif about_title and first == "Its":
            resolved.append(f"{title}'s {rest}")
        else:
            about_title = _begins_with(sentence, title)
            resolved.append(sentence)
    return resolved


def after_subject(sentence: str, title: str) -> tuple[str, bool] | None:
    """What follows the title at the beginning of `sentence`, and whether the title owns it (`The mill's wheel …`).

    None where the sentence begins with something else.
    """
    begun = re.match(rf"(?:the |an? )?{re.escape(_bare(title))}(['’]s?)?(?=\W)", sentence, re.IGNORECASE)
    return (sentence[begun.end() :].strip(), begun[1] is not None) if begun else None


def _begins_with(sentence: str, title: str) -> bool:
    return _bare(sentence).startswith(_bare(title))


def _bare(text: str) -> str:
    lowered = text.lower()
    return lowered.removeprefix("the ").removeprefix("a ").removeprefix("an ")
