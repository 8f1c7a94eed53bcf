"""Making probes at ingest: questions that the model answers only with the passage in view, and clozes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from seald.domain.document import Document
from seald.domain.probe import Probe, ProbeKind, ProbeOrigin, probe_id
from seald.guards.grading import is_right
from seald.ports import BASE, Continuation, Engine, Sampling

MOST_CLOZES = 6
MOST_QUESTIONS = 4
"""Tried, not kept: each costs three answers of the engine."""
ENOUGH_FROM_CLIENT = 3
QUESTION_TOKENS = 32
ANSWER_TOKENS = 24


@dataclass(frozen=True)
class Blank:
    """A fact in its sentence: `lead` is the sentence up to it, `answer` the fact, `passage` where both stand."""

    passage: str
    lead: str
    answer: str


def make(engine: Engine, document: Document, blanks: Sequence[Blank], *, from_client: int) -> list[Probe]:
    """Clozes that the base cannot fill, and, unless the client supplied enough, questions that it can answer open book.

    Raises:
        EngineUnavailable, EngineRefused: the engine did not answer.
    """
    probes = _clozes(engine, document, blanks)
    if from_client < ENOUGH_FROM_CLIENT:
        probes += _questions(engine, document, _spread(blanks, MOST_QUESTIONS))
    return probes


def _clozes(engine: Engine, document: Document, blanks: Sequence[Blank]) -> list[Probe]:
    chosen = _spread([blank for blank in blanks if blank.lead.strip()], 2 * MOST_CLOZES)
    question = f"{document.title}: how does this sentence go on?"
    items = [Continuation(question=question, lead=b.lead.rstrip(), answer=" " + b.answer) for b in chosen]
    scores = engine.score(items, model=BASE)
    open_ones = [item for item, score in zip(items, scores, strict=True) if not score.greedy]
    return [
        _probe(document, "cloze", item.question, item.answer, "rule", lead=item.lead)
        for item in open_ones[:MOST_CLOZES]
    ]


def _questions(engine: Engine, document: Document, blanks: Sequence[Blank]) -> list[Probe]:
    asked = engine.ask(
        [_ask_for_question(document.title, b) for b in blanks], Sampling(max_tokens=QUESTION_TOKENS), model=BASE
    )
    pairs = [(question, blank) for text, blank in zip(asked, blanks, strict=True) if (question := _first_line(text))]
    pairs = [(q, b) for q, b in pairs if _is_well_posed(q, b, document.title)]
    pairs = [pair for pair, good in zip(pairs, _is_answerable(engine, pairs), strict=True) if good]
    return [_probe(document, "question", q, b.answer, "model") for q, b in {q: (q, b) for q, b in pairs}.values()]


def _is_answerable(engine: Engine, pairs: Sequence[tuple[str, Blank]]) -> list[bool]:
    """Right twice with the passage in view (greedy and sampled), wrong without it."""
    open_book = [f"{b.passage}\n\nAnswer from the text above in a few words. {q}" for q, b in pairs]
    greedy = engine.ask(open_book, Sampling(max_tokens=ANSWER_TOKENS), model=BASE)
    sampled = engine.ask(open_book, Sampling(max_tokens=ANSWER_TOKENS, temperature=0.7, seed=1), model=BASE)
    closed = engine.ask([q for q, _ in pairs], Sampling(max_tokens=ANSWER_TOKENS), model=BASE)
    answers = zip(pairs, greedy, sampled, closed, strict=True)
    return [
        is_right(g, b.answer, q) and is_right(s, b.answer, q) and not is_right(c, b.answer, q)
        for (q, b), g, s, c in answers
    ]


def _ask_for_question(title: str, blank: Blank) -> str:
    return (
        f'{blank.passage}\n\nWrite one short question about {title} that the text above answers with "{blank.answer}". '
        "Write only the question."
    )


def _is_well_posed(question: str, blank: Blank, title: str) -> bool:
    """It asks, it names its subject, and it does not give the answer away."""
    subject = [word for word in re.findall(r"\w+", title.lower()) if len(word) > 3] or [title.lower()]
    asks = question.endswith("?") and len(question.split()) >= 4
    return asks and any(word in question.lower() for word in subject) and not is_right(question, blank.answer)


def _first_line(text: str) -> str:
    line = text.strip().split("\n", 1)[0].strip().strip('"')
    return line[: line.index("?") + 1] if "?" in line else ""


def _spread(blanks: Sequence[Blank], most: int) -> list[Blank]:
    """At most `most`, evenly over the document, none with an answer that came before."""
    unique = list({blank.answer.lower(): blank for blank in reversed(blanks)}.values())[::-1]
    step = max(len(unique) / max(most, 1), 1.0)
    return [unique[int(i * step)] for i in range(min(most, len(unique)))]


def _probe(
    document: Document, kind: ProbeKind, question: str, answer: str, origin: ProbeOrigin, *, lead: str = ""
) -> Probe:
    return Probe(
        id=probe_id(document.id, f"{question}\n{lead}", answer),
        collection=document.collection,
        document_id=document.id,
        kind=kind,
        question=question,
        lead=lead,
        answer=answer,
        origin=origin,
    )
