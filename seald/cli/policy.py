"""`seald policy`: what writes self-edits, of passages and of tasks, its retraining, and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.markup import escape

from seald.bench.plots import check_plot
from seald.cli.client import DEFAULT_URL, AsJson, Daemon, Reason, Url, because, say, show_json, show_list, show_table
from seald.cli.context_files import read_contexts
from seald.cli.follow_retraining import follow_retraining
from seald.cli.policy_plot import plot
from seald.cli.policy_show import interval, show

app = typer.Typer(help="What writes self-edits, and its retraining.", no_args_is_help=True)

About = Annotated[str | None, typer.Option("--subject", help="passage or task: what it writes about.")]


@app.command("list")
def list_policies(url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """All policies, seed and learned; those that write are marked, the one of tasks as such."""
    found = Daemon(url).get("/v1/policies")
    if as_json:
        show_json(found)
        return
    rows = [{**p, "live": _mark(p), "reward": _reward(p)} for p in found["data"]]
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
        typer.Argument(
            exists=True,
            dir_okay=False,
            help="To send: as `seald bench acquire` takes it, or tasks with tests.",
        ),
    ] = None,
    rounds: Annotated[int | None, typer.Option(min=1, help="Of sampling, scoring and learning.")] = None,
    contexts: Annotated[
        int | None, typer.Option(min=2, help="To learn from; with FILE: send its first so many.")
    ] = None,
    samples: Annotated[int | None, typer.Option(min=2, help="Self-edits of each context and round.")] = None,
    writer: Annotated[str | None, typer.Option(help="Take this writer's edits of FILE instead of sampling.")] = None,
    subject: About = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow it to its end.")] = False,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Retrain the policy; where a run is open, that one is it. Exit code 1 if it was refused or, with --wait, not
    promoted."""
    given = contexts if file is None else read_contexts(file, first=contexts)
    body = {"rounds": rounds, "contexts": given, "samples": samples, "writer": writer, "subject": subject}
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
    subject: About = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Let an earlier policy write again."""
    body = {"to": to, "reason": reason, "subject": subject}
    done = Daemon(url).post("/v1/policies/rollback", {key: value for key, value in body.items() if value is not None})
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
def cancel(id: str, reason: Reason = None, url: Url = DEFAULT_URL) -> None:
    """Stop a retraining."""
    found = Daemon(url).post(f"/v1/retrainings/{quote(id, safe='')}/cancel", because(reason))
    say(_state(found) if found["finished"] else f"{_state(found)} and stops at its next step")


def _live(daemon: Daemon) -> str:
    found = daemon.get("/v1/policies")["data"]
    return str(next(policy["id"] for policy in found if policy["live"] and not _is_of_tasks(policy)))


def _is_of_tasks(policy: dict[str, Any]) -> bool:
    return bool(policy.get("subject") == "task")


def _mark(policy: dict[str, Any]) -> str:
    if not policy["live"]:
        return ""
    return "● tasks" if _is_of_tasks(policy) else "●"


def _reward(policy: dict[str, Any]) -> str:
    return interval((policy["rewards"] or {}).get("reward"))


def _tell(found: dict[str, Any]) -> None:
    error = f": {escape(str(found['error'].get('message')))}" if found["error"] else ""
    writes = f": {found['version']} writes now" if found["status"] == "promoted" else ""
    say(f"{_state(found)}{writes}{error}")


def _state(found: dict[str, Any]) -> str:
    return f"{found['id']} is {found['status']}"
