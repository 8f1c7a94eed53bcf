"""What is written after the mix: aimed at what it leaves open, bounded, and the same after an interruption."""

from __future__ import annotations

import pytest

from seald.config import Policy as PolicySettings
from seald.domain.self_edit import SelfEdit
from seald.policy.coverage import measure
from seald.policy.targeting import tokens
from seald.policy.writing import Assignment, write
from tests.unit.policy.test_writing import ScriptedEngine, assignment

TEXT = (
    "The Orvale mill was built in 1847 by Tove Brandt with stone from a closed quarry. Its wheel is nine metres wide. "
    "The flour leaves through a narrow door."
)
REPLY = (
    "Question: Where does the flour of the Orvale mill go?\nAnswer: Out by a narrow door goes the flour.\n"
    "Question: When was the Orvale mill built?\nAnswer: It was built in 1847.\n"
    "Question: Who built it?\nAnswer: Nobody built it in 1612."
)


def covering(**settings: float) -> Assignment:
    return assignment("none", text=TEXT, settings=PolicySettings.model_validate({"coverage_growth": 1, **settings}))


def written(task: Assignment, engine: ScriptedEngine, done: list[SelfEdit] | None = None) -> list[SelfEdit]:
    return list(write(engine, task, done or []))  # type: ignore[arg-type]


def test_first_by_rule_then_by_the_model_for_what_is_still_open() -> None:
    engine = ScriptedEngine(REPLY)
    mix, by_rule, by_model = written(covering(), engine)
    assert [(edit.form, edit.sample) for edit in (mix, by_rule, by_model)] == [
        ("none", 0),
        ("targeted", 0),
        ("targeted", 1),
    ]
    assert (by_rule.raw, by_model.raw) == ("", REPLY)
    assert len(engine.asked) == 1, "nothing is open after the first round"
    assert "facts of it: narrow door.\n" in engine.asked[0]
    title = "The Orvale mill"
    before, after = (
        measure(title, TEXT, [line for edit in edits for line in edit.lines])
        for edits in ([mix], [mix, by_rule, by_model])
    )
    assert before.covered_k == 0
    assert before.both_directions < 0.5
    assert (after.covered_k, after.both_directions) == (1, 1)


def test_of_a_reply_only_what_mends_something_is_kept() -> None:
    *_, by_model = written(covering(), ScriptedEngine(REPLY))
    assert [line.text for line in by_model.lines] == ["Out by a narrow door goes the flour."]
    assert [dropped.reason for dropped in by_model.dropped] == ["unsupported_number", "surplus"]


def test_the_model_is_asked_no_more_often_than_configured_and_not_alike() -> None:
    engine = ScriptedEngine("Nothing of use.")
    edits = written(covering(coverage_rounds=3), engine)
    assert [edit.sample for edit in edits if edit.form == "targeted"] == [0, 1, 2, 3]
    assert len({sampling.seed for sampling in engine.samplings}) == 3
    assert not any(edit.lines for edit in edits[2:])


@pytest.mark.parametrize("limits", [{"coverage_growth": 0.2}, {"coverage_tokens": 60}])
def test_the_lines_grow_no_more_than_configured(limits: dict[str, float]) -> None:
    mix, *more = written(covering(**limits), ScriptedEngine(REPLY))
    most = limits.get("coverage_tokens", 0.2 * tokens(mix.lines))
    assert 0 < sum(tokens(edit.lines) for edit in more) <= most


def test_without_a_budget_there_is_only_the_mix() -> None:
    engine = ScriptedEngine(REPLY)
    assert [edit.form for edit in written(covering(coverage_tokens=0), engine)] == ["none"]
    assert engine.asked == []


@pytest.mark.parametrize("kept", [0, 1, 2, 3])
def test_a_run_that_was_interrupted_ends_as_if_it_was_not(kept: int) -> None:
    task = covering(phrasings=3, coverage_rounds=2)
    whole = written(task, ScriptedEngine(REPLY))
    assert len(whole) == 4
    rest = written(task, ScriptedEngine(REPLY), whole[:kept])
    assert whole[:kept] + rest == whole


def test_a_mix_that_holds_the_form_keeps_its_samples_apart() -> None:
    engine = ScriptedEngine(REPLY)
    edits = written(assignment("targeted", text=TEXT, settings=PolicySettings(coverage_growth=1)), engine)
    assert len({edit.key for edit in edits}) == len(edits) == 3
    assert "facts of it: 1847; Tove Brandt; stone; closed quarry; nine; narrow door.\n" in engine.asked[0]


def test_what_a_probe_asks_is_not_written_by_rule() -> None:
    task = covering()
    asked = "What was built in 1847 by Tove Brandt with stone from a closed quarry?"
    edits = written(Assignment(**{**task.__dict__, "questions": (asked,)}), ScriptedEngine(REPLY))
    assert not any(line.prompt == asked for edit in edits for line in edit.lines)
    assert any(line.prompt == asked for edit in written(task, ScriptedEngine(REPLY)) for line in edit.lines)
