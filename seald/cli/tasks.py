"""`seald tasks`: rules that are given by examples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.markup import escape

from seald.cli.client import DEFAULT_URL, AsJson, Daemon, Reason, Refused, Url, progress, say, show_json, show_list
from seald.cli.follow import follow
from seald.cli.task_files import read_inputs, read_tasks
from seald.cli.task_show import show_solutions, show_task

SOLVE_SECONDS = 3600.0
"""Many large grids, each predicted several times, take a while on a small machine."""

app = typer.Typer(help="Tasks that are given by examples.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name or id of the task.")]


@app.command("add")
def add_tasks(
    file: Annotated[Path, typer.Argument(help="JSON: {name, examples, test}, ARC's {train, test}, or several by id.")],
    name: Annotated[str | None, typer.Option(help="By default the file's own, or how the file is called.")] = None,
    collection: Annotated[str | None, typer.Option(help="The collection that it is kept with.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Of a file of several: this id. May be repeated.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow every task to its end.")] = False,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Send tasks to be learned. Exit code 1 if one was refused or, with --wait, not promoted."""
    daemon = Daemon(url)
    results = [_send(daemon, body) for body in read_tasks(file, only=only or (), name=name, collection=collection)]
    accepted = [result for result in results if result["adaptation"] is not None]
    if wait and accepted:
        ended = follow(daemon, {result["adaptation"]: result["name"] for result in accepted})
        for result in accepted:
            found = ended[result["adaptation"]]
            result.update(status=found["status"], version=found["version"], error=found["error"])
    columns = {"task": "name", "id": "id", "adaptation": "adaptation", "status": "status"}
    show_list(f"{len(results)} tasks", results, columns, as_json=as_json)
    good = [r for r in accepted if not wait or r["status"] == "promoted"]
    raise typer.Exit(0 if len(good) == len(results) else 1)


@app.command("list")
def list_tasks(
    collection: Annotated[str | None, typer.Option(help="Only of this collection.")] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """All tasks, oldest first."""
    found = Daemon(url).all("/v1/tasks", collection=collection)
    shown = ("name", "kind", "collection", "examples", "test", "status", "version")
    show_list(f"{len(found)} tasks", found, {column: column for column in shown}, as_json=as_json)


@app.command("show")
def show(name: Name, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """One task with its pairs, grids as coloured blocks."""
    found = Daemon(url).get(_path(name))
    show_json(found) if as_json else show_task(found)


@app.command("solve")
def solve(
    name: Name,
    given: Annotated[str | None, typer.Option("--input", help="A text, or a grid as JSON.")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="Inputs: JSON, one or a list; or one text.")] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Predict the outputs of a task's own test, or of other inputs."""
    daemon = Daemon(url)
    inputs = read_inputs(given, file, daemon.get(_path(name))["kind"])
    with progress.status(f"solving {escape(name)}"):
        solved = daemon.post(
            f"{_path(name)}/solve", {} if inputs is None else {"inputs": inputs}, timeout=SOLVE_SECONDS
        )
    if as_json:
        show_json(solved)
        return
    show_solutions(solved)
    say(f"[dim]{solved['adapter']}[/dim]")


@app.command("delete")
def delete(name: Name, reason: Reason = None, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Delete a task with its examples and adapters."""
    found = Daemon(url).delete(_path(name), reason=reason)
    if as_json:
        show_json(found)
    else:
        say(f"{found['id']} is deleted: nothing answers as task/{escape(name)} any more")


def _path(name: str) -> str:
    return f"/v1/tasks/{quote(name, safe='')}"


def _send(daemon: Daemon, body: dict[str, Any]) -> dict[str, Any]:
    with progress.status(f"sending {escape(str(body['name']))}"):
        try:
            found: dict[str, Any] = daemon.post("/v1/tasks", body)
        except Refused as refusal:
            if refusal.code == "unreachable":
                raise
            say(f"[red]{refusal.code}[/red]: {escape(str(body['name']))}: {escape(refusal.message)}")
            error = {"message": refusal.message, "code": refusal.code}
            return {"id": None, "name": body["name"], "adaptation": None, "status": "refused", "error": error}
    return {**found, "error": None}
