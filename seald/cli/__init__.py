"""The operator's commands: a client of the daemon's API. Exit codes: 0 done, 1 refused or failed, 2 usage."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.markup import escape

from seald import __version__
from seald.cli import (
    adaptations,
    adapters,
    audit,
    bench,
    bench_fewshot,
    bench_guards,
    bench_learning,
    bench_policy,
    bench_serving,
    chat,
    collections,
    db,
    demo,
    doctor,
    documents,
    ingest,
    keys,
    policy,
    serve,
    status,
    tasks,
)
from seald.cli.client import say
from seald.errors import SealdError

app = typer.Typer(
    name="seald",
    help="Serve an open-weights model and keep teaching it your documents.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("serve")(serve.serve)
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)
app.command("status")(status.status)
app.command("chat")(chat.chat)
app.command("ingest")(ingest.ingest)
app.add_typer(documents.app, name="documents")
app.add_typer(tasks.app, name="tasks")
app.add_typer(adaptations.app, name="adaptations")
app.add_typer(adapters.app, name="adapters")
app.add_typer(policy.app, name="policy")
for _measurement in (
    bench_fewshot.fewshot,
    bench_guards.gate,
    bench_learning.acquire,
    bench_learning.stream,
    bench_learning.train,
    bench_policy.policy,
    bench_serving.serve,
    bench_serving.swap,
):
    bench.app.command()(_measurement)
app.add_typer(collections.app, name="collections")
app.add_typer(audit.app, name="audit")
app.add_typer(keys.app, name="keys")
app.add_typer(bench.app, name="bench")
app.add_typer(db.app, name="db")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"seald {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show and leave.")
    ] = False,
) -> None:
    """Options of every command."""


def main() -> None:
    """Entry of the console script: our own errors become one line and exit code 1."""
    try:
        app()
    except SealdError as error:
        say(f"[red]{error.code}[/red]: {escape(error.message)}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
