"""editing → training, of a task: the policy says how it may be learned from its examples."""

from __future__ import annotations

import random
from collections.abc import Iterator

from seald.domain.adaptation import Adaptation, AdaptationStatus
from seald.domain.policy import Policy
from seald.domain.task import LINEAGE, Configuration, Origin, Practice, Task, Tried
from seald.domain.task_explained import FIGURES
from seald.errors import Conflict
from seald.pipeline.workshop import Workshop
from seald.pipeline.writer import writing
from seald.policy.configuring import drawn, own, parse, prompt, sampling, written

Wanted = tuple[Configuration | None, int]
"""What a reply says, None where it is no configuration; and its length in letters."""


def configure(shop: Workshop, adaptation: Adaptation) -> None:
    """Ask for configurations; each is kept once, beside the recipe's own and some that are drawn.

    Raises:
        NotFound: the task was deleted.
        EngineUnavailable, EngineRefused: the writer did not answer.
    """
    task = task_of(shop, adaptation)
    practice, wanted = practised(shop, task, shop.policy_of_tasks())
    for configuration, letters in wanted:
        is_one = {"configuration": configuration.model_dump(mode="json") if configuration else None}
        shop.adaptations.note(adaptation.id, "configuration", {**is_one, "letters": letters})
    figures = {FIGURES: practice.model_dump(mode="json")}
    shop.adaptations.move(adaptation.id, AdaptationStatus.EDITING, AdaptationStatus.TRAINING, figures=figures)


def practised(shop: Workshop, task: Task, policy: Policy) -> tuple[Practice, list[Wanted]]:
    """All configurations that are to be tried, none of them tried yet, and what the policy's replies came to.

    Raises:
        EngineUnavailable, EngineRefused: the writer did not answer.
    """
    replies = _replies(shop, task, policy)
    wanted = [(parse(reply, task.kind, shop.settings.tasks.bounds), len(reply)) for reply in replies]
    found = [configuration for configuration, _ in wanted if configuration is not None]
    tried = tuple(_distinct(shop, task, found))
    return Practice(policy=policy.version, failed=len(wanted) - len(found), tried=tried), wanted


def task_of(shop: Workshop, adaptation: Adaptation) -> Task:
    """The task that an adaptation learns.

    Raises:
        NotFound: it was deleted. Conflict (code `task_deleted`): another one has its name by now.
    """
    task = shop.tasks.get(adaptation.collection.removeprefix(LINEAGE))
    if shop.tasks.latest_adaptation(task).id != adaptation.id:
        raise Conflict(f"the task that {adaptation.id} was to learn was deleted", code="task_deleted")
    return task


def _replies(shop: Workshop, task: Task, policy: Policy) -> list[str]:
    settings, form = shop.settings.tasks, shop.forms[policy.mix[0].form]
    asked = prompt(form, task.kind, task.examples, settings.bounds)
    how = sampling(form, task.kind, settings.bounds, shop.settings.policy, f"{task.id}/{policy.version}")
    with writing(shop, policy) as (writer, model):
        return writer.ask([asked] * settings.samples, how, model=model)


def _distinct(shop: Workshop, task: Task, found: list[Configuration]) -> Iterator[Tried]:
    seen = set()
    for by, configuration in _candidates(shop, task, found):
        if written(configuration) not in seen:
            seen.add(written(configuration))
            yield Tried(configuration=configuration, by=by)


def _candidates(shop: Workshop, task: Task, found: list[Configuration]) -> Iterator[tuple[Origin, Configuration]]:
    settings, draw = shop.settings.tasks, random.Random(task.id)
    yield "recipe", own(task.kind, shop.settings.recipes[settings.recipe], settings)
    yield from (("policy", configuration) for configuration in found)
    yield from (("draw", drawn(task.kind, settings.bounds, draw)) for _ in range(settings.drawn))
