"""A retraining over tasks: configurations are sampled, paid by what they solve, learned from, and judged."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from seald.domain.adapter import AdapterStatus
from seald.domain.episode import Episode
from seald.domain.retraining import Context, Retraining, RetrainingAsk
from seald.domain.retraining import RetrainingStatus as S
from seald.domain.self_edit import Directives
from seald.domain.task import Pair, Task, TaskAsk
from seald.domain.tournament import INCUMBENT, LEARNED, RECIPE
from seald.errors import Conflict, IntegrityError, InvalidRequest
from seald.pipeline.contest import TOURNAMENT, WHOLE
from seald.pipeline.retrain import ask_by_schedule, ask_for_retraining, roll_back_policy
from seald.pipeline.score import score
from seald.pipeline.tasks import remove, submit
from tests.unit.pipeline.apprentice import Apprentice, CarefulTrainer, turned
from tests.unit.pipeline.conftest import MILLS, MOST_STEPS, QUICK, Killed, School
from tests.unit.pipeline.school import ASKED_TO_WRITE
from tests.unit.pipeline.test_retrain import PHASES, WRITES, mortal, moves, outcome
from tests.unit.pipeline.test_tasks import practice

Schools = Callable[..., School]
LETTERS = "abcdefghijkl"
GOOD = '{"augmentations": ["reorder"], "loss": "all", "learning_rate": 0.002, "epochs": 3}'
BAD = GOOD.replace("0.002", "0.0002")
PROSE = "I would train it well."
EVERYTHING = {"survivors": 1.0, "explore": 0.0}


def backwards(n: int, tests: int = 4, name: str = "backwards") -> dict[str, Any]:
    """The n-th task: its words are like no other one's."""
    words = [f"{LETTERS[n]}{LETTERS[k]}x{k}" for k in range(4 + tests)]
    pairs = [{"input": word, "output": turned(word)} for word in words]
    return {"name": f"{name}-{n}", "examples": pairs[:4], "test": pairs[4:]}


def context(n: int) -> Context:
    task = backwards(n)
    return Context.model_validate({"title": task["name"], "examples": task["examples"], "test": task["test"]})


TASKS = tuple(context(n) for n in range(10))


def writes(level: int, n: int) -> str:
    """The base as often no configuration as a bad one, and a good one last; who has learned the good one."""
    return GOOD if level else (PROSE, BAD, PROSE + "!", GOOD)[n % 4]


def is_fast(rate: float) -> bool:
    return rate >= 0.0015


@pytest.fixture
def schools(tmp_path: Path, migrated: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Schools]:
    """Makes one whose tasks are learned by adapters with a fast rate, other than the recipe's."""
    monkeypatch.setattr("seald.store.retrainings.secrets.token_hex", lambda n: "0" * 2 * n)
    made: list[School] = []

    def make(engine: Apprentice | None = None, **retrain: Any) -> School:
        changes = {
            "policy": {
                "retrain": {**QUICK, "survivors": 1.0, "explore": 0.0, **retrain, "tournament": {"contexts": 5}}
            },
            "training": {"threads": 1, "nice": 0, "attempts": 2},
            "tasks": {"drawn": 0},
        }
        folder = tmp_path / f"school-{len(made)}"
        folder.mkdir()
        shutil.copy(migrated, folder)
        told = engine or Apprentice(learns=is_fast, configures=writes)
        made.append(School(folder, tiny_model, changes, told, CarefulTrainer(), "default"))
        return made[-1]

    yield make
    for school in made:
        school.stores.close()


@pytest.fixture
def whole(schools: Schools) -> School:
    """A run of two rounds that nothing has disturbed."""
    school = schools()
    school.ask(TASKS, rounds=2)
    school.finish()
    return school


def wholes(school: School) -> dict[str, list[Episode]]:
    found: dict[str, list[Episode]] = {}
    for episode in school.episodes(TOURNAMENT):
        if episode.sample == WHOLE:
            found.setdefault(episode.arm, []).append(episode)
    return found


def refused(run: Retraining) -> tuple[S, str | None]:
    return run.status, run.error["code"] if run.error is not None else None


def test_a_run_over_tasks_makes_a_policy_for_tasks(whole: School) -> None:
    """The second round is all alike, so that it teaches nothing more and the first one's policy is judged."""
    assert (whole.run.subject, whole.run.error) == ("task", None)
    assert moves(whole) == [S.QUEUED, *PHASES[:3], *PHASES, S.PROMOTED]
    (version,) = whole.stores.policies.all()
    assert (version.subject, version.live, version.status) == ("task", True, AdapterStatus.APPROVED)
    assert whole.stores.policies.live("task") == version
    assert whole.shop.policy_of_tasks() == version.policy
    assert whole.stores.policies.live() is None, "documents are written for by another one"
    assert whole.shop.policy_of("default") == whole.shop.policy
    assert set(whole.engine.rates) == {"base"}
    assert not whole.shop.work_folder(whole.run.id).exists()


