"""`seald bench fewshot`: what is learned of tasks from a few examples."""

from __future__ import annotations

import json
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError

from seald.cli.bench import Plot, Seed, show_figures
from seald.cli.bench_learning import Config, Work
from seald.cli.bench_policy import in_folder
from seald.cli.client import AsJson, say
from seald.cli.task_files import read_tasks
from seald.config import load_settings
from seald.errors import ConfigError
from seald.log import configure_logging

if TYPE_CHECKING:
    from seald.domain.task import TaskAsk

Challenges = Annotated[
    Path | None, typer.Argument(exists=True, dir_okay=False, help="ARC's challenges, {id: {train, test}}; else made.")
]
Solutions = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="ARC's solutions, by id, where it has none.")
]


OTHERS = 1000
"""Added to the seed of the tasks that are measured: it gives others of the same families."""


def fewshot(
    file: Challenges = None,
    solutions: Solutions = None,
    tasks: Annotated[int, typer.Option(min=2, help="So many at most.")] = 16,
    rounds: Annotated[int, typer.Option(min=0, help="Of retraining the policy on other, made tasks.")] = 0,
    train_tasks: Annotated[int, typer.Option(min=2, help="To retrain it on, besides those of its tournament.")] = 12,
    config: Config = None,
    work: Work = None,
    seed: Seed = 0,
    plot: Plot = None,
    as_json: AsJson = False,
) -> None:
    """Tasks given by a few pairs of input and output: the examples in the prompt, a fixed configuration, the one that
    did best on examples left out, and the best of all in hindsight.

    With --rounds, what the policy alone says, before it was retrained on other tasks and after, too."""
    from seald.bench import fewshot as bench
    from seald.bench.families import tasks as made
    from seald.bench.plots import check_plot, plot_bars

    check_plot(plot)
    configure_logging("warning")
    asked = _tasks(file, solutions, tasks, seed)
    with tempfile.TemporaryDirectory() if work is None else nullcontext(str(work)) as folder:
        settings = in_folder(load_settings(config), Path(folder))
        others = made(train_tasks + settings.policy.retrain.tournament.contexts, seed + OTHERS) if rounds else []
        figures = bench.measure(settings, asked, say, rounds=rounds, others=others)
    show_figures(figures, as_json=as_json)
    if plot is not None:
        known = [arm for arm in (*bench.ARMS, bench.POLICY, bench.LEARNED) if f"accuracy_{arm}" in figures.figures]
        arms = {arm: figures.interval(f"accuracy_{arm}") for arm in known}
        bars = {arm: (found.value, found.low, found.high) for arm, found in arms.items()}
        plot_bars(plot, "Tests solved, two attempts each", bars)


def _tasks(file: Path | None, solutions: Path | None, count: int, seed: int) -> list[TaskAsk]:
    from seald.bench.families import tasks

    if file is None:
        return tasks(count, seed)
    known = json.loads(solutions.read_text(encoding="utf-8")) if solutions is not None else {}
    found = read_tasks(file, only=(), name=None, collection=None)[:count]
    return [_task(file, {**task, "test": _with_outputs(task, known)}) for task in found]


def _with_outputs(task: dict[str, Any], solutions: dict[str, list[Any]]) -> list[dict[str, Any]]:
    outputs = solutions.get(task["name"], [])
    return [{**asked, **({"output": outputs[n]} if n < len(outputs) else {})} for n, asked in enumerate(task["test"])]


def _task(file: Path, given: dict[str, Any]) -> TaskAsk:
    from seald.domain.task import TaskAsk

    examples = given.pop("train", None) or given.pop("examples", None)
    try:
        return TaskAsk.model_validate({**given, "examples": examples})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{file}: {given['name']}: {where}: {first['msg']}") from None
