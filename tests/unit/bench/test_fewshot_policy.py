"""The learned arm of `seald bench fewshot`, by the loop with a scripted trainer and engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from seald.bench.fewshot import LEARNED, POLICY, Outcome, _add_learned
from seald.bench.fewshot_policy import add_run, best_of, policy_of, retrained
from seald.bench.report import Figures
from seald.domain.task import TaskAsk
from seald.pipeline.tasks import submit
from tests.unit.pipeline.apprentice import Apprentice
from tests.unit.pipeline.conftest import School
from tests.unit.pipeline.conftest import migrated as migrated
from tests.unit.pipeline.test_task_retraining import BAD, GOOD, PROSE, backwards, is_fast, writes
from tests.unit.pipeline.test_task_retraining import schools as schools


def outcome(**more: Any) -> Outcome:
    known = {"name": "backwards-10", "asked": 4, "solved": {"in_context": 1}, "promoted": True, "failed": 2, "tried": 3}
    return Outcome.model_validate({**known, "tokens": 1, "seconds": 1.0, **more})


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
    failed, best, folder = best_of(school.shop, task, adaptation, policy)
    assert best is not None and folder is not None
    assert (policy.version, failed, best.configuration.learning_rate) == ("learned@1", 0, 0.002)
    assert (folder / "result.json").exists()
    figures = Figures("fewshot")
    add_run(figures, run)
    _add_learned(school.shop, figures, run, ASKS[10:], [outcome()])
    found = figures.figures
    assert (found[f"accuracy_{POLICY}"], found["learned_over_policy"]) == (1.0, 0.0)
    assert (found[f"accuracy_{LEARNED}"], found["parseable_before"], found["parseable_after"]) == (1.0, 0.5, 1.0)
    assert (found["policy_promoted"], found["reward_round_1"], found["parseable_round_1"]) == (1, 0.25, 0.5)


@pytest.mark.parametrize(
    ("reply", "solved", "parseable"), [(BAD, 0.0, 1.0), (PROSE, 0.25, 0.0)], ids=["one that is bad", "none"]
)
def test_before_and_after_are_what_the_policy_alone_writes(
    schools: Callable[..., School], reply: str, solved: float, parseable: float
) -> None:
    """The recipe's own solves all, and counts for neither; without a configuration the examples in the prompt do."""
    school = schools(engine=Apprentice(lambda rate: rate == 0.001 or is_fast(rate), configures=writes))
    submit(school.shop, ASKS[10])
    school.walk()
    run = retrained(school.shop, ASKS[:10], 1, lambda _: None)
    school.engine.configures = lambda level, _: GOOD if level else reply  # type: ignore[attr-defined]
    figures, refused = Figures("fewshot"), outcome(tried=0, failed=0)
    big = ASKS[9].model_copy(update={"name": "big"})
    _add_learned(school.shop, figures, run, [ASKS[10], big], [outcome(), refused])
    found = figures.figures
    assert (found[f"accuracy_{POLICY}"], found[f"accuracy_{LEARNED}"]) == (solved / 2, 0.5)
    assert found["learned_over_policy"] == (1 - solved) / 2
    assert {"learned_over_policy_low", "learned_over_policy_high"} <= found.keys()
    assert (found["parseable_before"], found["parseable_after"]) == (parseable, 1.0), "refused tasks count in neither"


def test_where_nothing_was_learned_there_is_no_such_arm(schools: Callable[..., School]) -> None:
    school = schools(engine=Apprentice(configures=lambda *_: PROSE))
    run = retrained(school.shop, ASKS, 1, lambda _: None)
    figures = Figures("fewshot")
    add_run(figures, run)
    _add_learned(school.shop, figures, run, (), ())
    assert (figures.settings["policy"], policy_of(school.shop, run)) == ("refused: no_signal", None)
    assert f"accuracy_{LEARNED}" not in figures.figures
    assert GOOD not in str(figures.figures)
