"""`seald documents`: what was ingested, and taking it back."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from seald.cli.client import DEFAULT_URL, AsJson, Daemon, Reason, Url, say, screen, show_json, show_list, show_table
from seald.cli.follow import follow

CERTIFICATE_SECONDS = 60.0
"""How long after its rebuild came to nothing a certificate is waited for: it is made at the pipeline's next look."""

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
    if "deleted" in found:
        _show_forgotten(found)
        return
    keys = ("id", "title", "collection", "source", "sha256", "status", "adaptation", "superseded_by", "passages")
    for key in keys:
        screen.print(f"[bold]{key}[/bold] {found[key]}", highlight=False)
    screen.print(f"\n{found['text']}", highlight=False, markup=False)


@app.command("forget")
def forget_document(
    id: str,
    wait: Annotated[bool, typer.Option("--wait", help="Follow it to its end; print the certificate.")] = False,
    reason: Reason = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Take a document back. Exit code 1 if that was refused or, with --wait, not shown to be done."""
    daemon = Daemon(url)
    found = daemon.delete(f"/v1/documents/{id}", reason=reason)
    if not wait:
        _show(found, as_json=as_json)
        return
    ended = follow(daemon, {found["adaptation"]: f"{id}, forgetting"})[found["adaptation"]]
    found = _with_certificate(daemon, id)
    _show(found, as_json=as_json)
    if ended["error"]:
        say(f"the rebuild without it is {ended['status']}: {ended['error']['message']}")
    certificate = found["certificate"]
    raise typer.Exit(0 if certificate and certificate["outcome"] != "still_known" and not ended["error"] else 1)


def _with_certificate(daemon: Daemon, id: str) -> dict[str, Any]:
    deadline = time.monotonic() + CERTIFICATE_SECONDS
    while True:
        found: dict[str, Any] = daemon.get(f"/v1/documents/{id}")
        if found.get("certificate") or time.monotonic() > deadline:
            return found
        time.sleep(1.0)


def _show(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(found)
    else:
        _show_forgotten(found)


def _show_forgotten(found: dict[str, Any]) -> None:
    certificate = found.get("certificate")
    if certificate is None:
        say(f"{found['id']} is forgotten: no live version knows it; {found['adaptation']} rebuilds without it")
        return
    removed = certificate["removed"]
    rows = ", ".join(f"{n} {table}" for table, n in removed["rows"].items() if n) or "none"
    lines = {
        "document": f"{certificate['document']}, of {certificate['collection']}",
        "outcome": f"{certificate['outcome']}: {certificate['reason']}",
        "live": f"{certificate['live']}{', rebuilt without it' if certificate['rebuilt'] else ''}",
        "removed": f"versions {', '.join(map(str, removed['versions'])) or 'none'}; {removed['files']} files",
        "rows": rows,
        "unchecked": ", ".join(certificate["unchecked"]) or "none",
        "at": certificate["at"],
    }
    for key, value in lines.items():
        screen.print(f"[bold]{key}[/bold] {value}", highlight=False)
    columns = {"asked": "model", "right": "right", "won": "won", "lost": "lost", "p": "p_value", "nats": "logprob"}
    show_table(f"its {certificate['probes']} probes, closed book", certificate["checked"], columns)
