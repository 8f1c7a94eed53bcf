"""`seald bench acquire | stream | train`: what is learned, what is kept, and how fast."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from seald.cli.bench import DataFile, JudgeModel, JudgeUrl, Plot, Seed, open_judge, show_figures
from seald.cli.client import AsJson, progress, say
from seald.config import Settings, load_settings
from seald.domain.training import TrainingEvent

if TYPE_CHECKING:
    from seald.bench.graders import Grader
    from seald.bench.ground import Ground

Config = Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="A seald.toml; else the defaults.")]
Work = Annotated[Path | None, typer.Option(help="Keep what is trained here, and go on from it next time.")]
PADDING_SAMPLE = 32
"""Of SEAL's about 2,000 tokens of padding a line, where there is no GPU."""
DOCUMENTS = Path(__file__).parent.parent / "bench" / "documents.json"


def acquire(
    file: DataFile,
    passages: Annotated[int | None, typer.Option("--passages", "--first", min=1, help="The first N.")] = None,
    writers: Annotated[str, typer.Option(help="Writers of the file, or own: our policy.")] = "rewrite,self_qa",
    edits: Annotated[int, typer.Option(min=1, help="Self-edits of each writer.")] = 1,
    arms: Annotated[str | None, typer.Option(help="Only these, by comma.")] = None,
    seal_padding: Annotated[
        str, typer.Option(help="full: every padded token of SEAL's loop; sampled: 32 a line; auto: full on a GPU.")
    ] = "auto",
    judge_url: JudgeUrl = None,
    judge_model: JudgeModel = None,
    config: Config = None,
    work: Work = None,
    seed: Seed = 0,
    plot: Plot = None,
    as_json: AsJson = False,
) -> None:
    """What is known of a passage after training on it: no update, passage only, SEAL's loop, ours, open book."""
    from seald.bench import acquire as bench
    from seald.bench.acquire_figures import add_figures
    from seald.bench.machine import describe
    from seald.bench.passages import read_passages
    from seald.bench.plots import check_plot, plot_bars
    from seald.bench.report import Figures
    from seald.policy.registry import load_policy

    chosen = _names(arms, bench.ARMS, "--arms")
    named = [writer.strip() for writer in writers.split(",") if writer.strip()]
    if seal_padding not in ("auto", "full", "sampled"):
        raise typer.BadParameter("--seal-padding is auto, full or sampled")
    check_plot(plot)
    found = read_passages(file, first=passages)
    for passage in found:
        for writer in named:
            if writer != bench.OWN:
                passage.edits_by(writer)
    sampled = seal_padding == "sampled" or (seal_padding == "auto" and not describe()["gpus"])
    options = bench.Options(chosen, named, edits, PADDING_SAMPLE if sampled else None, seed)
    settings = load_settings(config)
    with open_ground(settings, work) as ground, _grader(judge_url, judge_model) as grader:
        measured = bench.Acquire(ground, load_policy(settings.policy.name, "passage"), grader, options)
        for number, passage in enumerate(found, 1):
            measured.study(passage, lambda told, number=number: say(f"{number}/{len(found)} {told}"))  # type: ignore[misc]
        price = measured.full_step_seconds(found[0]) if sampled and "seal_v1" in chosen else None
    figures = Figures("acquire", settings={"file": str(file), "passages": len(found), "writers": ",".join(named)})
    figures.settings |= {"edits": edits, "seal_padding": "sampled" if sampled else "full", "model": settings.model.name}
    add_figures(figures, measured, price, seed)
    show_figures(figures, as_json=as_json)
    if plot is not None:
        bars = {name: figures.interval(f"accuracy_{name}") for name in chosen}
        plot_bars(plot, "Closed-book accuracy", {name: (i.value, i.low, i.high) for name, i in bars.items()})