def test_what_wins_is_learned_and_what_is_no_configuration_is_the_worst(whole: School) -> None:
    episodes = whole.episodes()
    assert {(e.raw, e.survived, len(e.scores), e.reward, e.learned) for e in episodes} == {
        (PROSE, False, 1, 0.0, False),
        (BAD, True, 2, 0.0, False),
        (PROSE + "!", False, 1, 0.0, False),
        (GOOD, True, 2, 1.0, True),
    }
    assert {tuple(e.dropped.items()) for e in episodes if not e.lines} == {(("unparseable", 1),)}
    assert {e.directives for e in episodes if e.raw == GOOD} == {
        Directives(learning_rate=0.002, epochs=3, loss_scope="all")
    }
    (job,) = [job for job in whole.trainer.jobs if "policy of round" in job.id]
    assert {line.text for line in job.fresh} == {GOOD}
    assert all(ASKED_TO_WRITE in (line.prompt or "") and line.ended for line in job.fresh)
    first, second = whole.run.figures["rounds"]
    assert (first["parseable"], second["parseable"], second["winners"]) == (0.5, 1.0, 0)
    assert (first["reward"]["mean"], second["reward"]["mean"]) == (0.25, 1.0)


def test_an_adapter_is_trained_as_the_configuration_says_on_the_examples_alone(whole: School) -> None:
    jobs = [job for job in whole.trainer.jobs if "policy of round" not in job.id]
    texts = {line.text for job in jobs for line in job.fresh}
    assert texts <= {str(pair.output) for task in TASKS for pair in task.examples}
    recipe = whole.settings.recipes["task"]
    asked = {"learning_rate": 0.002, "epochs": 3, "loss_scope": "all"}
    assert {job.recipe for job in jobs} == {
        recipe,
        recipe.model_copy(update=asked),
        recipe.model_copy(update={**asked, "learning_rate": 0.0002}),
    }
    assert all(job.parent is None for job in jobs)


def test_an_episode_is_trained_on_as_few_tokens_as_an_adaptation(schools: Schools) -> None:
    school = schools()
    school.ask(TASKS)
    school.step_until(S.SCORING)
    few = school.settings.tasks.model_copy(update={"tokens": 100})
    shop = replace(school.shop, settings=school.settings.model_copy(update={"tasks": few}))
    good = next(episode for episode in school.episodes() if episode.raw == GOOD)
    score(shop, school.run, {lesson.id: lesson for lesson in shop.retrainings.lessons(school.run.id)}, [good])
    (job,) = school.trainer.calls[-1]
    assert job.fresh == good.lines[:4] and len(good.lines) > 4, "each pair by itself is left"


def test_the_recipe_is_to_be_beaten_and_tokens_are_as_they_come(whole: School) -> None:
    found = wholes(whole)
    assert set(found) == {LEARNED, INCUMBENT, RECIPE}
    assert {len(e.scores) for e in found[LEARNED]} == {2}
    assert {e.raw for e in found[LEARNED]} == {GOOD}
    assert {e.raw for e in found[INCUMBENT]} == {BAD}, "the first reply that is one"
    assert {e.directives for e in found[RECIPE]} == {Directives(learning_rate=0.001, epochs=4, loss_scope="completion")}
    tournament = whole.run.figures["tournament"]
    assert {duel["against"] for duel in tournament["duels"]} == {INCUMBENT, RECIPE}
    standings = {standing["arm"]: standing for standing in tournament["standings"]}
    assert (standings[LEARNED]["accuracy"], standings[RECIPE]["accuracy"], standings[LEARNED]["reward"]) == (
        1.0,
        0,
        1.0,
    )
    assert all(standing["tokens"] > 0 for standing in standings.values())


def test_who_never_says_how_trains_nothing_and_gains_nothing(schools: Schools) -> None:
    engine = Apprentice(learns=lambda rate: rate >= 0.0006 and rate != 0.001)
    engine.configures = lambda level, n: GOOD if level else f"{PROSE} {n}"
    school = schools(engine=engine, explore=0.9)
    school.ask(TASKS, samples=8)
    assert school.finish().error is None
    assert {(e.lines, e.scores[0].tokens, e.scores[0].hidden_accuracy) for e in wholes(school)[INCUMBENT]} == {
        ((), 0, 0.0)
    }
    assert school.run.figures["rounds"][0]["parseable"] == 0.0
    drawn = [e for e in school.episodes() if e.explored]
    assert drawn and all(e.lines and e.dropped for e in drawn)


