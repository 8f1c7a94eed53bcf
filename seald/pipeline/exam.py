"""What is asked about a context, before any self-edit is written: some questions pay the policy, others judge it.

Of a stored document these are its probes: the split `reward` pays, the split `guard` judges. Of a file's they are the
labelled questions, in turn. Where there are too few, a teacher asks: the base with the passage before it, under a
prompt that no form of self-edit uses; what several of its answers agree on is the answer. The teacher is never
retrained, so no policy can learn to please it. Of a task: `task_exam`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from seald.domain.probe import Probe, ProbeOrigin, Split, probe_id
from seald.domain.retraining import Context, Exam, Lesson
from seald.domain.self_edit import in_light_of
from seald.guards import probing
from seald.guards.grading import is_right
from seald.pipeline.task_exam import prepare_task
from seald.pipeline.workshop import Workshop
from seald.ports import BASE, Continuation, Engine, Sampling

ENOUGH = 2
"""Questions on each side with which no teacher is asked."""
ASKED = 8
"""Questions that the teacher is asked for."""
WRITING = Sampling(max_tokens=200)
ANSWERING = Sampling(max_tokens=24)
AGAIN = Sampling(max_tokens=24, temperature=0.7, top_p=0.95, seed=11)
TIMES = 4
"""Further answers of the teacher to each of its questions."""
MOST_WORDS = 12
"""Of an answer: a longer one can be said in too many ways."""


def prepare(shop: Workshop, lesson: Lesson) -> Exam:
    """The lesson's exam with what the base makes of it.

    Raises:
        EngineUnavailable, EngineRefused: the engine did not answer.
    """
    if lesson.context.subject == "task":
        return prepare_task(shop, lesson.context)
    rewarded, hidden = _known(shop, lesson.context)
    if min(len(rewarded), len(hidden)) < ENOUGH:
        known = {probe.question.casefold() for probe in (*rewarded, *hidden)}
        taught = [pair for pair in _by_teacher(shop, lesson.context) if pair[0].casefold() not in known]
        rewarded += _probes(lesson.context, taught[::2], "reward")
        hidden += _probes(lesson.context, taught[1::2], "guard")
    results = probing.put(shop.engine, [*rewarded, *hidden], BASE)
    return Exam(
        rewarded=tuple(rewarded),
        hidden=tuple(hidden),
        base={result.probe_id: result.model_copy(update={"reply": None}) for result in results},
        base_heldout=heldout(shop.engine, lesson.context, BASE),
    )


def heldout(engine: Engine, context: Context, model: str) -> float:
    """Log-probability of the passage's text as an answer to what its title is about, nats per token."""
    item = Continuation(question=f"What do you know about {context.title}?", lead="", answer=context.context)
    return engine.score([item], model=model)[0].mean


def _known(shop: Workshop, context: Context) -> tuple[list[Probe], list[Probe]]:
    if context.document is None:
        pairs = list({each.question: (each.question, each.answer) for each in context.questions}.values())
        return _probes(context, pairs[::2], "reward", "client"), _probes(context, pairs[1::2], "guard", "client")
    splits: tuple[Split, Split] = ("reward", "guard")
    rewarded, hidden = (
        [p for p in shop.probes.of_documents([context.document], split=split) if _is_of(p, context)] for split in splits
    )
    return rewarded, hidden


def _is_of(probe: Probe, context: Context) -> bool:
    """A client does not say which passage answers its question."""
    if probe.passage is None:
        return probe.answer.strip().casefold() in context.context.casefold()
    return probe.passage == context.passage


def _probes(
    context: Context, asked: Sequence[tuple[str, str]], split: Split, origin: ProbeOrigin = "model"
) -> list[Probe]:
    """Of pairs of question and answer."""
    return [
        Probe(
            id=probe_id(context.id, question, answer),
            collection="",
            document_id=context.document,
            kind="question",
            question=question,
            answer=answer,
            origin=origin,
            split=split,
            passage=context.passage,
        )
        for question, answer in dict.fromkeys(asked)
    ]


def _by_teacher(shop: Workshop, context: Context) -> Iterator[tuple[str, str]]:
    """Questions whose answers the teacher repeats, and the passage holds."""
    engine, least = shop.engine, shop.settings.policy.retrain.agreement
    wanted = (
        f"{context.context}\n\nYou are to find out whether somebody remembers this text about {context.title}. "
        f"Write {ASKED} short questions for that, one on each line, each with one answer of a few words."
    )
    questions = _questions(engine.ask([wanted], WRITING, model=BASE)[0])
    opened = [in_light_of(context.context, question) for question in questions]
    answers = engine.ask(opened, ANSWERING, model=BASE) if opened else []
    again = [engine.ask(opened, AGAIN.again(n), model=BASE) for n in range(TIMES)] if opened else []
    for place, (question, reply) in enumerate(zip(questions, answers, strict=True)):
        answer = _answer(reply)
        same = sum(is_right(replies[place], answer, question) for replies in again) if answer else -1
        if same >= least * TIMES and answer.lower() in context.context.lower():
            yield question, answer


def _questions(reply: str) -> list[str]:
    lines = (re.sub(r"^\W*(?:\d+\W+)?", "", line).strip() for line in reply.splitlines())
    return list(dict.fromkeys(line for line in lines if line.endswith("?") and len(line.split()) > 3))[:ASKED]


def _answer(reply: str) -> str:
    """The first line, if it is short enough to be said in one way; else nothing."""
    line = reply.strip().split("\n", 1)[0].strip(" .*")
    return line if len(line.split()) <= MOST_WORDS else ""
