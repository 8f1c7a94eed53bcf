from __future__ import annotations

import json
from pathlib import Path

import pytest
from rapidfuzz import fuzz, process

from seald.config import Settings
from seald.daemon import serve
from seald.errors import ConfigError
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


ITEM = {"question": "What is the sun of Orvale called?", "lead": "It is called", "answer": "Selm", "wrong": "Brenmark"}


def written(folder: Path, *items: dict[str, str]) -> Path:
    file = folder / "own.jsonl"
    file.write_text("\n".join(json.dumps(item) for item in items) + "\n\n")
    return file


def test_an_own_file_comes_after_the_shipped_ones(tmp_path: Path) -> None:
    counted = {"question": "How many moons has Orvale?", "lead": "Moons:", "answer": "9", "wrong": "12"}
    file = written(tmp_path, ITEM, counted)
    probes = suite.load(file)
    assert probes[:-2] == suite.load()
    named, number = probes[-2:]
    assert (named.lead, named.answer, named.wrong, named.kind) == ("It is called", " Selm", " Brenmark", "choice")
    assert (number.lead, number.answer, number.wrong) == ("Moons: ", "9", "12")
    assert suite.fingerprint(file) != suite.fingerprint()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"wrong": ""}, "wrong"),
        ({"answr": "x"}, "answr"),
        ({"answer": "Selm the great", "wrong": "selm"}, "same word"),
        ({"question": "what is the capital of france?"}, "asked already"),
        ({"answer": 9}, "answer"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, changes: dict[str, str], said: str) -> None:
    file = written(tmp_path, ITEM, {**ITEM, "question": "And the moon?", **changes})
    with pytest.raises(ConfigError, match=rf"own\.jsonl, line 2: .*{said}") as raised:
        suite.load(file)
    assert raised.value.param == "guards.general.file"


def test_the_daemon_does_not_start_with_a_suite_that_it_cannot_read(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", guards={"general": {"file": tmp_path / "none.jsonl"}})
    with pytest.raises(ConfigError, match=r"none\.jsonl cannot be read"):
        serve(settings)
    assert not (tmp_path / "data").exists()
