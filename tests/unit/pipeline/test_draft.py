"""Sampling: exams first, then self-edits of one lesson a step, and who survives."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from seald.domain.episode import PASSAGE_ARM, POLICY_ARM, Episode
from seald.domain.retraining import Exam
from seald.domain.retraining import RetrainingStatus as S
from seald.errors import IllegalTransition
from seald.pipeline.draft import sample
from tests.unit.pipeline.conftest import MILLS, School
from tests.unit.pipeline.school import ASKED_TO_WRITE, FACTS, mill, said

Schools = Callable[..., School]


def exams(school: School) -> list[Exam]:
    return [lesson.exam for lesson in school.stores.retrainings.lessons(school.run.id) if lesson.exam is not None]


def written(school: School) -> list[Episode]:
    """Without what differs from time to time."""
    return [episode.model_copy(update={"seconds": 0.0}) for episode in school.episodes()]


def test_exams_are_set_before_anything_is_sampled_one_thing_a_step(school: School) -> None:
    school.ask(MILLS[:6], samples=3)
    seen = []
    for _ in range(11):
        assert school.retrainer.step()
        wrote = sum(ASKED_TO_WRITE in question for _, question in school.engine.asked)
        seen.append((len(exams(school)), len(school.episodes()), wrote))
    assert seen == [*((n, 0, 0) for n in range(7)), (6, 3, 3), (6, 6, 6), (6, 9, 9), (6, 9, 9)]
    assert school.run.status is S.SCORING
    assert [note["done"] for note in school.notes("exam")] == [1, 2, 3, 4, 5, 6]
    assert [(note["done"], note["of"]) for note in school.notes("sampled")] == [(1, 3), (2, 3), (3, 3)]
    held_out = {lesson.id for lesson in school.stores.retrainings.lessons(school.run.id) if lesson.held_out}
    assert not held_out & {episode.context_id for episode in school.episodes()}


def test_an_exam_is_set_once(school: School) -> None:
    school.ask(MILLS[:4])
    school.retrainer.step()
    with school.dying(school.stores.retrainings, "set_exam"):
        school.retrainer.step()
    (first,), asked = exams(school), len(school.engine.asked)
    school.step_until(S.SCORING)
    assert exams(school)[0] == first
    per_exam = len(first.rewarded) + len(first.hidden)
    assert sum(ASKED_TO_WRITE not in question for _, question in school.engine.asked) == asked + 3 * per_exam
    lesson = school.stores.retrainings.lessons(school.run.id)[0]
    school.stores.retrainings.set_exam(school.run.id, lesson.id, first.model_copy(update={"rewarded": ()}))
    assert exams(school)[0] == first


def test_the_best_by_proxy_survive(schools: Schools) -> None:
    school = schools(survivors=0.5)

    def write(prompt: str, n: int) -> str | None:
        return None if prompt.count("Ardal") == 0 else "I cannot help with this."

    school.engine.writes = write
    school.ask(MILLS[:6], samples=4)
    school.step_until(S.SCORING)
    for lesson in school.stores.retrainings.lessons(school.run.id):
        own = [episode for episode in school.episodes() if episode.context_id == lesson.id]
        ranked = sorted((e.proxy["total"] for e in own), reverse=True)
        assert sorted((e.proxy["total"] for e in own if e.survived), reverse=True) == ranked[:2]
    assert any(not episode.lines for episode in school.episodes())


def test_a_kill_at_any_moment_samples_the_same(schools: Schools) -> None:
    whole, killed = schools(), schools()
    for school in (whole, killed):
        school.ask(MILLS[:6])
    whole.step_until(S.SCORING)
    killed.step_while(lambda _: not killed.episodes())
    for before in (True, False):
        with killed.dying(killed.stores.episodes, "put", before=before):
            killed.retrainer.step()
    killed.step_until(S.SCORING)
    assert written(killed) == written(whole)


def test_an_outdated_step_does_nothing(school: School) -> None:
    school.ask(MILLS[:4])
    sampling = school.step_until(S.SAMPLING)
    school.step_until(S.SCORING)
    episodes, asked = school.episodes(), len(school.engine.asked)
    with pytest.raises(IllegalTransition, match="not sampling any more"):
        sample(school.shop, sampling)
    assert (school.episodes(), len(school.engine.asked), school.run.status) == (episodes, asked, S.SCORING)


def test_what_the_exam_asks_is_not_trained_on(school: School) -> None:
    _, question, answer = FACTS[1]
    replies = (f"Question: {question}\nAnswer: {answer}", said(0)[0])
    school.engine.writes = lambda prompt, _: replies[0] if "Question:" in prompt else replies[1]
    school.ask(MILLS[:5], samples=8)
    school.step_until(S.SCORING)
    asked = [episode for episode in school.episodes() if episode.form == "self-qa"]
    assert asked
    assert all(e.lines == () for e in asked)
    assert all(e.dropped == {"probe": 1} for e in asked)


def test_for_a_context_without_questions_on_both_sides_nothing_is_sampled(school: School) -> None:
    school.ask([mill(n, asked=n > 1) for n in range(12)])
    school.step_until(S.SCORING)
    taught = [lesson for lesson in school.stores.retrainings.lessons(school.run.id) if not lesson.held_out]
    usable = [lesson for lesson in taught if lesson.context.questions]
    assert {episode.context_id for episode in school.episodes()} == {lesson.id for lesson in usable}


def test_with_too_few_such_contexts_it_ends_before_anything_is_written(school: School) -> None:
    school.ask([mill(n, asked=False) for n in range(8)])
    failed = school.finish()
    assert (failed.status, failed.error is not None and failed.error["code"]) == (S.FAILED, "too_few_contexts")
    assert "0 of the contexts to learn from" in str(failed.error)
    assert not any(ASKED_TO_WRITE in question for _, question in school.engine.asked)


def test_ready_made_self_edits_are_learned_from_first(school: School) -> None:
    given = [mill(n).model_copy(update={"edits": {"GPT": tuple(said(n, range(2)))}}) for n in range(4)]
    school.ask(given, writer="GPT", rounds=2)
    school.step_until(S.SAMPLING, round=2)
    assert [(e.form, e.sample, len(e.lines)) for e in school.episodes()] == [("implications", n, 1) for n in (0, 1)] * 2
    assert not any(ASKED_TO_WRITE in question for _, question in school.engine.asked)
    school.step_until(S.SCORING, round=2)
    assert {(e.policy, e.sample) for e in school.episodes(2)} == {("learned@1", n) for n in range(4)}


def test_a_writer_who_wrote_nothing(school: School) -> None:
    school.ask(MILLS[:4], writer="nobody")
    failed = school.finish()
    assert failed.error is not None
    assert (failed.status, failed.error["code"], school.episodes()) == (S.FAILED, "invalid_request", [])


def test_beside_the_passage_its_worth_alone_is_found_once(schools: Schools) -> None:
    school = schools(passage=True, rounds=2)
    school.engine.writes = lambda _, n: "I cannot help with this." if n == 0 else None
    school.ask(MILLS[:6], samples=3)
    school.step_until(S.LEARNING)
    alone = [e for e in school.episodes() if e.arm == PASSAGE_ARM]
    samples = [e for e in school.episodes() if e.arm == POLICY_ARM]
    assert {e.context_id for e in alone} == {e.context_id for e in samples}
    assert {(e.lines, e.raw, len(e.scores)) for e in alone} == {((), "", 2)}
    worth = {e.context_id: e.scores for e in alone}
    empty = [e for e in samples if not e.lines]
    assert empty
    assert not any(e.survived for e in empty), "nothing is trained twice"
    assert all(e.scores == worth[e.context_id] for e in empty)
    trained = [line.text for job in school.trainer.jobs for line in job.fresh[:1]]
    assert sum(text.startswith("The mill of") and "\n" in text for text in trained) == 2 * len(alone)
