"""`seald bench`: measurements that anybody can repeat. What is heavy is imported by the command that needs it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seald.cli.client import AsJson, say, screen, show_json

if TYPE_CHECKING:
    from seald.bench.graders import JudgeGrader
    from seald.bench.report import Figures

app = typer.Typer(help="Measurements that anybody can repeat.", no_args_is_help=True)

DataFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The data to measure on.")]
First = Annotated[int | None, typer.Option(min=1, help="Only so many entries, from the beginning of the file.")]
Seed = Annotated[int, typer.Option(min=0, help="Of everything drawn.")]
Plot = Annotated[Path | None, typer.Option(help="Draw the figures into this PNG.")]
JudgeUrl = Annotated[
    str | None,
    typer.Option(help="An OpenAI-compatible API with a judge, as http://127.0.0.1:8001/v1; key in SEALD_JUDGE_KEY."),
]
JudgeModel = Annotated[str | None, typer.Option(help="The judge's model name.")]


@app.command("grader")
def grader(
    file: DataFile,
    judge_url: JudgeUrl = None,
    judge_model: JudgeModel = None,
    first: First = None,
    seed: Seed = 0,
    plot: Plot = None,
    as_json: AsJson = False,
) -> None:
    """How well cheap graders agree with a reference judge.

    FILE has one {question, gold, prediction, correct} a line; `correct` is the reference's verdict.
    """
    from seald.bench import grader as bench
    from seald.bench.plots import check_plot

    check_plot(plot)
    with open_judge(judge_url, judge_model) as judge:
        figures = bench.measure(bench.read_verdicts(file, first=first), judge, seed=seed)
    figures.settings |= {"file": str(file), "first": first, "judge": judge_model}
    show_figures(figures, as_json=as_json)
    _plot_agreement(figures, plot)


@contextmanager
def open_judge(url: str | None, model: str | None) -> Iterator[JudgeGrader | None]:
    """The judge that the options name, with the key of the environment; None where they name none."""
    from seald.bench.graders import JudgeGrader

    if (url is None) != (model is None):
        raise typer.BadParameter("--judge-url and --judge-model go together")
    if url is None or model is None:
        yield None
        return
    with JudgeGrader(url, model, os.environ.get("SEALD_JUDGE_KEY")) as judge:
        yield judge


def show_figures(figures: Figures, *, as_json: bool) -> None:
    """One JSON object, or a table."""
    if as_json:
        show_json(figures.as_object())
    else:
        screen.print(figures.as_table())


def _plot_agreement(figures: Figures, plot: Path | None) -> None:
    if plot is None:
        return
    from seald.bench.plots import plot_bars

    prefix = "agreement_"
    names = [name for name in figures.figures if name.startswith(prefix) and f"{name}_low" in figures.figures]
    found = {name.removeprefix(prefix): figures.interval(name) for name in names}
    plot_bars(plot, "Agreement with the reference", {n: (i.value, i.low, i.high) for n, i in found.items()})
    say(f"drawn into {plot}")
