"""`seald adapters`: versions, which is live, the way back, and rebuilding."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from seald.cli.client import DEFAULT_URL, AsJson, Daemon, Url, say, screen, show_json, show_list, show_table
from seald.cli.follow import follow

app = typer.Typer(help="Adapter versions and the live pointer.", no_args_is_help=True)
Collection = Annotated[str, typer.Argument(help="Name of the collection, or task/<name>.")]


@app.command("list")
def list_adapters(
    collection: Annotated[str | None, typer.Argument(help="Only of this collection, or of task/<name>.")] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """All versions; the live ones are marked."""
    found = Daemon(url).get(f"/v1/adapters/{collection}" if collection else "/v1/adapters")
    if as_json:
        show_json(found)
        return
    rows = [
        {**v, "live": "●" if v["live"] else "", "from": _origin(v), "documents": len(v["documents"])}
        for v in found["data"]
    ]
    columns = {"version": "id", "live": "live", "status": "status", "made from": "from", "documents": "documents"}
    show_table(f"{len(rows)} versions", rows, columns)


@app.command("show")
def show_adapter(collection: Collection, version: int, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """One version with its manifest and verdicts."""
    found = Daemon(url).get(f"/v1/adapters/{collection}/{version}")
    if as_json:
        show_json(found)
        return
    screen.print(f"[bold]{found['id']}[/bold] {found['status']}{', live' if found['live'] else ''}", highlight=False)
    manifest = found["manifest"] or {}
    for key in ("parent", "base_model", "base_sha256", "policy", "seed", "ledger", "recipe", "figures"):
        screen.print(f"  {key}: {manifest.get(key)}", highlight=False, markup=False)
    screen.print(f"  feedback: {found['feedback']['up']} up, {found['feedback']['down']} down", highlight=False)
    for verdict in found["verdicts"]:
        screen.print(f"  {verdict['guard']}: {verdict['verdict']}, {verdict['reason']}", highlight=False, markup=False)


@app.command("rollback")
def rollback(
    collection: Collection = "default",
    to: Annotated[int | None, typer.Option(help="A version, 0 for the base; by default the one live before.")] = None,
    reason: Annotated[str | None, typer.Option(help="Written into the history.")] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Point a collection at an earlier version. No request is dropped."""
    body = {key: value for key, value in (("to", to), ("reason", reason)) if value is not None}
    done = Daemon(url).post(f"/v1/adapters/{collection}/rollback", body)
    if as_json:
        show_json(done)
    else:
        say(f"{collection}: {done['from'] or 'base'} → {done['live']}, in {done['seconds'] * 1000:.0f} ms")


@app.command("compact")
def compact(
    collection: Collection = "default",
    reason: Annotated[str | None, typer.Option(help="Written into the compaction's events.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow it to its end.")] = False,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Rebuild the live adapter from the base. Exit code 1 if it was refused or, with --wait, not promoted."""
    daemon = Daemon(url)
    found = daemon.post(f"/v1/adapters/{collection}/compact", {"reason": reason} if reason is not None else {})
    if wait:
        found = follow(daemon, {found["id"]: f"{collection}, compaction"})[found["id"]]
    if as_json:
        show_json(found)
    else:
        error = f": {found['error']['message']}" if found["error"] else ""
        say(f"{found['id']} is {found['status']}{error}")
    raise typer.Exit(0 if not wait or found["status"] == "promoted" else 1)


@app.command("verify")
def verify(
    collection: Annotated[str | None, typer.Argument(help="Only this collection, or task/<name>.")] = None,
    version: Annotated[int | None, typer.Argument(help="Only this version.")] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Hash every file against its manifest. Exit code 1 if one does not fit."""
    daemon = Daemon(url)
    listed = daemon.get(f"/v1/adapters/{collection}" if collection else "/v1/adapters")["data"]
    wanted = [v for v in listed if v["sha256"] and version in (None, v["version"])]
    results = [_verify(daemon, v) for v in wanted]
    columns = {"version": "id", "verified": "verified", "error": "error"}
    show_list(f"{len(results)} versions", results, columns, as_json=as_json)
    raise typer.Exit(0 if results and all(r["verified"] for r in results) else 1)


def _origin(version: dict[str, Any]) -> str:
    if version["parent"] is None and version["replaces"] is not None:
        return f"base, rebuilding {version['replaces']}"
    return str(version["parent"] or "base")


def _verify(daemon: Daemon, listed: dict[str, Any]) -> dict[str, Any]:
    found = daemon.get(f"/v1/adapters/{listed['collection']}/{listed['version']}", verify="true")
    return {"id": found["id"], "verified": found["verified"], "error": found["verify_error"]}
