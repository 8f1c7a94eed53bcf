"""`seald policy`: what writes self-edits, its retraining, and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.markup import escape

from seald.bench.plots import check_plot
from seald.cli.client import DEFAULT_URL, AsJson, Daemon, Url, say, show_json, show_list, show_table
from seald.cli.follow_retraining import follow_retraining
from seald.cli.policy_plot import plot
from seald.cli.policy_show import interval, show

app = typer.Typer(help="What writes self-edits, and its retraining.", no_args_is_help=True)


@app.command("list")
def list_policies(url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """All policies, seed and learned; the one that writes is marked."""
    found = Daemon(url).get("/v1/policies")
    if as_json:
        show_json(found)
        return
    rows = [{**p, "live": "●" if p["live"] else "", "reward": _reward(p)} for p in found["data"]]
    columns = {"policy": "id", "live": "live", "status": "status", "learned from": "parent", "reward": "reward"}
    show_table(f"{len(rows)} policies", rows, columns | {"description": "description"})


@app.command("show")
def show_policy(
    version: Annotated[str | None, typer.Argument(help="learned@3, 3, or a seed policy; else the live one.")] = None,
    picture: Annotated[
        Path | None, typer.Option("--plot", help="Draw the rewards of each round and the tournament into this .png.")
    ] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """One policy: what it was paid, how it was judged, and the best of what it learned from."""
    check_plot(picture)
    daemon = Daemon(url)
    found = daemon.get(f"/v1/policies/{quote(version or _live(daemon), safe='@')}")
    if picture is not None:
        plot(picture, found)
        say(f"drawn into {picture}")
    if as_json:
        show_json(found)
    else:
        show(found)


@app.command("retrain")
def retrain(
    file: Annotated[
        Path | None,
        typer.Argument(exists=True, dir_okay=False, help="Contexts to send, as `seald bench acquire` takes them."),
    ] = None,
    rounds: Annotated[int | None, typer.Option(min=1, help="Of sampling, scoring and learning.")] = None,
    contexts: Annotated[
        int | None, typer.Option(min=2, help="To learn from; with FILE: send its first so many.")
    ] = None,
    samples: Annotated[int | None, typer.Option(min=2, help="Self-edits of each context and round.")] = None,
    writer: Annotated[str | None, typer.Option(help="Take this writer's edits of FILE instead of sampling.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow it to its end.")] = False,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Retrain the policy; where a run is open, that one is it. Exit code 1 if it was refused or, with --wait, not
    promoted."""
    body = {"rounds": rounds, "contexts": _contexts(file, contexts), "samples": samples, "writer": writer}
    daemon = Daemon(url)
    found = daemon.post("/v1/policies/retrain", {key: value for key, value in body.items() if value is not None})
    if wait:
        found = follow_retraining(daemon, found)
    if as_json:
        show_json(found)
    else:
        _tell(found)
    raise typer.Exit(0 if not wait or found["status"] == "promoted" else 1)


@app.command("rollback")
def rollback(
    to: Annotated[
        int | None, typer.Option(min=0, help="A version, 0 for the seed policy; else the one before.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Written into the history.")] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Let an earlier policy write again."""
    body = {key: value for key, value in (("to", to), ("reason", reason)) if value is not None}
    done = Daemon(url).post("/v1/policies/rollback", body)
    if as_json:
        show_json(done)
    else:
        before = f"learned@{done['from']}" if done["from"] else "the seed policy"
        say(f"{before} → {done['live']}, in {done['seconds'] * 1000:.0f} ms")


@app.command("retrainings")
def list_retrainings(url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """All runs, oldest first."""
    found = Daemon(url).all("/v1/retrainings")
    if as_json:
        show_list("", found, {}, as_json=True)
        return
    rows = [{**r, "round": f"{r['round']} of {r['rounds']}", "why": (r["error"] or {}).get("message")} for r in found]
    columns = {name: name for name in ("id", "status", "round", "contexts", "samples", "incumbent", "version", "why")}
    show_table(f"{len(rows)} retrainings", rows, columns)


@app.command("cancel")
def cancel(id: str, url: Url = DEFAULT_URL) -> None:
    """Stop a retraining."""
    found = Daemon(url).post(f"/v1/retrainings/{quote(id, safe='')}/cancel")
    say(_state(found) if found["finished"] else f"{_state(found)} and stops at its next step")


def _contexts(file: Path | None, count: int | None) -> list[dict[str, Any]] | int | None:
    """What the file holds, without what the daemon does not take."""
    if file is None:
        return count
    from seald.bench.passages import read_passages

    return [passage.model_dump(mode="json") for passage in read_passages(file, first=count)]


def _live(daemon: Daemon) -> str:
    return str(next(policy["id"] for policy in daemon.get("/v1/policies")["data"] if policy["live"]))


def _reward(policy: dict[str, Any]) -> str:
    return interval((policy["rewards"] or {}).get("reward"))


def _tell(found: dict[str, Any]) -> None:
    error = f": {escape(str(found['error'].get('message')))}" if found["error"] else ""
    writes = f": {found['version']} writes now" if found["status"] == "promoted" else ""
    say(f"{_state(found)}{writes}{error}")


def _state(found: dict[str, Any]) -> str:
    return f"{found['id']} is {found['status']}"