def test_draws_take_the_place_of_failed_replies_first(schools: Schools) -> None:
    school = schools(explore=0.4)
    school.ask(TASKS)
    school.step_until(S.SCORING)
    episodes = school.episodes()
    groups = [[e for e in episodes if e.context_id == one] for one in {e.context_id for e in episodes}]
    for group in groups:
        failed, explored = [e for e in group if not e.lines], [e for e in group if e.explored]
        assert len(failed) == max(0, 2 - len(explored))
        assert sum("unparseable" in e.dropped for e in group) == 2


def test_equal_configurations_are_scored_once(schools: Schools) -> None:
    said = (GOOD, f"Here: {GOOD}", GOOD.replace("3}", "3 }"), BAD)
    school = schools(engine=Apprentice(learns=is_fast, configures=lambda level, n: GOOD if level else said[n]))
    school.ask(TASKS)
    school.finish()
    assert {(e.sample, len(e.scores)) for e in school.episodes()} == {(0, 2), (1, 0), (2, 0), (3, 2)}


@pytest.mark.parametrize(
    ("learns", "in_context", "replies", "code"),
    [
        (lambda _: False, lambda _: False, writes, "no_signal"),
        (lambda _: True, lambda _: False, lambda _, n: (GOOD, BAD)[n % 2], "no_signal"),
        (is_fast, lambda _: False, lambda *_: PROSE, "no_signal"),
        (is_fast, lambda _: True, lambda _, n: (BAD, PROSE)[n % 2], "no_signal"),
    ],
)
def test_where_nothing_is_worth_more_nothing_is_learned(
    schools: Schools,
    learns: Callable[[float], bool],
    in_context: Callable[[str], bool],
    replies: Callable[[int, int], str],
    code: str,
) -> None:
    """All wrong, all right, no configuration at all, and what is as bad as none."""
    school = schools(engine=Apprentice(learns, in_context, configures=replies))
    school.ask(TASKS)
    assert refused(school.finish()) == (S.REFUSED, code)
    assert (school.stores.policies.all(), school.shop.policy_of_tasks().version) == ([], "configuration")


def test_in_how_few_contexts_something_won_is_said(schools: Schools) -> None:
    school = schools()
    school.ask(TASKS)
    school.step_until(S.SCORING)
    seen = {lesson.id for lesson in school.stores.retrainings.lessons(school.run.id) if not lesson.held_out}
    two = sorted(seen)[:2]
    kept = [e for e in school.episodes() if e.context_id not in two and e.raw == GOOD]
    school.stores.episodes.put([e.model_copy(update={"survived": False}) for e in kept])
    run = school.finish()
    assert refused(run) == (S.REFUSED, "nothing_won")
    assert run.error is not None and run.error["message"].startswith("in 2 of 5 contexts")


def test_a_configuration_that_breaks_its_training_is_the_worst(schools: Schools) -> None:
    school = schools()
    school.trainer.fails = lambda job: "diverged" if job.recipe.learning_rate == 0.0002 else None
    school.ask(TASKS)
    assert school.finish().status is S.PROMOTED
    broken = [e for e in school.episodes() if e.raw == BAD]
    assert {(e.survived, len(e.scores), e.scores[0].accuracy, e.learned) for e in broken} == {(False, 1, 0.0, False)}


@pytest.mark.parametrize(("before", "parity"), [(True, 0), (False, 0), (False, 1)])
def test_killed_at_every_write_it_ends_the_same(whole: School, schools: Schools, before: bool, parity: int) -> None:
    school = schools()
    run = school.ask(TASKS, rounds=2)
    for store, methods in WRITES:
        for method in methods:
            mortal(getattr(school.stores, store), method, parity, before=before)
    deaths = 0
    for _ in range(MOST_STEPS):
        try:
            school.finish()
        except Killed:
            deaths += 1
            school.retrainer.sweep()
    assert deaths > 30, deaths
    assert outcome(school) == outcome(whole)
    adapters = [job.output for job in school.trainer.jobs if "policy of round" not in job.id]
    assert len(adapters) == len(set(adapters)) == len(whole.trainer.jobs) - 1
    school.retrainer.sweep()
    assert not school.shop.work_folder(run.id).exists()


def test_a_run_is_over_passages_or_over_tasks(schools: Schools) -> None:
    school = schools()
    for asked in ({"contexts": (*TASKS, *MILLS)}, {"contexts": TASKS, "subject": "passage"}):
        with pytest.raises(InvalidRequest, match="over passages or over tasks") as error:
            ask_for_retraining(school.shop, RetrainingAsk.model_validate(asked), "a")
        assert (error.value.code, error.value.param) == ("mixed_contexts", "contexts")
    assert school.runs == []


