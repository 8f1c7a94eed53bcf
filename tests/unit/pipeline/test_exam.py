"""What is asked about a context before anything is written for it: what pays, what judges, and what is left out."""

from __future__ import annotations

import pytest

from seald.domain.probe import Probe, Split
from seald.domain.retraining import Context, LabelledQuestion, Lesson
from seald.pipeline.exam import prepare
from seald.ports import BASE, Sampling
from tests.unit.pipeline.conftest import School
from tests.unit.pipeline.school import FACTS, UNKNOWN, mill

BARE = mill(0, asked=False)
TAUGHT = {
    "In which year was the mill built?": ["1801"] * 5,
    "How many people does it employ?": ["31", "31", "31", "99", "98"],
    "What is the colour of the mill?": ["Red"] * 5,
    "How many sacks does it grind?": ["412", "412.", "It grinds 412 sacks", "98", "412"],
    "What is told of the mill's cellar?": ["It keeps 71 stones in its cellar, and " + "many " * 12] * 5,
    "What did the town pay for it?": ["9100 crowns."] * 5,
}
"""Question → the teacher's greedy answer, and four drawn ones."""
PROMPT = "Here are my questions:\n" + "\n".join(f"{n}. {question}" for n, question in enumerate(TAUGHT, 1))


def lesson(context: Context) -> Lesson:
    return Lesson(retraining_id="ret-1", place=0, context=context, held_out=False)


def pairs(probes: tuple[Probe, ...]) -> list[tuple[str, str]]:
    return [(probe.question, probe.answer) for probe in probes]


def probe(n: int, split: Split, passage: int | None) -> Probe:
    _, question, answer = FACTS[n]
    told = {"id": f"p{n}{passage}", "question": f"{question} {passage}", "answer": str(answer), "passage": passage}
    return Probe(collection="default", document_id=None, kind="question", origin="model", split=split, **told)


@pytest.fixture
def taught(school: School) -> School:
    """A school whose teacher asks."""
    seeds: list[int | None] = [None]

    def read(question: str, sampling: Sampling) -> str:
        if sampling.seed not in seeds:
            seeds.append(sampling.seed)
        return TAUGHT[question][seeds.index(sampling.seed)]

    school.engine.teaches, school.engine.reads = PROMPT, read
    return school


def test_reward_probes_pay_and_guard_probes_judge(school: School) -> None:
    sides: list[Split] = ["reward", "guard"] * 2
    own = [probe(n, split, 0) for n, split in enumerate(sides)]
    elsewhere = [probe(n, split, 1) for n, split in enumerate(sides)]
    anywhere = probe(7, "guard", None)
    id = school.learned(BARE.title, BARE.context, mill(1).context, probes=[*own, *elsewhere, anywhere])
    exam = prepare(school.shop, lesson(BARE.model_copy(update={"document": id, "passage": 0})))
    assert {each.id for each in exam.rewarded} == {"p00", "p20"}
    assert {each.id for each in exam.hidden} == {"p10", "p30", "p7None"}


def test_labelled_questions_pay_and_judge_in_turn(school: School) -> None:
    twice = LabelledQuestion(question=FACTS[0][1], answer="1801")
    context = mill(0).model_copy(update={"questions": (twice, *mill(0).questions)})
    exam = prepare(school.shop, lesson(context))
    assert [answer for _, answer in pairs(exam.rewarded)] == ["1801", "51", "1927", "9100"]
    assert [answer for _, answer in pairs(exam.hidden)] == ["31", "412", "71", "2600"]


def test_questions_that_the_teachers_answers_do_not_agree_on_are_left_out(taught: School) -> None:
    exam = prepare(taught.shop, lesson(BARE))
    built, sold = "In which year was the mill built?", "What did the town pay for it?"
    assert pairs(exam.rewarded) == [(built, "1801"), (sold, "9100 crowns")]
    assert pairs(exam.hidden) == [("How many sacks does it grind?", "412")]
    assert {model for model, _ in taught.engine.asked} == {BASE}


def test_the_teacher_adds_to_too_few_questions_and_asks_none_twice(taught: School) -> None:
    known = LabelledQuestion(question="How many sacks does it GRIND?", answer="412")
    exam = prepare(taught.shop, lesson(BARE.model_copy(update={"questions": (known,)})))
    assert pairs(exam.rewarded)[0] == ("How many sacks does it GRIND?", "412")
    asked = [question.lower() for question, _ in (*pairs(exam.rewarded), *pairs(exam.hidden))]
    assert len(asked) == len(set(asked)) > 1


def test_an_exam_says_what_the_base_makes_of_it_without_its_words(school: School) -> None:
    exam = prepare(school.shop, lesson(mill(0)))
    assert exam.base.keys() == {probe.id for probe in (*exam.rewarded, *exam.hidden)}
    assert {(r.correct, r.logprob, r.reply) for r in exam.base.values()} == {(False, UNKNOWN, None)}
    assert exam.base_heldout == UNKNOWN


def test_a_teacher_without_questions_leaves_an_empty_exam(school: School) -> None:
    school.engine.teaches = "I cannot think of anything?\nThe mill is old. What?"
    exam = prepare(school.shop, lesson(BARE))
    assert (exam.rewarded, exam.hidden, exam.base) == ((), (), {})
