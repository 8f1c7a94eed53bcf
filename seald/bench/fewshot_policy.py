"""`seald bench fewshot --rounds N`: the policy of tasks is retrained on others, then it writes for the measured ones.

The arm `learned` is the learned policy's also where its tournament was lost: what is measured is what it writes.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from seald.bench.policy import to_its_end
from seald.bench.report import Figures
from seald.domain.adaptation import Adaptation
from seald.domain.policy import Policy
from seald.domain.retraining import Context, Retraining, RetrainingAsk
from seald.domain.task import Practice, Task, TaskAsk, Tried
from seald.domain.task_explained import FIGURES, practice_of
from seald.errors import ConfigError
from seald.pipeline.retrain import ask_for_retraining
from seald.pipeline.task_configure import practised
from seald.pipeline.task_train import trained_on_all, try_all
from seald.pipeline.workshop import Workshop
from seald.policy.configuring import written

KEY = "bench"
Tell = Callable[[str], None]


def retrained(shop: Workshop, tasks: Sequence[TaskAsk], rounds: int, tell: Tell) -> Retraining:
    """A retraining over the tasks, those of its tournament among them, at its end; twice is once."""
    contexts = tuple(Context(title=task.name, examples=task.examples, test=task.test) for task in tasks)
    run, _ = ask_for_retraining(shop, RetrainingAsk(contexts=contexts, rounds=rounds, subject="task"), KEY)
    told = {"status", "learned"}
    return to_its_end(shop, run, lambda now, event: tell(f"policy: {now.status}") if event.type in told else None)


def policy_of(shop: Workshop, run: Retraining) -> Policy | None:
    """What the run has learned last, promoted or not; None: nothing."""
    return shop.policies.get(run.version).policy if run.version is not None else None


def best_of(shop: Workshop, task: Task, adaptation: Adaptation, policy: Policy) -> tuple[Practice, Tried, Path]:
    """As the task's own adaptation chose, but from samples of `policy`: what came of it, the configuration that did
    best on examples left out, and an adapter trained by it on all. What was tried already is not tried again.

    Raises:
        ConfigError: the adaptation has tried nothing.
    """
    before = practice_of(shop.adaptations.get(adaptation.id).figures)
    if before is None:
        raise ConfigError(f"task {task.name!r} was not learned")
    known = {written(tried.configuration): tried for tried in before.tried if tried.marks is not None}
    practice, _ = practised(shop, task, policy)
    tried = tuple(_with_marks(each, known.get(written(each.configuration))) for each in practice.tried)
    practice = practice.model_copy(update={"tried": tried, "in_context": before.in_context})
    shop.adaptations.add_figures(adaptation.id, {FIGURES: practice.model_dump(mode="json")})
    # What lies there was trained by other configurations.
    shutil.rmtree(shop.work_folder(adaptation.id), ignore_errors=True)
    practice = try_all(shop, adaptation, task)
    best, _ = practice.best
    (folder,) = trained_on_all(shop, adaptation, task, [best])
    return practice, best, folder


def _with_marks(tried: Tried, known: Tried | None) -> Tried:
    return tried if known is None else known.model_copy(update={"by": tried.by})


def add_run(figures: Figures, run: Retraining) -> None:
    """Of each round what its self-edits were paid, and how many of the replies were configurations."""
    figures.settings["policy"] = str(run.status) if run.error is None else f"{run.status}: {run.error['code']}"
    figures.add("policy_promoted", int(run.status == "promoted"))
    for found in run.figures.get("rounds", []):
        number = found["round"]
        if found["reward"] is not None:
            figures.add(f"reward_round_{number}", found["reward"]["mean"])
            figures.add(f"reward_round_{number}_low", found["reward"]["low"])
            figures.add(f"reward_round_{number}_high", found["reward"]["high"])
        for key in ("parseable", "winners", "seconds"):
            figures.add(f"{key}_round_{number}", found[key])
