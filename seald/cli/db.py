"""`seald db`: the database and the folders beside it. Needs no daemon; a backup may be made while one serves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import Progress

from seald.cli.client import AsJson, progress, say, show_json
from seald.config import load_settings
from seald.domain.backup import Backup

app = typer.Typer(help="Upgrade, back up and restore what the daemon keeps.", no_args_is_help=True)
Config = Annotated[Path | None, typer.Option(help="The daemon's seald.toml.")]
DataDir = Annotated[Path | None, typer.Option(help="The daemon's data folder.")]


@app.command("upgrade")
def upgrade(config: Config = None, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Bring the database to this version's schema without serving. `seald serve` does it by itself."""
    # Late, as below: commands that need no database start in a fraction of the time without it.
    from seald.store import upgrade_database

    before, after = upgrade_database(load_settings(config, data_dir=data_dir))
    if as_json:
        show_json({"object": "database", "from": before, "to": after})
    else:
        say(f"at {after} already" if before == after else f"{before or 'empty'} → {after}")


@app.command("backup")
def backup(
    folder: Annotated[Path, typer.Argument(help="Made new: the backup.")],
    config: Config = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Copy the database and every version's files, of one moment; a daemon may serve. Exit code 1 if it was refused, or
    if files were damaged already and had to be left out."""
    from seald.store.backup import back_up

    with _bar("copying") as told:
        made = back_up(load_settings(config, data_dir=data_dir), folder, told)
    if as_json:
        show_json({"object": "backup", **_figures(folder, made)})
    else:
        say(f"{escape(str(folder))}: {len(made.files)} files, {made.bytes / 1e6:.1f} MB")
    for label, why in made.left_out.items():
        say(f"[red]left out[/red] {label}: {escape(why)}")
    raise typer.Exit(1 if made.left_out else 0)


@app.command("restore")
def restore(
    folder: Annotated[Path, typer.Argument(help="What `seald db backup` made.")],
    force: Annotated[bool, typer.Option("--force", help="Move what is in the data folder aside.")] = False,
    config: Config = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Verify a backup and make it the data folder, which must be new or empty; no daemon may use it."""
    from seald.store.restore import restore as run

    settings = load_settings(config, data_dir=data_dir)
    with _bar("verifying") as told:
        held, aside = run(settings, folder, force=force, told=told)
    if as_json:
        moved = str(aside) if aside is not None else None
        show_json({"object": "restore", **_figures(folder, held), "data_dir": str(settings.data_dir), "moved": moved})
    else:
        say(f"{escape(str(settings.data_dir))} is as it was at {held.created:%Y-%m-%d %H:%M:%S} UTC")
        if aside is not None:
            say(f"what was there before: {escape(str(aside))}")


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    with Progress(console=progress, transient=True) as shown:
        task = shown.add_task(what, total=None)
        yield lambda done, of: shown.update(task, completed=done, total=of)


def _figures(folder: Path, held: Backup) -> dict[str, Any]:
    known = held.model_dump(mode="json", exclude={"files", "format"})
    return {"folder": str(folder), **known, "files": len(held.files), "bytes": held.bytes}
