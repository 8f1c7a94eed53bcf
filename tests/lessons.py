"""Small invented contexts with questions and ready-made self-edits, as a retraining is given them."""

from __future__ import annotations

from typing import Any

SENTENCES = (
    "The {name} mill stands in the valley of Orvale{n}.",
    "It was built in 18{n:02d} by the miller Tove Brandt.",
    "Its wheel is {n} metres wide and turns to the left.",
    "In 1950 the {name} mill became a museum of flour and bread.",
)
MORE = (
    "The bell of {name} was cast in Drovane by the founder Ilva Reth.",
    "In 1931 a flood carried away the bridge from {name} to Halse.",
    "The last miller of {name}, Lone Vask, ground barley there until 1947.",
    "On Sundays a guide named Maren Tosk leads 48 visitors through {name}.",
)
QUESTIONS = (
    ("Where does the {name} mill stand?", "Orvale{n}"),
    ("Who built the {name} mill?", "Tove Brandt"),
    ("When was the {name} mill built?", "18{n:02d}"),
    ("What is the {name} mill now?", "a museum"),
)
WRITER = "a-teacher"
"""Who wrote the ready-made self-edits."""


def in_other_words(sentence: str) -> str:
    """A copy of the passage's own sentence would count for nothing."""
    return f"{sentence[:-1]}, it is said."


def context(n: int) -> dict[str, Any]:
    """One, with two self-edits that its passage bears out: one of a single sentence, one of all."""
    name = f"Karn{n}"
    told = [sentence.format(name=name, n=n) for sentence in SENTENCES]
    asked = [{"question": q.format(name=name, n=n), "answer": a.format(name=name, n=n)} for q, a in QUESTIONS]
    edits = {WRITER: [in_other_words(told[0]), "\n".join(map(in_other_words, told))]}
    return {"title": f"The {name} mill", "context": " ".join(told), "questions": asked, "edits": edits}


def contexts(count: int, *, first: int = 11) -> list[dict[str, Any]]:
    """So many different ones."""
    return [context(n) for n in range(first, first + count)]


def document(n: int) -> dict[str, Any]:
    """A longer one as a document: of its facts some are left to pay a policy with, once enough of them judge."""
    name = f"Karn{n}"
    return {"title": f"The {name} mill", "text": " ".join(s.format(name=name, n=n) for s in (*SENTENCES, *MORE))}
