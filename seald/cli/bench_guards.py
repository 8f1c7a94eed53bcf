"""`seald bench gate`: how far the configured gate can be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seald.cli.bench import Plot, Seed, show_figures
from seald.cli.bench_learning import DOCUMENTS, Config, Work, open_ground
from seald.cli.client import AsJson, say
from seald.config import Settings, load_settings
from seald.errors import InvalidRequest

if TYPE_CHECKING:
    from seald.bench.gate import Cell
    from seald.bench.report import Figures


def gate(
    file: Annotated[Path | None, typer.Argument(exists=True, dir_okay=False, help="Else eight shipped ones.")] = None,
    runs: Annotated[int, typer.Option(min=100, help="Simulated candidates a cell.")] = 1000,
    streams: Annotated[int, typer.Option(min=10, help="Simulated streams of twenty candidates.")] = 200,
    planted: Annotated[int, typer.Option(min=3, help="Candidates with planted damage.")] = 20,
    pairs: Annotated[int, typer.Option(min=1, help="Live adapters with a twin of another seed.")] = 4,
    honest: Annotated[int, typer.Option(min=1, help="Candidates that learned one more document.")] = 4,
    simulation_only: Annotated[bool, typer.Option("--simulation-only", help="Train nothing.")] = False,
    config: Config = None,
    work: Work = None,
    seed: Seed = 0,
    plot: Plot = None,
    as_json: AsJson = False,
) -> None:
    """Error rates of the configured gate: simulated, and on real candidates, the same (A/A), honest, and damaged."""
    from seald.bench import gate as bench
    from seald.bench.plots import check_plot
    from seald.bench.report import Figures

    check_plot(plot)
    settings = load_settings(config)
    figures = Figures("gate", settings={"runs": runs, "streams": streams, "alpha": settings.guards.alpha, "seed": seed})
    figures.settings |= {"margin": settings.guards.general.margin, "model": settings.model.name}
    cells = bench.simulate(settings.guards, runs, seed, say)
    _add_simulation(figures, cells)
    rates = bench.simulate_streams(settings.guards, streams, seed)
    figures.add("stream_harmful_among_passed", rates.harmful_among_passed)
    figures.add("stream_harmless_accept", rates.harmless_passed)
    if not simulation_only:
        _add_candidates(figures, settings, file or DOCUMENTS, work, (pairs, honest, planted))
    show_figures(figures, as_json=as_json)
    if plot is not None:
        _draw(plot, cells)


def _add_simulation(figures: Figures, cells: list[Cell]) -> None:
    for cell in cells:
        name = f"drop_{round(1000 * cell.drop)}_flips_{round(1000 * cell.flips)}_probes_{cell.probes}"
        figures.add(f"accept_{name}", cell.passed)
    figures.add("false_accept_at_5_points", max(cell.passed for cell in cells if cell.drop == 0.05))
    figures.add("false_reject", max(cell.failed for cell in cells if cell.drop == 0.0))
    for n in sorted({cell.probes for cell in cells}):
        harmless = next(cell for cell in cells if (cell.probes, cell.flips, cell.drop) == (n, 0.02, 0.0))
        figures.add(f"harmless_accept_at_{n}", harmless.passed)


def _add_candidates(
    figures: Figures, settings: Settings, file: Path, work: Path | None, counts: tuple[int, int, int]
) -> None:
    from seald.bench.gate_candidates import TAUGHT, Candidates
    from seald.bench.passages import read_passages
    from seald.policy.registry import load_policy

    pairs, honest, planted = counts
    documents = read_passages(file)
    if len(documents) <= TAUGHT:
        raise InvalidRequest(f"{file} has {len(documents)} passages; {TAUGHT + 1} are needed", param="file")
    with open_ground(settings, work) as ground:
        measured = Candidates(ground, documents, load_policy(settings.policy.name)[1], say)
        damaged = measured.planted(planted)
        good = measured.honest(honest)
        same = measured.same(min(pairs, len(documents)))
    figures.add("aa_accept", same.share)
    figures.add("aa_candidates", same.n)
    figures.add("honest_accept", good.share)
    figures.add("honest_candidates", good.n)
    figures.add("planted_promoted", sum(kind.promoted for kind in damaged.values()))
    figures.add("planted_candidates", sum(kind.n for kind in damaged.values()))
    for name, kind in damaged.items():
        figures.add(f"planted_promoted_{name}", kind.promoted)


def _draw(plot: Path, cells: list[Cell]) -> None:
    """Rows are true drops and flip rates, columns probe counts."""
    from seald.bench.plots import plot_matrix

    counts = sorted({cell.probes for cell in cells})
    kinds = sorted({(cell.drop, cell.flips) for cell in cells})
    rates = {(cell.drop, cell.flips, cell.probes): cell.passed for cell in cells}
    values: list[list[float | None]] = [[rates[(*kind, n)] for n in counts] for kind in kinds]
    rows = [f"drop {drop:.1%}, flips {flips:.0%}" for drop, flips in kinds]
    plot_matrix(plot, "Share of candidates that pass, by probes", rows, [str(n) for n in counts], values)
    say(f"drawn into {plot}")