def stream(
    file: Annotated[Path | None, typer.Argument(exists=True, dir_okay=False, help="Else eight shipped ones.")] = None,
    documents: Annotated[int | None, typer.Option("--documents", "--first", min=2, help="The first N.")] = None,
    arms: Annotated[str | None, typer.Option(help="Only these, by comma.")] = None,
    compact_every: Annotated[int, typer.Option(min=1, help="Documents between two rebuilds; one at the end.")] = 4,
    judge_url: JudgeUrl = None,
    judge_model: JudgeModel = None,
    config: Config = None,
    work: Work = None,
    seed: Seed = 0,
    plot: Plot = None,
    as_json: AsJson = False,
) -> None:
    """What is still known of earlier documents while later ones are taught: naive, replay, replay+compaction, joint."""
    from seald.bench import stream as bench
    from seald.bench.passages import read_passages
    from seald.bench.plots import check_plot
    from seald.bench.report import Figures
    from seald.bench.stream_figures import add_lineages, draw_lineages
    from seald.policy.registry import load_policy

    chosen = _names(arms, bench.ARMS, "--arms")
    check_plot(plot)
    taught = read_passages(file or DOCUMENTS, first=documents)
    settings = load_settings(config)
    with open_ground(settings, work) as ground, _grader(judge_url, judge_model) as grader:
        measured = bench.Stream(ground, taught, load_policy(settings.policy.name)[1], grader, say)
        lineages = {arm: measured.run(arm, compact_every, seed) for arm in chosen}
    figures = Figures("stream", settings={"documents": len(taught), "compact_every": compact_every, "seed": seed})
    figures.settings |= {"file": str(file or "shipped"), "model": settings.model.name}
    add_lineages(figures, lineages)
    show_figures(figures, as_json=as_json)
    if plot is not None:
        draw_lineages(plot, [document.title for document in taught], lineages)


def train(
    candidates: Annotated[str, typer.Option(help="How many at once, by comma.")] = "4",
    config: Config = None,
    plot: Plot = None,
    as_json: AsJson = False,
) -> None:
    """How fast the trainer is beside this machine's matrix products, and how much many candidates at once save."""
    from seald.bench.passages import read_passages
    from seald.bench.plots import check_plot, plot_bars
    from seald.bench.report import Figures
    from seald.bench.train import measure
    from seald.policy.registry import load_policy
    from seald.serving.model import resolve_model

    counts = [int(count) for count in candidates.split(",") if count.strip().isdigit()]
    if not counts or min(counts) < 2:
        raise typer.BadParameter("--candidates takes numbers from 2 on, as 2,4,8")
    check_plot(plot)
    settings = load_settings(config)
    base = resolve_model(settings.model, settings.cache)
    with tempfile.TemporaryDirectory(prefix="seald-bench-") as work:
        forms = load_policy(settings.policy.name)[1]
        found = measure(settings, base, read_passages(DOCUMENTS), forms, counts, Path(work))
    figures = Figures("train", settings={"model": settings.model.name, "recipe": settings.training.recipe})
    for name, value in found.items():
        figures.add(name, value)
    show_figures(figures, as_json=as_json)
    if plot is not None:
        rates = {name: found[f"{name}_gflops"] for name in ("step", "ceiling")}
        plot_bars(plot, "Gigaflops: a training step, a large product", {n: (v, v, v) for n, v in rates.items()})


def _names(given: str | None, known: tuple[str, ...], option: str) -> tuple[str, ...]:
    """Names by comma, all of them known; `seal-v1` and `replay+compaction` are written so, too."""
    if given is None:
        return known
    names = tuple(name.strip().replace("-", "_").replace("+", "_") for name in given.split(","))
    unknown = [name for name in names if name not in known]
    if unknown:
        raise typer.BadParameter(f"{option} has no {', '.join(unknown)}; it has {', '.join(known)}")
    return names


@contextmanager
def open_ground(settings: Settings, work: Path | None) -> Iterator[Ground]:
    """Engine and trainer, with a bar on standard error while something trains."""
    from seald.bench.ground import ground
    from seald.log import configure_logging

    configure_logging("warning")
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), console=progress, transient=True
    )
    with ExitStack() as stack:
        folder = work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seald-bench-")))
        stack.enter_context(bar)
        task = bar.add_task("starting the engine", total=None)

        def watch(name: str, event: TrainingEvent) -> None:
            bar.update(task, description=name, completed=event.step, total=event.steps or None)

        yield stack.enter_context(ground(settings, folder, watch))


@contextmanager
def _grader(url: str | None, model: str | None) -> Iterator[Grader]:
    from seald.bench.graders import RuleGrader

    with open_judge(url, model) as judge:
        yield judge or RuleGrader()
