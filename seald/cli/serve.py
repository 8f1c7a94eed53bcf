"""`seald serve`: the daemon in the foreground."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seald.config import load_settings


def serve(
    config: Annotated[
        Path | None, typer.Option(help="A seald.toml; without it, defaults and SEALD_* variables.")
    ] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Everything written at run time goes below it.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to answer on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to answer on.")] = None,
) -> None:
    """Run the daemon until it is told to stop."""
    settings = load_settings(config, data_dir=data_dir, server__host=host, server__port=port)
    # Late: every other command starts in a tenth of the time without it.
    from seald.daemon import serve as run

    raise typer.Exit(run(settings))
