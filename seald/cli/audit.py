"""`seald audit`: who decided what, and whether that record is whole."""

from __future__ import annotations

from typing import Annotated

import typer

from seald.cli.client import DEFAULT_URL, AsJson, Daemon, Url, screen, show_json, show_list

app = typer.Typer(help="The record of promotions, rollbacks and people's decisions.", no_args_is_help=True)


@app.command("list")
def list_entries(
    target: Annotated[str | None, typer.Option(help="A collection, task/<name>, policy/<subject>, or an id.")] = None,
    action: Annotated[str | None, typer.Option(help="As promotion, rollback, approval, deletion.")] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """All entries, oldest first."""
    found = Daemon(url).all("/v1/audit", target=target, action=action)
    columns = {name: name for name in ("id", "at", "action", "target", "from", "to", "who", "reason", "request_id")}
    show_list(f"{len(found)} entries", found, columns, as_json=as_json)


@app.command("verify")
def verify(
    head: Annotated[str | None, typer.Option(help="A head that was noted before: is the chain still its?")] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Check every entry against the chain, and print its head. Exit code 1 if one was changed or is missing."""
    found = Daemon(url).get("/v1/audit/verify", head=head)
    if as_json:
        show_json(found)
    else:
        screen.print(_said(found["first_bad"], found["contains"]), highlight=False, soft_wrap=True)
        screen.print(f"{found['entries']} entries, head {found['head']}", highlight=False, soft_wrap=True)
    raise typer.Exit(0 if found["ok"] else 1)


def _said(first_bad: int | None, contains: bool | None) -> str:
    if first_bad is not None:
        return f"[red]broken[/red]: entry {first_bad} is not what was written, or is missing"
    if contains is False:
        return "[red]another chain[/red]: it is whole, but does not have the head that was noted"
    return "the chain is whole"
