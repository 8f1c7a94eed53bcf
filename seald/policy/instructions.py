"""Documents are data: what speaks to whoever reads them as a model, rather than of the world, is told apart here.

The imperative mood is no sign of it: a runbook commands its reader in every line. What gives it away is what it is
about: the model, its answers, prompts, roles and instructions, what it shall say when asked, what users shall not know.
Rules, since what is looked for must be found by the same means whatever the document says about it. They are on the
side of dropping: a sentence that is lost costs a fact, one that is obeyed costs more.
"""

from __future__ import annotations

import re
from functools import lru_cache

from seald.policy import sentences
from seald.policy.addressing import PATTERNS, SQUASHED
from seald.policy.control_tokens import CONTROL, opens, speaks_as_another
from seald.policy.hidden import encodes_text, readings

UNTITLED = "This document"


def subject_of(title: str) -> str:
    """The title, or words that stand for it where it addresses the model."""
    return UNTITLED if addresses_model(title) else title


@lru_cache(maxsize=8192)
def addresses_model(text: str) -> bool:
    """Whether some part of `text` speaks to a model, or hides what it says."""
    if speaks_as_another(text) or encodes_text(text):
        return True
    read = readings(text)
    if any(CONTROL.search(each) for each in read):
        return True
    return any(pattern.search(each) for each in read for pattern in PATTERNS) or _is_spelled_out(text, read[-1])


def divide(text: str) -> tuple[str, tuple[str, ...]]:
    """`text` without the sentences that address the model, and those sentences. Untouched when there are none."""
    told, removed = [], []
    for paragraph in re.split(r"\n\s*\n", text):
        kept, gone = _divide(paragraph)
        told += [" ".join(kept)] if kept else []
        removed += gone
    return ("\n\n".join(told), tuple(removed)) if removed else (text, ())


def told(text: str) -> str:
    """What `text` tells, without what it wants of a model; empty when that is all there is."""
    return divide(text)[0]


def _divide(paragraph: str) -> tuple[list[str], list[str]]:
    kept: list[str] = []
    gone: list[str] = []
    speaking = False
    for piece in _pieces(paragraph):
        removed = speaking or addresses_model(piece)
        (gone if removed else kept).append(piece)
        speaking = opens(piece) or (speaking and not speaks_as_another(piece))
    # An instruction that only the whole shows, cut up by full stops, takes the whole with it.
    return ([], [paragraph]) if _is_spelled_out(" ".join(kept), "") else (kept, gone)


def _pieces(paragraph: str) -> list[str]:
    """Sentences; the lines of one apart, where each for itself shows all that is wrong with it."""
    found: list[str] = []
    for sentence in sentences.split(paragraph):
        lines = [line for line in sentence.split("\n") if line.strip()]
        clean = "\n".join(line for line in lines if not addresses_model(line))
        wrapped = any(line.lstrip()[:1].islower() for line in lines[1:])
        apart = len(lines) > 1 and not wrapped and addresses_model(sentence) and not addresses_model(clean)
        found += lines if apart else [sentence]
    return found


def _is_spelled_out(text: str, joined: str) -> bool:
    letters = len(re.findall(r"(?<!\w)[^\W\d_](?!\w)", text))
    stops = len(re.findall(r"[.!?]\s", text))
    if letters < 8 and stops < 3:
        return False
    squashed = re.sub(r"[^a-z]", "", joined or readings(text)[-1])
    return SQUASHED.search(squashed) is not None
