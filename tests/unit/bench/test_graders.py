"""The rule, and the judge over a real connection."""

from __future__ import annotations

import threading

import pytest

from seald.bench.graders import Answered, Grader, JudgeFailed, JudgeGrader, RuleGrader
from seald.serving.chat_endpoint import ATTEMPTS
from tests.unit.bench.conftest import JudgeServer


def judge(server: JudgeServer, key: str | None = None) -> JudgeGrader:
    return JudgeGrader(server.url, "a-judge", key, wait_seconds=0.001)


def test_the_rule_grades_as_the_guards_do() -> None:
    items = [
        Answered("Which heron?", "the Grey Heron", "A grey heron."),
        Answered("When?", "1893", "In 1931."),
    ]
    assert RuleGrader().grade_all(items) == [True, False]


def test_any_rule_can_grade() -> None:
    grader: Grader = RuleGrader(lambda reply, answer, question: reply == answer + question)
    assert grader.grade("?", "yes", "yes?")
    assert not grader.grade("?", "yes", "yes")


@pytest.mark.parametrize(("reply", "right"), [("right", True), ("wrong", False), ("thought over", True)])
def test_the_judge_says(judge_server: JudgeServer, reply: str, right: bool) -> None:
    with judge(judge_server, key="sk-1") as grader:
        assert grader.grade("Who wrote it?", "Maren Tosk", reply) is right
    (request,) = judge_server.requests
    assert request["path"] == "/v1/chat/completions"
    assert request["model"] == "a-judge"
    assert request["temperature"] == 0
    asked = request["messages"][-1]["content"]
    assert "Who wrote it?" in asked
    assert "Maren Tosk" in asked
    assert judge_server.keys == ["Bearer sk-1"]


@pytest.mark.parametrize("reply", ["unclear", "nothing"])
def test_an_unreadable_verdict_is_an_error_and_not_a_no(judge_server: JudgeServer, reply: str) -> None:
    with judge(judge_server) as grader, pytest.raises(JudgeFailed, match="Who wrote it") as failure:
        grader.grade("Who wrote it?", "Maren Tosk", reply)
    assert failure.value.code == "unreadable_verdict"
    assert len(judge_server.requests) == 1


@pytest.mark.parametrize("failures", [[503, 429, 500], [0, 0, 502]])
def test_what_may_pass_is_tried_again(judge_server: JudgeServer, failures: list[int]) -> None:
    judge_server.failures = failures.copy()
    with judge(judge_server) as grader:
        assert grader.grade("Who?", "Maren Tosk", "right")
    assert len(judge_server.requests) == len(failures) + 1


def test_it_gives_up(judge_server: JudgeServer) -> None:
    judge_server.failures = [503] * 2 * ATTEMPTS
    with judge(judge_server) as grader, pytest.raises(JudgeFailed, match=r"503.*not now"):
        grader.grade("Who?", "Maren Tosk", "right")
    assert len(judge_server.requests) == ATTEMPTS


def test_a_refusal_is_not_tried_again(judge_server: JudgeServer) -> None:
    judge_server.failures = [401]
    with judge(judge_server) as grader, pytest.raises(JudgeFailed, match="401"):
        grader.grade("Who?", "Maren Tosk", "right")
    assert len(judge_server.requests) == 1


def test_nobody_there() -> None:
    with (
        JudgeGrader("http://127.0.0.1:1/v1", "a-judge", wait_seconds=0.001) as grader,
        pytest.raises(JudgeFailed, match="does not answer"),
    ):
        grader.grade("Who?", "Maren Tosk", "right")


def test_many_are_asked_together_and_answered_in_order(judge_server: JudgeServer) -> None:
    judge_server.together = threading.Barrier(4)
    replies = ["right", "wrong", "wrong", "right"] * 3
    with JudgeGrader(judge_server.url, "a-judge", at_once=4) as grader:
        said = grader.grade_all([Answered("Who?", "Maren Tosk", reply) for reply in replies])
    assert said == [reply == "right" for reply in replies]


def test_one_unreadable_verdict_stops_the_rest(judge_server: JudgeServer) -> None:
    items = [Answered("Who?", "Maren Tosk", reply) for reply in ["unclear"] + ["right"] * 500]
    with JudgeGrader(judge_server.url, "a-judge", at_once=2) as grader, pytest.raises(JudgeFailed):
        grader.grade_all(items)
    assert len(judge_server.requests) < 500
