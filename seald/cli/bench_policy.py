"""`seald bench policy`: does retraining the policy pay?"""

from __future__ import annotations

import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seald.cli.bench import DataFile, Plot, show_figures
from seald.cli.bench_learning import Config, Work
from seald.cli.client import AsJson, say
from seald.config import Settings, load_settings
from seald.log import configure_logging

if TYPE_CHECKING:
    from seald.bench.report import Figures
    from seald.domain.retraining import Retraining, RetrainingEvent


def policy(
    file: DataFile,
    rounds: Annotated[int | None, typer.Option(min=1, help="Of sampling, scoring and learning.")] = None,
    contexts: Annotated[int | None, typer.Option(min=2, help="Passages to learn from.")] = None,
    samples: Annotated[int | None, typer.Option(min=2, help="Self-edits of each passage and round.")] = None,
    held_out: Annotated[int | None, typer.Option(min=2, help="Passages of the tournament.")] = None,
    writer: Annotated[str | None, typer.Option(help="Learn from the ready-made edits of this writer first.")] = None,
    config: Config = None,
    work: Work = None,
    plot: Plot = None,
    as_json: AsJson = False,
) -> None:
    """SEAL's outer loop (ReST-EM): rounds over passages with questions, and a tournament of the learned policy, the
    incumbent and every form of self-edit on passages that nothing was learned from."""
    from seald.bench import policy as bench
    from seald.bench.passages import read_passages
    from seald.bench.plots import check_plot
    from seald.domain.retraining import RetrainingAsk

    check_plot(plot)
    settings = load_settings(config)
    configure_logging("warning")
    passages = read_passages(file)
    ask = RetrainingAsk(rounds=rounds, contexts=contexts, samples=samples, writer=writer)
    with tempfile.TemporaryDirectory() if work is None else nullcontext(str(work)) as folder:
        figures = bench.measure(in_folder(settings, Path(folder), held_out), passages, ask, _tell)
    figures.settings["file"] = str(file)
    show_figures(figures, as_json=as_json)
    if plot is not None:
        _draw(plot, figures)
    raise typer.Exit(0 if "tournament_contexts" in figures.figures else 1)


def in_folder(settings: Settings, folder: Path, held_out: int | None = None) -> Settings:
    """Everything but the converted model goes into `folder`."""
    retrain = settings.policy.retrain
    if held_out is not None:
        tournament = retrain.tournament.model_copy(update={"contexts": held_out})
        retrain = retrain.model_copy(update={"tournament": tournament})
    return settings.model_copy(
        update={
            "data_dir": folder.resolve(),
            "model": settings.model.model_copy(update={"cache_dir": settings.cache.resolve()}),
            "policy": settings.policy.model_copy(update={"retrain": retrain}),
        }
    )


def _tell(run: Retraining, event: RetrainingEvent) -> None:
    """One line an event, but for the steps of a training."""
    if event.type != "training":
        told = ", ".join(f"{key} {value}" for key, value in event.data.items() if not isinstance(value, dict | list))
        say(f"round {run.round}, {run.status}: {event.type} {told}")


def _draw(plot: Path, figures: Figures) -> None:
    from seald.bench.plots import plot_points

    known = figures.figures
    arms = [name.removeprefix("accuracy_") for name in known if name.startswith("accuracy_")]
    measures = ("tokens", "coverage", "diversity", "seconds")
    points = {arm: {measure: known[f"{measure}_{arm}"] for measure in measures} for arm in arms}
    heights = {arm: known[f"accuracy_{arm}"] for arm in arms}
    plot_points(plot, "Right answers after adaptation, on held-out passages", heights, points)
    say(f"drawn into {plot}")
