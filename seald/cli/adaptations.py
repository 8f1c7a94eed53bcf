"""`seald adaptations`: how documents fare on their way."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from seald.cli.client import DEFAULT_URL, AsJson, Daemon, Url, say, screen, show_json, show_list
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
def show_adaptation(id: str, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """One adaptation: where it stands, and what the guards found."""
    found = Daemon(url).get(f"/v1/adaptations/{id}")
    if as_json:
        show_json(found)
    else:
        _show(found)


@app.command("watch")
def watch(id: str, url: Url = DEFAULT_URL) -> None:
    """Follow an adaptation to its end. Exit code 1 unless it was promoted."""
    ended = follow(Daemon(url), {id: id})[id]
    _show(ended)
    raise typer.Exit(0 if ended["status"] == "promoted" else 1)


@app.command("approve")
def approve(id: str, url: Url = DEFAULT_URL) -> None:
    """Let a held candidate be promoted."""
    say(f"{id} is {Daemon(url).post(f'/v1/adaptations/{id}/approve')['status']}")


@app.command("reject")
def reject(id: str, url: Url = DEFAULT_URL) -> None:
    """Reject a held candidate."""
    say(f"{id} is {Daemon(url).post(f'/v1/adaptations/{id}/reject')['status']}")


@app.command("cancel")
def cancel(id: str, url: Url = DEFAULT_URL) -> None:
    """Stop an adaptation that is not yet being promoted."""
    say(f"{id} is {Daemon(url).post(f'/v1/adaptations/{id}/cancel')['status']}")


def _show(found: dict[str, Any]) -> None:
    version = f"{found['collection']}@{found['version']}" if found["version"] else "no version yet"
    screen.print(f"[bold]{found['id']}[/bold] {found['status']}, {version}", highlight=False)
    if found["error"]:
        screen.print(f"{found['error'].get('code')}: {found['error'].get('message')}", highlight=False, markup=False)
    for verdict in found["verdicts"]:
        screen.print(f"  {verdict['guard']}: [bold]{verdict['verdict']}[/bold], {verdict['reason']}", highlight=False)
    _show_self_edits(found["figures"].get("self_edits"))
    training = found["figures"].get("training")
    if training:
        screen.print(
            f"  trained {training['tokens']} tokens in {training['seconds']:.0f} s, "
            f"loss {training['first_loss']:.2f} → {training['last_loss']:.2f}",
            highlight=False,
        )


def _show_self_edits(figures: dict[str, Any] | None) -> None:
    covered = (figures or {}).get("coverage")
    if figures and covered:
        screen.print(
            f"  studied {figures['lines']} lines; of {covered['facts']} facts {covered['covered']:.0%} are covered, "
            f"{covered['covered_k']:.0%} in {covered['phrasings']} phrasings or more, "
            f"{covered['both_directions']:.0%} in both directions",
            highlight=False,
        )
