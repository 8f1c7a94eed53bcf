"""`seald status`: the whole daemon at one glance."""

from __future__ import annotations

from typing import Any

from rich.markup import escape
from rich.table import Table

from seald.cli.client import DEFAULT_URL, AsJson, Daemon, Url, screen, show_json


def status(url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Show model, engine, collections, work in progress, and the policy that writes."""
    found = Daemon(url).get("/v1/status")
    if as_json:
        show_json(found)
    else:
        _show(found)


def _show(found: dict[str, Any]) -> None:
    engine, waiting = found["engine"], found["adaptations"]
    table = Table(show_header=False, title=f"seald {found['version']}", title_justify="left")
    table.add_row("model", found["model"])
    for replica in engine["replicas"]:
        loaded = ", ".join(replica["loaded"]) or "base only"
        table.add_row("engine", f"{engine['kind']}: {replica['detail']}; loaded: {loaded}")
    for damaged in engine["quarantined"]:
        table.add_row("quarantined", f"[red]{escape(damaged['reason'])}[/red]")
    for collection in found["collections"]:
        live = f"{collection['name']}@{collection['live']}" if collection["live"] else "base"
        watch = _watch(collection["watch"])
        table.add_row(f"collection {collection['name']}", f"live: {live}; {collection['documents']} documents{watch}")
    table.add_row("adaptations", ", ".join(f"{n} {what}" for what, n in waiting.items()))
    if found["training"]:
        training = found["training"]
        table.add_row("training", f"{training['adaptation']}: step {training['step']} of {training['steps']}")
    table.add_row("policy", _policy(found["policy"]))
    screen.print(table)


def _watch(watch: dict[str, Any]) -> str:
    if watch["state"] == "paused":
        return f"; [red]watching is paused[/red]: {escape(watch['reason'])}"
    return f"; watched: {watch['outcome']}" if watch["outcome"] else ""


def _policy(policy: dict[str, Any]) -> str:
    running = policy["retraining"]
    at_work = f"; {running['id']}: {running['status']}, round {running['round']}" if running else ""
    return f"{policy['live']} writes{at_work}"
