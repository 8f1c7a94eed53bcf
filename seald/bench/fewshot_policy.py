"""`seald bench fewshot --rounds N`: the policy of tasks is retrained on others, then it writes for the measured ones.

The arms `policy` and `learned` are what the policy alone writes, before and after: no configuration of the recipe's,
none that is drawn. `learned` is the learned policy's also where its tournament was lost.
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
from seald.domain.task import Task, TaskAsk, Tried
from seald.domain.task_explained import FIGURES, practice_of
from seald.errors import ConfigError
from seald.pipeline.draft import policy_of as policy_at
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


def policy_before(shop: Workshop, run: Retraining) -> Policy:
    """The one that the run began with."""
    return policy_at(shop, run, run.start)


def best_of(
    shop: Workshop, task: Task, adaptation: Adaptation, policy: Policy
) -> tuple[int, Tried | None, Path | None]:
    """Of what `policy` alone writes, without the recipe's own and without draws: how many replies are no configuration,
    the one that did best on examples left out, and an adapter trained by it on all; None where there is none. What was
    tried already is not tried again.

    Raises:
        ConfigError: the adaptation has tried nothing.
    """
    before = practice_of(shop.adaptations.get(adaptation.id).figures)
    if before is None:
        raise ConfigError(f"task {task.name!r} was not learned")
    practice, wanted = practised(shop, task, policy)
    replies = {written(found): found for found, _ in wanted if found is not None}
    known = {written(tried.configuration): tried for tried in before.tried}
    new = tuple(Tried(configuration=found, by="policy") for said, found in replies.items() if said not in known)
    practice = before.model_copy(
        update={"policy": policy.version, "failed": practice.failed, "tried": before.tried + new}
    )
    shop.adaptations.add_figures(adaptation.id, {FIGURES: practice.model_dump(mode="json")})
    # What lies there was trained by other configurations.
    shutil.rmtree(shop.work_folder(adaptation.id), ignore_errors=True)
    tried = try_all(shop, adaptation, task).tried
    own = practice.model_copy(update={"tried": tuple(each for each in tried if written(each.configuration) in replies)})
    if not own.ways:
        return practice.failed, None, None
    best, _ = own.best
    (folder,) = trained_on_all(shop, adaptation, task, [best])
    return practice.failed, best, folder


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
