"""`seald collections`: what a collection has otherwise than the configuration."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from seald.cli.client import DEFAULT_URL, AsJson, Daemon, Refused, Url, say, screen, show_json, show_list
from seald.domain.collection import CollectionSettings

app = typer.Typer(help="Collections and their settings.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name of the collection.")]


@app.command("list")
def list_collections(url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """All collections, by name."""
    found = Daemon(url).get("/v1/collections")["data"]
    if as_json:
        show_list("", found, {}, as_json=True)
        return
    rows = [{**c, **c["settings"], "sources": len(c["settings"]["trust"])} for c in found]
    columns = {"name": "name", "live": "live", "documents": "documents", "approval": "approval", "sources": "sources"}
    show_list(f"{len(rows)} collections", rows, columns, as_json=False)


@app.command("show")
def show_collection(name: Name, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """One collection with its settings."""
    found = Daemon(url).get(f"/v1/collections/{name}")
    show_json(found) if as_json else _show(found)


@app.command("set")
def set_collection(
    name: Name,
    approval: Annotated[str | None, typer.Option(help="auto, or manual: a person approves each version.")] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(help="PATTERN=auto|review|quarantine; the first that matches decides. May be repeated."),
    ] = None,
    guard: Annotated[
        list[str] | None, typer.Option(help="KEY=VALUE of \\[guards], as retention.mode=warn. May be repeated.")
    ] = None,
    policy: Annotated[str | None, typer.Option(help="A policy of policies/; `default` is one, too.")] = None,
    scrub: Annotated[bool | None, typer.Option(help="Take personal data out before anything is written.")] = None,
    teaches_policy: Annotated[bool | None, typer.Option(help="Let the policy learn from its documents.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin with the configuration, not with what is set.")] = False,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Change some settings of a collection, which need not be there yet; the others stay."""
    patterns = dict(_pair(given, "--source") for given in source or [])
    keys = dict(_pair(given, "--guard") for given in guard or [])
    daemon = Daemon(url)
    settings = CollectionSettings().model_dump() if fresh else _settings(daemon, name)
    settings["trust"] = {**settings["trust"], **patterns}
    for key, value in keys.items():
        _lay(settings["guards"], key.split("."), _value(value))
    given = {"approval": approval, "policy": policy, "scrub": scrub, "teaches_policy": teaches_policy}
    settings.update({key: value for key, value in given.items() if value is not None})
    done = daemon.put(f"/v1/collections/{name}", settings)
    if as_json:
        show_json(done)
    else:
        say(f"{name} is set")
        _show(done)


def _settings(daemon: Daemon, name: str) -> dict[str, Any]:
    try:
        settings: dict[str, Any] = daemon.get(f"/v1/collections/{name}")["settings"]
    except Refused as refused:
        if refused.code != "not_found":
            raise
        settings = CollectionSettings().model_dump()
    return settings


def _pair(given: str, option: str) -> tuple[str, str]:
    key, equals, value = given.rpartition("=")
    if not (key and equals and value):
        raise typer.BadParameter(f"{given!r} is not of the form NAME=VALUE", param_hint=option)
    return key, value


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _lay(table: dict[str, Any], path: list[str], value: Any) -> None:
    for key in path[:-1]:
        below = table.get(key)
        table[key] = below if isinstance(below, dict) else {}
        table = table[key]
    table[path[-1]] = value


def _show(found: dict[str, Any]) -> None:
    screen.print(f"[bold]{found['name']}[/bold] {found['live']}, {found['documents']} documents", highlight=False)
    settings = found["settings"]
    for key in ("approval", "policy", "scrub", "teaches_policy"):
        screen.print(f"  {key}: {'as configured' if settings[key] is None else settings[key]}", highlight=False)
    for pattern, level in settings["trust"].items():
        screen.print(f"  source {pattern}: {level}", highlight=False, markup=False)
    if settings["guards"]:
        screen.print(f"  guards: {json.dumps(settings['guards'])}", highlight=False, markup=False)
