"""The learned arm of `seald bench fewshot`, by the loop with a scripted trainer and engine."""

from __future__ import annotations

from collections.abc import Callable

from seald.bench.fewshot import LEARNED, Outcome, _add_learned
from seald.bench.fewshot_policy import add_run, best_of, policy_of, retrained
from seald.bench.report import Figures
from seald.domain.task import TaskAsk
from seald.pipeline.tasks import submit
from tests.unit.pipeline.apprentice import Apprentice
from tests.unit.pipeline.conftest import School
from tests.unit.pipeline.conftest import migrated as migrated
from tests.unit.pipeline.test_task_retraining import GOOD, PROSE, backwards
from tests.unit.pipeline.test_task_retraining import schools as schools

ASKS = [TaskAsk.model_validate(backwards(n)) for n in range(11)]


def test_what_was_learned_on_others_chooses_for_the_measured(schools: Callable[..., School]) -> None:
    school = schools()
    task, adaptation, _ = submit(school.shop, ASKS[10])
    school.walk()
    said: list[str] = []
    run = retrained(school.shop, ASKS[:10], 1, said.append)
    assert retrained(school.shop, ASKS[:10], 1, said.append) == run, "what is there is not done again"
    assert (str(run.status), said[-1]) == ("promoted", "policy: promoted")
    policy = policy_of(school.shop, run)
    assert policy is not None
    practice, best, folder = best_of(school.shop, task, adaptation, policy)
    assert (practice.policy, practice.failed, best.configuration.learning_rate) == ("learned@1", 0, 0.002)
    assert (folder / "result.json").exists()
    outcome = Outcome(
        name=task.name,
        asked=4,
        solved={"self_edit": 4},
        promoted=True,
        failed=2,
        tried=3,
        tokens=1,
        seconds=1.0,
    )
    figures = Figures("fewshot")
    add_run(figures, run)
    _add_learned(school.shop, figures, run, ASKS[10:], [outcome])
    found = figures.figures
    assert (found[f"accuracy_{LEARNED}"], found["parseable_before"], found["parseable_after"]) == (1.0, 0.5, 1.0)
    assert (found["policy_promoted"], found["reward_round_1"], found["parseable_round_1"]) == (1, 0.25, 0.5)


def test_where_nothing_was_learned_there_is_no_such_arm(schools: Callable[..., School]) -> None:
    school = schools(engine=Apprentice(configures=lambda *_: PROSE))
    run = retrained(school.shop, ASKS, 1, lambda _: None)
    figures = Figures("fewshot")
    add_run(figures, run)
    _add_learned(school.shop, figures, run, (), ())
    assert (figures.settings["policy"], policy_of(school.shop, run)) == ("refused: no_signal", None)
    assert f"accuracy_{LEARNED}" not in figures.figures
    assert GOOD not in str(figures.figures)
