"""`seald bench serve | swap`: what the daemon costs between client and engine, and what a change of version does."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from seald.cli.bench import show_figures
from seald.cli.bench_learning import DOCUMENTS, Config
from seald.cli.client import AsJson, say
from seald.config import load_settings


def serve(
    requests: Annotated[int, typer.Option(min=16, help="Streams in each round.")] = 48,
    tokens: Annotated[int, typer.Option(min=1, help="Of each answer.")] = 32,
    stub_only: Annotated[bool, typer.Option("--stub-only", help="Leave out the real engine.")] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """The same requests straight to the engine and through seald, in turn: throughput, first token, added latency."""
    from seald.bench import serve as bench
    from seald.bench.report import Figures

    settings = load_settings(config)
    figures = Figures("serve", settings={"engine": settings.engine.kind, "model": settings.model.name})
    figures.settings |= {"requests": requests, "tokens": tokens, "at_once": bench.AT_ONCE}
    with tempfile.TemporaryDirectory() as work:
        measured = bench.before_a_stub(Path(work), say)
        if not stub_only:
            measured |= bench.before_the_engine(settings, Path(work), requests, tokens, say)
    for name, value in measured.items():
        figures.add(name, value)
    show_figures(figures, as_json=as_json)


def swap(
    swaps: Annotated[int, typer.Option(min=2, help="Changes of the live version.")] = 50,
    streams: Annotated[int, typer.Option(min=1, help="Clients that stream without a pause.")] = 16,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Change the live version again and again under streams: failed and mixed replies, time to the first new reply."""
    from seald.bench import swap as bench
    from seald.bench.passages import read_passages
    from seald.bench.report import Figures

    settings = load_settings(config)
    figures = Figures("swap", settings={"engine": settings.engine.kind, "model": settings.model.name})
    figures.settings |= {"asked": swaps, "streams": streams}
    with tempfile.TemporaryDirectory() as work:
        measured = bench.measure(settings, read_passages(DOCUMENTS), Path(work), swaps, streams, say)
    for name, value in measured.items():
        figures.add(name, value)
    show_figures(figures, as_json=as_json)
