"""`seald documents`: what was ingested."""

from __future__ import annotations

from typing import Annotated

import typer

from seald.cli.client import DEFAULT_URL, AsJson, Daemon, Url, screen, show_json, show_list

app = typer.Typer(help="What was ingested.", no_args_is_help=True)


@app.command("list")
def list_documents(
    collection: Annotated[str | None, typer.Option(help="Only of this collection.")] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """All documents, oldest first."""
    found = Daemon(url).all("/v1/documents", collection=collection)
    columns = {"id": "id", "title": "title", "collection": "collection", "status": "status"}
    show_list(f"{len(found)} documents", found, columns, as_json=as_json)


@app.command("show")
def show_document(id: str, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """One document with its text."""
    found = Daemon(url).get(f"/v1/documents/{id}")
    if as_json:
        show_json(found)
        return
    keys = ("id", "title", "collection", "source", "sha256", "status", "adaptation", "passages")
    for key in keys:
        screen.print(f"[bold]{key}[/bold] {found[key]}", highlight=False)
    screen.print(f"\n{found['text']}", highlight=False, markup=False)
