"""Making probes at ingest: questions that the model answers only with the passage in view, and clozes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from seald.domain.document import Document
from seald.domain.probe import Probe, ProbeKind, ProbeOrigin, probe_id
from seald.guards.choosing import Asked, Blank, same_answer, spread, with_splits
from seald.guards.grading import is_right
from seald.ports import BASE, Continuation, Engine, Sampling

ASKING = 4
"""One in so many of the probes may be a question: each that is tried costs four answers of the engine."""
MOST_TRIED = 1.5
"""Clozes scored for each that is wanted: the base fills some of them."""
ENOUGH_FROM_CLIENT = 3
QUESTION_TOKENS = 32
ANSWER_TOKENS = 24

Made = list[tuple[Blank, Probe]]


def make(
    engine: Engine, document: Document, blanks: Sequence[Blank], *, supplied: Sequence[Probe], most: int
) -> list[Probe]:
    """At most `most` probes in two splits: clozes that the base cannot fill, and, unless the client supplied enough,
    questions that it can answer open book. `supplied` are the client's: nothing like them is made.

    Raises:
        EngineUnavailable, EngineRefused: the engine did not answer.
    """
    asked = Asked(document.title, supplied)
    questions = most // ASKING if len(supplied) < ENOUGH_FROM_CLIENT else 0
    tried = spread(blanks, int(MOST_TRIED * (most - questions)), asked.takes_cloze)
    made = _clozes(engine, document, tried)[: most - questions]
    if questions:
        made += _questions(engine, document, _to_ask(blanks, tried, supplied, asked, questions), asked)
    return with_splits(made, supplied)


def _clozes(engine: Engine, document: Document, blanks: Sequence[Blank]) -> Made:
    question = f"{document.title}: how does this sentence go on?"
    items = [Continuation(question=question, lead=b.lead.rstrip(), answer=" " + b.answer) for b in blanks]
    scores = engine.score(items, model=BASE) if items else []
    return [
        (blank, _probe(document, blank, "cloze", question, item.answer, "rule", lead=item.lead))
        for blank, item, score in zip(blanks, items, scores, strict=True)
        if not score.greedy
    ]


def _to_ask(
    blanks: Sequence[Blank], tried: Sequence[Blank], supplied: Sequence[Probe], asked: Asked, most: int
) -> list[Blank]:
    """Facts that make no cloze first; none that the client asks for."""

    def is_new(blank: Blank) -> bool:
        return not any(same_answer(blank.answer, probe.answer) for probe in supplied)

    others = spread(blanks, most, lambda blank: is_new(blank) and asked.takes_fact(blank))
    return others + spread(tried, most - len(others), is_new)


def _questions(engine: Engine, document: Document, blanks: Sequence[Blank], asked: Asked) -> Made:
    prompts = [_ask_for_question(document.title, blank) for blank in blanks]
    written = engine.ask(prompts, Sampling(max_tokens=QUESTION_TOKENS), model=BASE) if prompts else []
    pairs = [(question, blank) for text, blank in zip(written, blanks, strict=True) if (question := _first_line(text))]
    pairs = [(q, b) for q, b in pairs if _is_well_posed(q, b, document.title) and asked.takes_question(q)]
    answerable = _is_answerable(engine, pairs) if pairs else []
    return [
        (blank, _probe(document, blank, "question", question, blank.answer, "model"))
        for (question, blank), good in zip(pairs, answerable, strict=True)
        if good
    ]


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
    """It asks, it names its subject (the title's words, or another name of its sentence), and it does not give the
    answer away."""
    subjects = [word for word in re.findall(r"\w+", title.lower()) if len(word) > 3] or [title.lower()]
    subjects += [name.lower() for name in blank.subjects]
    asks = question.endswith("?") and len(question.split()) >= 4
    return asks and any(name in question.lower() for name in subjects) and not is_right(question, blank.answer)


def _first_line(text: str) -> str:
    line = text.strip().split("\n", 1)[0].strip().strip('"')
    return line[: line.index("?") + 1] if "?" in line else ""


def _probe(
    document: Document, blank: Blank, kind: ProbeKind, question: str, answer: str, origin: ProbeOrigin, lead: str = ""
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
        passage=blank.index,
    )
