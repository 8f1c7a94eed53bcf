"""`seald bench fewshot`: tasks of a few examples, by the very code that the daemon runs.

Arms, all with two attempts an input, voted over the same views: `in_context`, the base with the examples in its prompt;
`fixed`, the recipe's own configuration; `self_edit`, of all configurations that were tried the one that did best on
examples left out; `oracle`, the one that does best on the tests, which nobody knows beforehand. With rounds of
retraining `policy` and `learned`: as `self_edit`, but of the policy's own replies alone, before it was retrained on
other tasks and after; where none of them can be trained by, the base with the examples in its prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean

from pydantic import BaseModel, ConfigDict, TypeAdapter

from seald.bench.fewshot_policy import add_run, best_of, policy_before, policy_of, retrained
from seald.bench.intervals import accuracy, difference
from seald.bench.report import Figures
from seald.bench.workroom import WAIT_SECONDS, workroom
from seald.config import Settings
from seald.domain.adaptation import FINAL, Adaptation
from seald.domain.policy import Policy
from seald.domain.retraining import Retraining
from seald.domain.task import Asking, Practice, Question, Task, TaskAsk, Tried
from seald.domain.task_explained import practice_of
from seald.errors import ConfigError, InvalidRequest
from seald.pipeline.remembered import remembered
from seald.pipeline.runner import Runner
from seald.pipeline.task_solve import solutions
from seald.pipeline.task_train import trained_on_all
from seald.pipeline.tasks import submit
from seald.pipeline.trial import on_trial
from seald.pipeline.workshop import Workshop
from seald.policy.voting import solves
from seald.ports import BASE

ARMS = ("in_context", "fixed", "self_edit", "oracle")
POLICY, LEARNED = "policy", "learned"
Tell = Callable[[str], None]
Counted = tuple[int, int]
"""Solved, asked."""


class Outcome(BaseModel):
    """Of one task: for each arm how many tests it solved, out of so many."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    asked: int
    solved: dict[str, int]
    promoted: bool
    failed: int
    """Replies of the policy that were no configuration."""
    tried: int
    tokens: int
    """Trained to find the configuration."""
    seconds: float


_OUTCOME = TypeAdapter(Outcome)


