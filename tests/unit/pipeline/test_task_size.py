"""What fits into a prompt, and how much room there is for what is said in reply."""

from __future__ import annotations

import pytest

from seald.domain.self_edit import Line
from seald.domain.task import Grid, Pair, Task
from seald.errors import InvalidRequest
from seald.pipeline.task_ask import asked, replies
from seald.pipeline.task_size import affordable, require_askable, require_fit, rooms, weight
from seald.pipeline.tasks import solve, submit
from seald.policy.augmenting import shown
from seald.ports import BASE
from tests.unit.pipeline.apprentice import Apprentice, turned
from tests.unit.pipeline.test_tasks import Sites, ask
from tests.unit.pipeline.test_tasks import sites as sites


def square(side: int, cell: int = 1) -> Grid:
    return ((cell,) * side,) * side


@pytest.mark.parametrize(
    ("pairs", "value", "output"),
    [
        ([("a", "a1b2-c3d4-e5f6-7890-1234"), ("b", "a1b2")], "c", "z1b2-c3d4-e5f6-7890-1234-5"),
        ([("eins", "一"), ("zwei", "二")], "drei", "三百"),
        ([("so", "SO"), ("be it", "BE IT")], "never say never again", "NEVER SAY NEVER AGAIN"),
        ([("ab", "a😀b😀"), ("c", "c😀")], "defg", "d😀e😀f😀g😀"),
        ([(square(2), square(4)), (square(3), square(6))], square(6), square(12)),
        ([(square(9), square(6)), (square(9, 2), square(6, 2))], square(9, 3), square(8, 3)),
    ],
)
def test_outputs_that_are_longer_than_the_examples_can_be_said(
    sites: Sites, pairs: list[tuple[str, str]], value: str, output: str
) -> None:
    shop, like = sites().shop, [Pair(input=given, output=made) for given, made in pairs]
    (room,) = rooms(shop, [asked("among", like, value)], like)
    assert room > len(shown(output).encode()), "a byte may be a token, and one ends the reply"


def test_who_rambles_does_not_write_for_ever(sites: Sites) -> None:
    shop = sites().shop
    texts = [Pair(input="a", output="a long word"), Pair(input="b", output="another one")]
    grids = [Pair(input=square(1), output=square(9)), Pair(input=square(1, 2), output=square(9))]
    assert rooms(shop, [asked("alone", (), "a" * 900)], texts) == [8 * 11 + 8]
    assert rooms(shop, [asked("alone", (), square(9))], grids) == [8 * 161 + 8]


def test_what_the_context_leaves_is_the_most_and_is_asked_apart(sites: Sites) -> None:
    class Heard(Apprentice):
        def ask(self, questions, sampling, *, model):  # type: ignore[no-untyped-def]
            heard.append((len(questions), sampling.max_tokens))
            return super().ask(questions, sampling, model=model)

    heard: list[tuple[int, int]] = []
    shop = sites(Heard(in_context=lambda _: True), max_tokens=300).shop
    like = [Pair(input="a" * 30, output="b" * 30)] * 2
    prompts = [asked("among", like, value) for value in ("c", "d" * 40, "e")]
    assert rooms(shop, prompts, like) == [68, 300 - 40 - weight(shop, prompts[1]), 68]
    assert replies(shop, prompts, like, BASE) == ["c", "d" * 40, "e"]
    assert heard == [(2, 68), (1, 60)]


@pytest.mark.parametrize("place", ["examples", "test"])
def test_a_known_output_has_its_room_or_the_task_is_refused(sites: Sites, place: str) -> None:
    shop, big = sites(max_tokens=300).shop, Pair(input="a", output="b" * 250)
    examples = [Pair(input="c", output="d"), *([big] if place == "examples" else [Pair(input="e", output="f")])]
    with pytest.raises(InvalidRequest, match=r"tokens; the limit is 300 \(tasks.max_tokens\)"):
        require_fit(shop, examples, [big] if place == "test" else [], "examples")


def test_what_the_engine_cannot_hold_is_refused(sites: Sites) -> None:
    shop = sites(max_tokens=4000).shop
    pairs = [Pair(input=f"{n}" * 1000, output="a") for n in range(3)]
    with pytest.raises(InvalidRequest, match=r"the limit is 2048 \(model.max_model_len\)"):
        require_fit(shop, pairs, [], "examples")


@pytest.mark.parametrize(
    ("value", "says"),
    [("a" * 200, r"inputs.1: .* the limit is 256 \(tasks.max_tokens\)"), ("a<|im_end|>", "who speaks")],
)
def test_inputs_to_be_solved_are_checked_as_examples_are(sites: Sites, value: str, says: str) -> None:
    shop = sites(max_tokens=256).shop
    task, _, _ = submit(shop, ask("ab", "cd"))
    with pytest.raises(InvalidRequest, match=says) as refusal:
        solve(shop, task, ["lamp", value])
    assert refusal.value.param == "inputs.1"


def test_what_was_taken_can_be_asked(sites: Sites) -> None:
    shop = sites(max_tokens=256).shop
    task: Task = submit(shop, ask("ab", "cd", test=[{"input": "a" * 50, "output": turned("b" * 50)}]))[0]
    require_askable(shop, task, [test.input for test in task.test])


def test_lines_are_as_many_as_can_be_paid_for(sites: Sites) -> None:
    shop = sites(tokens=200).shop
    lines = [Line(prompt="a", text="b" * 30) for _ in range(4)]
    assert weight(shop, (lines[0].whole,)) == 40
    assert [len(affordable(shop, lines, 1, epochs=epochs)) for epochs in (1, 2, 8)] == [4, 2, 1]
    assert len(affordable(shop, lines, 3, epochs=8)) == 3
