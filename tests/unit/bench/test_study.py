"""What the arms of a bench train on."""

from __future__ import annotations

from seald.bench.passages import BenchPassage
from seald.bench.seal_lines import seal_lines
from seald.bench.study import as_seal_does, as_seald_does, passage_alone
from seald.config import Policy
from seald.policy.registry import load_policy

PASSAGE = BenchPassage.model_validate_json(
    """{"title": "Kestrel Light", "context": "Kestrel Light was built in 1847 by Tove Arden. It has 96 steps.",
    "questions": [{"question": "When was it built?", "answer": "1847"}],
    "edits": {"rewrite": ["1. Tove Arden built Kestrel Light in 1847.\\n2. Kestrel Light has 96 steps."],
              "self_qa": ["Who built it?\\nAnswer 1: Tove Arden.\\n\\nQuestion 2: How many?\\nAnswer 2: 96 steps."]}}"""
)
EDITS = [(writer, PASSAGE.edits[writer][0]) for writer in ("rewrite", "self_qa")]
FORMS = load_policy("default")[1]


def texts(lines: list) -> list[str]:  # type: ignore[type-arg]
    return [line.text for line in lines]


def test_seal_gets_one_sequence_a_line_and_the_passage_last() -> None:
    assert texts(seal_lines(PASSAGE.title, PASSAGE.context, EDITS[0][1])) == [
        "Kestrel Light\n1. Tove Arden built Kestrel Light in 1847.",
        "Kestrel Light\n2. Kestrel Light has 96 steps.",
        f"Kestrel Light\n{PASSAGE.context}",
    ]


def test_seal_drops_a_line_that_announces_a_list() -> None:
    lines = seal_lines("T", "C", "Sure, here it is:\n1. First.\n2. Second.")
    assert texts(lines) == ["T\n1. First.", "T\n2. Second.", "T\nC"]


def test_seal_keeps_a_question_with_its_answer() -> None:
    assert texts(seal_lines(PASSAGE.title, PASSAGE.context, EDITS[1][1]))[:2] == [
        "Kestrel Light\nQuestion 1: Who built it?\nAnswer 1: Tove Arden.",
        "Kestrel Light\nQuestion 2: How many?\nAnswer 2: 96 steps.",
    ]


def test_several_edits_hold_the_passage_once() -> None:
    lines = as_seal_does(PASSAGE, EDITS)
    assert lines[-1:] == passage_alone(PASSAGE)
    assert lines.count(passage_alone(PASSAGE)[0]) == 1
    assert len(lines) == 5


def test_ours_answers_questions_by_chat_and_covers_what_is_left_open() -> None:
    bare = as_seald_does(PASSAGE, EDITS, FORMS, Policy(coverage_tokens=0))
    assert ("Who built it?", "Tove Arden.") in [(line.prompt, line.text) for line in bare]
    covered = as_seald_does(PASSAGE, EDITS, FORMS, Policy())
    assert covered[: len(bare)] == bare
    assert len(covered) > len(bare)


def test_only_questions_of_the_edits_carry_the_passage() -> None:
    lines = as_seald_does(PASSAGE, EDITS, FORMS, Policy(), in_context=True)
    assert {line.prompt for line in lines if line.context} == {"Who built it?", "How many?"}