class Replied(BaseModel):
    """Of one task: how many tests were solved by what a policy wrote, and how many of its replies were no
    configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    solved: int
    failed: int


_REPLIED = TypeAdapter(Replied)


def measure(
    settings: Settings, tasks: Sequence[TaskAsk], tell: Tell, *, rounds: int = 0, others: Sequence[TaskAsk] = ()
) -> Figures:
    """Every task to its end; then, for so many rounds, the policy of tasks is retrained on `others`, and writes for
    them. `settings.data_dir` is where everything lies; what is there already is not done again.

    Raises:
        ConfigError: a task has no test whose output is known. EngineUnavailable: no engine answered.
    """
    for ask in tasks:
        if not any(question.output is not None for question in ask.test):
            raise ConfigError(f"task {ask.name!r} has no test with its output: there is nothing to measure")
    with workroom(settings) as shop:
        outcomes = [_outcome(shop, ask, tell) for ask in tasks]
        figures = _figures(outcomes, settings.tasks.samples)
        if rounds:
            run = retrained(shop, others, rounds, tell)
            add_run(figures, run)
            _add_learned(shop, figures, run, tasks, outcomes)
    return figures


def _add_learned(
    shop: Workshop, figures: Figures, run: Retraining, tasks: Sequence[TaskAsk], outcomes: Sequence[Outcome]
) -> None:
    learned = policy_of(shop, run)
    if learned is None:
        return
    found = {}
    for arm, policy in ((POLICY, policy_before(shop, run)), (LEARNED, learned)):
        found[arm] = [_by(shop, ask, outcome, policy) for ask, outcome in zip(tasks, outcomes, strict=True)]
    asked = [outcome.asked for outcome in outcomes]
    counted = {arm: list(zip([each.solved for each in made], asked, strict=True)) for arm, made in found.items()}
    for arm, counts in counted.items():
        figures.add_interval(f"accuracy_{arm}", accuracy(counts, seed=0))
    figures.add_interval(f"{LEARNED}_over_{POLICY}", difference(counted[LEARNED], counted[POLICY], seed=0))
    # Of a task that is refused nobody writes anything.
    samples = shop.settings.tasks.samples * sum(outcome.tried > 0 for outcome in outcomes)
    for name, arm in (("before", POLICY), ("after", LEARNED)):
        if samples:
            figures.add(f"parseable_{name}", 1 - sum(each.failed for each in found[arm]) / samples)


def _by(shop: Workshop, ask: TaskAsk, outcome: Outcome, policy: Policy) -> Replied:
    if not outcome.tried:
        return Replied(solved=0, failed=0)
    task, adaptation, _ = submit(shop, ask)
    kept = shop.settings.data_dir / "outcomes" / f"{task.id}-own-{policy.version}.json"

    def examined() -> Replied:
        failed, best, folder = best_of(shop, task, adaptation, policy)
        solved = outcome.solved["in_context"] if best is None else _solved(shop, task, folder, best)
        return Replied(solved=solved, failed=failed)

    return remembered(kept, _REPLIED, examined)


def _outcome(shop: Workshop, ask: TaskAsk, tell: Tell) -> Outcome:
    try:
        task, adaptation, _ = submit(shop, ask)
    except InvalidRequest as refusal:
        tell(f"{ask.name}: {refusal.message}")
        return _unsolved(ask)
    kept = shop.settings.data_dir / "outcomes" / f"{task.id}.json"
    outcome = remembered(kept, _OUTCOME, lambda: _examined(shop, task, _learned(shop, adaptation)))
    said = ", ".join(f"{arm} {outcome.solved[arm]}" for arm in ARMS)
    tell(f"{task.name}: of {outcome.asked} {said}; {'promoted' if outcome.promoted else 'not promoted'}")
    return outcome


def _unsolved(ask: TaskAsk) -> Outcome:
    """Of a task that is too large for the model, whoever is asked."""
    asked = sum(question.output is not None for question in ask.test)
    solved = dict.fromkeys(ARMS, 0)
    return Outcome(name=ask.name, asked=asked, solved=solved, promoted=False, failed=0, tried=0, tokens=0, seconds=0.0)


def _learned(shop: Workshop, adaptation: Adaptation) -> Adaptation:
    runner = Runner(shop)
    while adaptation.status not in FINAL:
        if not runner.step():
            shop.stopping.wait(WAIT_SECONDS)
        adaptation = shop.adaptations.get(adaptation.id)
    return adaptation


def _examined(shop: Workshop, task: Task, adaptation: Adaptation) -> Outcome:
    practice = practice_of(adaptation.figures)
    if practice is None or not practice.ways or any(t.marks is None and t.failure is None for t in practice.tried):
        raise ConfigError(f"task {task.name!r} was not learned: {(adaptation.error or {}).get('message')}")
    adapters = zip(practice.tried, trained_on_all(shop, adaptation, task, practice.tried), strict=True)
    solved = [_solved(shop, task, folder, tried) for tried, folder in adapters]
    best, _ = practice.best
    return Outcome(
        name=task.name,
        asked=len(_known(task)),
        solved={
            "in_context": _right(shop, task, BASE, "among"),
            "fixed": solved[0],
            "self_edit": solved[practice.tried.index(best)],
            "oracle": max(solved),
        },
        promoted=str(adaptation.status) == "promoted",
        failed=practice.failed,
        tried=len(practice.tried),
        tokens=sum(tried.tokens for tried in practice.tried),
        seconds=round(sum(tried.seconds for tried in practice.tried), 1),
    )


def _solved(shop: Workshop, task: Task, folder: Path | None, tried: Tried) -> int:
    """Nothing, where its training breaks."""
    if folder is None:
        return 0
    _, asking = Practice(policy="", tried=(tried,)).best
    with on_trial(shop, folder) as model:
        return _right(shop, task, model, asking)


def _right(shop: Workshop, task: Task, model: str, asking: Asking) -> int:
    tests = _known(task)
    made = solutions(shop, task, [question.input for question in tests], model, asking)
    return sum(
        question.output is not None and solves(solution.attempts, question.output)
        for question, solution in zip(tests, made, strict=True)
    )


def _known(task: Task) -> list[Question]:
    return [question for question in task.test if question.output is not None]


def _figures(outcomes: Sequence[Outcome], samples: int) -> Figures:
    figures = Figures("fewshot", settings={"tasks": len(outcomes)})
    counted = {arm: [(outcome.solved[arm], outcome.asked) for outcome in outcomes] for arm in ARMS}
    for arm, counts in counted.items():
        figures.add_interval(f"accuracy_{arm}", accuracy(counts, seed=0))
    for arm in ("in_context", "fixed"):
        name = "margin" if arm == "in_context" else f"margin_over_{arm}"
        figures.add_interval(name, difference(counted["self_edit"], counted[arm], seed=0))
    figures.add("refused", fmean(not outcome.tried for outcome in outcomes))
    figures.add("promoted", fmean(outcome.promoted for outcome in outcomes))
    figures.add("failed_samples", fmean([o.failed / samples for o in outcomes if o.tried] or [0.0]))
    figures.add("tokens_a_task", fmean(outcome.tokens for outcome in outcomes))
    figures.add("seconds_a_task", fmean(outcome.seconds for outcome in outcomes))
    return figures