def test_a_task_that_no_prompt_holds_is_refused(schools: Schools) -> None:
    school = schools()
    pairs = tuple(Pair(input=f"{n} " * 500, output="1") for n in range(9))
    big = Context(title="big", examples=pairs, test=TASKS[0].test)
    with pytest.raises(InvalidRequest, match=r"tasks.max_tokens") as error:
        ask_for_retraining(school.shop, RetrainingAsk(contexts=(*TASKS, big)), "a")
    assert error.value.param == "contexts.10.examples"
    assert school.runs == []


def test_the_exam_deals_the_tests_in_turn_and_the_base_has_the_examples(schools: Schools) -> None:
    school = schools(engine=Apprentice(is_fast, lambda word: word.endswith("x4"), configures=writes))
    school.ask(TASKS)
    school.step_until(S.SCORING)
    for lesson in school.stores.retrainings.lessons(school.run.id):
        assert lesson.exam is not None
        asked = [[probe.question for probe in side] for side in (lesson.exam.rewarded, lesson.exam.hidden)]
        tests = [str(pair.input) for pair in lesson.context.tests]
        assert asked == [tests[::2], tests[1::2]]
        assert [lesson.exam.base[probe.id].correct for probe in lesson.exam.rewarded] == [True, False]
    school.step_until(S.LEARNING)
    gains = {e.raw: {score.accuracy for score in e.scores} for e in school.episodes()}
    assert gains == {PROSE: {-0.5}, BAD: {-0.5}, PROSE + "!": {-0.5}, GOOD: {0.5}}


def test_an_appointment_may_be_over_a_file_of_tasks(schools: Schools, tmp_path: Path) -> None:
    file = tmp_path / "tasks.json"
    file.write_text(TypeAdapter(tuple[Context, ...]).dump_json(TASKS).decode())
    school = schools(file=str(file))
    ask_by_schedule(school.shop, datetime(2026, 1, 1, tzinfo=UTC))
    assert (school.run.subject, {context.id for context in school.run.spec.given}) == ("task", {c.id for c in TASKS})


def stored(school: School, count: int) -> list[Task]:
    asks = [TaskAsk.model_validate(backwards(n)) for n in range(count)]
    return [submit(school.shop, ask)[0] for ask in asks]


def test_a_task_that_comes_is_configured_by_the_learned_policy(schools: Schools) -> None:
    school = schools()
    school.ask(TASKS)
    assert school.finish().status is S.PROMOTED
    ask = TaskAsk.model_validate(backwards(11))
    task, adaptation, _ = submit(school.shop, ask)
    school.walk()
    found = practice(school.stores.adaptations.get(adaptation.id))
    assert (found.policy, found.failed, [each.by for each in found.tried]) == ("learned@1", 0, ["recipe", "policy"])
    assert school.stores.adapters.live(task.lineage) is not None
    roll_back_policy(school.shop, None, None, "task")
    _, again, _ = submit(school.shop, TaskAsk.model_validate(backwards(10)))
    school.walk()
    assert practice(school.stores.adaptations.get(again.id)).policy == "configuration"
    with pytest.raises(Conflict, match="writes about tasks") as other:
        roll_back_policy(school.shop, 1, None)
    assert other.value.code == "other_subject"


def test_stored_tasks_are_learned_from_and_taken_back(schools: Schools) -> None:
    school = schools()
    tasks = stored(school, 10)
    submit(school.shop, TaskAsk.model_validate(backwards(10, tests=1)))
    run = school.ask(5, subject="task")
    assert school.finish().status is S.PROMOTED
    lessons = school.stores.retrainings.lessons(run.id)
    assert {lesson.context.document for lesson in lessons} == {task.id for task in tasks}, "one has too few tests"
    version = school.stores.policies.get(1)
    assert set(version.documents) == {lesson.context.document for lesson in lessons if not lesson.held_out}
    learned = next(task for task in tasks if task.id == version.documents[0])
    second = school.ask(5, subject="task")
    school.step_until(S.SCORING)
    school.shop.work_folder(second.id).mkdir(parents=True)
    remove(school.shop, learned)
    assert not school.shop.work_folder(second.id).exists(), "what its adapters were to be trained on lay there"
    assert refused(school.stores.retrainings.get(second.id)) == (S.FAILED, "document_forgotten")
    gone = school.stores.policies.get(1)
    assert (gone.status, gone.sha256, gone.live) == (AdapterStatus.RETIRED, None, False)
    assert (school.stores.policies.live("task"), school.stores.policies.tainted()) == (None, [])
    assert not school.stores.policy_files.folder(1).exists()
    assert not any(e.context_id == context(0).id for e in school.episodes() if e.document == learned.id)
    assert all(lesson.context.document != learned.id for lesson in school.stores.retrainings.lessons(run.id))
    with pytest.raises(IntegrityError):
        roll_back_policy(school.shop, 1, None, "task")
    submit(school.shop, TaskAsk.model_validate({**backwards(0), "name": learned.name}))
    assert school.stores.policies.live("task") is None, "sent again, it gives no policy back"
