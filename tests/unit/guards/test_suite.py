from __future__ import annotations

from rapidfuzz import fuzz, process

from seald.guards import suite
from seald.pipeline.general_replies import GENERAL_PROMPTS


def test_the_suite_is_large_and_has_no_twins() -> None:
    questions = [probe.question for probe in suite.load()]
    assert len(questions) >= 200
    assert len(set(questions)) == len(questions)
    assert len({probe.id for probe in suite.load()}) == len(questions)


def test_what_must_be_beaten_is_another_word() -> None:
    for probe in suite.load():
        assert probe.answer.strip().lower() != probe.wrong.strip().lower()
        assert probe.lead
        assert probe.answer.startswith(" ") != probe.lead.endswith(" ")


def test_nothing_of_the_suite_is_trained_on() -> None:
    questions = {probe.question.lower() for probe in suite.load()}
    assert not questions & {prompt.lower() for prompt in GENERAL_PROMPTS}
    for prompt in GENERAL_PROMPTS:
        twin = process.extractOne(prompt.lower(), questions, scorer=fuzz.ratio, score_cutoff=97)
        assert twin is None, (prompt, twin)
