"""`seald adaptations`: how documents fare on their way."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.padding import Padding
from rich.text import Text

from seald.bench.plots import check_plot
from seald.cli.adaptation_plot import losses, plot, sparkline
from seald.cli.client import DEFAULT_URL, AsJson, Daemon, Reason, Url, because, say, screen, show_json, show_list
from seald.cli.follow import follow

app = typer.Typer(help="Runs of the pipeline.", no_args_is_help=True)


@app.command("list")
def list_adaptations(
    collection: Annotated[str | None, typer.Option(help="Only of this collection.")] = None,
    status: Annotated[str | None, typer.Option(help="Only in this state.")] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """All adaptations, oldest first."""
    found = Daemon(url).all("/v1/adaptations", collection=collection, status=status)
    shown = ("id", "kind", "collection", "status", "version", "parent")
    show_list(f"{len(found)} adaptations", found, {name: name for name in shown}, as_json=as_json)


@app.command("show")
def show_adaptation(
    id: str,
    picture: Annotated[
        Path | None, typer.Option("--plot", help="Draw loss, guards and coverage into this .png.")
    ] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """One adaptation: what became of it and why, what can be done now, and what the guards found."""
    check_plot(picture)
    daemon = Daemon(url)
    found = daemon.get(f"/v1/adaptations/{id}")
    events = [] if as_json and picture is None else _events(daemon, id)
    if picture is not None:
        plot(picture, found, events)
        say(f"drawn into {picture}")
    if as_json:
        show_json(found)
    else:
        _show(found, sparkline([loss for _, loss in losses(events)]))


@app.command("watch")
def watch(id: str, url: Url = DEFAULT_URL) -> None:
    """Follow an adaptation to its end. Exit code 1 unless it was promoted."""
    ended = follow(Daemon(url), {id: id})[id]
    _show(ended)
    raise typer.Exit(0 if ended["status"] == "promoted" else 1)


@app.command("approve")
def approve(id: str, reason: Reason = None, url: Url = DEFAULT_URL) -> None:
    """Let a held candidate be promoted."""
    say(f"{id} is {Daemon(url).post(f'/v1/adaptations/{id}/approve', because(reason))['status']}")


@app.command("reject")
def reject(id: str, reason: Reason = None, url: Url = DEFAULT_URL) -> None:
    """Reject a held candidate."""
    say(f"{id} is {Daemon(url).post(f'/v1/adaptations/{id}/reject', because(reason))['status']}")


@app.command("cancel")
def cancel(id: str, reason: Reason = None, url: Url = DEFAULT_URL) -> None:
    """Stop an adaptation that is not yet being promoted."""
    say(f"{id} is {Daemon(url).post(f'/v1/adaptations/{id}/cancel', because(reason))['status']}")


def _events(daemon: Daemon, id: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    more = True
    while more:
        page = daemon.get(f"/v1/adaptations/{id}/events", after=events[-1]["seq"] if events else 0, limit=1000)
        events += page["data"]
        more = page["has_more"] and page["data"]
    return events


def _show(found: dict[str, Any], spark: str = "") -> None:
    version = f"{found['collection']}@{found['version']}" if found["version"] else "no version yet"
    screen.print(f"[bold]{found['id']}[/bold] {found['status']}, {version}", highlight=False)
    _explain(found.get("explanation"))
    if found["error"]:
        screen.print(f"{found['error'].get('code')}: {found['error'].get('message')}", highlight=False, markup=False)
    for verdict in found["verdicts"]:
        screen.print(f"  {verdict['guard']}: [bold]{verdict['verdict']}[/bold], {verdict['reason']}", highlight=False)
    _show_self_edits(found["figures"].get("self_edits"))
    training = found["figures"].get("training")
    if training:
        screen.print(
            f"  trained {training['tokens']} tokens in {training['seconds']:.0f} s, "
            f"loss {training['first_loss']:.2f} → {training['last_loss']:.2f}{f'  {spark}' if spark else ''}",
            highlight=False,
        )


def _explain(explanation: dict[str, Any] | None) -> None:
    """What a person wants to read comes before the figures. None: a daemon that does not explain."""
    if explanation is None:
        return
    screen.print(explanation["summary"], highlight=False, markup=False)
    for heading, sentences in (("Why", explanation["why"]), ("What can be done now", explanation["next"])):
        if sentences:
            screen.print(f"[bold]{heading}[/bold]")
            for sentence in sentences:
                screen.print(Padding(Text(f"- {sentence}"), (0, 0, 0, 2)))
    screen.print()


def _show_self_edits(figures: dict[str, Any] | None) -> None:
    covered = (figures or {}).get("coverage")
    if figures and covered:
        screen.print(
            f"  studied {figures['lines']} lines; of {covered['facts']} facts {covered['covered']:.0%} are covered, "
            f"{covered['covered_k']:.0%} in {covered['phrasings']} phrasings or more, "
            f"{covered['both_directions']:.0%} in both directions",
            highlight=False,
        )
