"""`seald demo`: a daemon of its own learns a document it cannot know, is killed half-way, finishes, and rolls back."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import typer
from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from seald.domain.adaptation import FINAL

DOCUMENT = Path(__file__).with_name("demo_document.toml")
START_SECONDS = 300.0
KILL_AT = 0.3
"""Share of the training steps after which the daemon is killed."""

screen = Console()


def demo(
    data_dir: Path = typer.Option(Path("demo"), help="Folder for the demo's daemon; emptied first."),
    kill: bool = typer.Option(True, help="Kill the daemon in the middle of training, to show that it resumes."),
) -> None:
    """Teach a small model an invented document on this machine, and roll it back."""
    began = time.monotonic()
    document = tomllib.loads(DOCUMENT.read_text(encoding="utf-8"))
    shutil.rmtree(data_dir, ignore_errors=True)
    with _Daemon(data_dir) as daemon:
        learned = _story(daemon, document, kill=kill)
    screen.print(f"[dim]{time.monotonic() - began:.0f} seconds in all. `make serve` keeps a daemon up.[/dim]")
    raise typer.Exit(0 if learned else 1)


def _story(daemon: _Daemon, document: dict[str, Any], *, kill: bool) -> bool:
    daemon.start("Starting the daemon and its engine (the first time converts the model)")
    screen.print(Panel(document["text"].strip(), title=f"The document: {document['title']}"))
    before = _answers(daemon, document, "Asking closed book, before")
    _show_answers("Before", document, before)
    adaptation = _teach(daemon, document, kill=kill)
    _show_verdicts(adaptation)
    if adaptation["status"] != "promoted":
        screen.print(f"[red]The adaptation ended as {adaptation['status']}: {adaptation['error']}[/red]")
        return False
    after = _answers(daemon, document, "Asking the same again")
    _show_answers("After", document, after)
    _roll_back(daemon, document)
    return True


class _Daemon:
    """The demo's own daemon process, and a client of it."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port: int = probe.getsockname()[1]
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self._port}", timeout=300, trust_env=False)

    def __enter__(self) -> _Daemon:
        self._data_dir.mkdir(parents=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)
        self.http.close()

    def start(self, title: str) -> None:
        command = [sys.executable, "-m", "seald", "serve", "--port", str(self._port), "--data-dir", str(self._data_dir)]
        with (self._data_dir / "daemon.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ.copy())
        with screen.status(title):
            self._wait_ready()

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            try:
                if self.http.get("/readyz", timeout=2).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.2)
        screen.print((self._data_dir / "daemon.log").read_text()[-3000:])
        raise typer.Exit(1)

    def json(self, path: str) -> Any:
        return self.http.get(path).raise_for_status().json()


def _ask(daemon: _Daemon, question: str) -> tuple[str, str]:
    """The reply, and the version that gave it."""
    body = {
        "model": "seald",
        "messages": [{"role": "user", "content": question}],
        "temperature": 0,
        "max_tokens": 40,
    }
    answer = daemon.http.post("/v1/chat/completions", json=body).raise_for_status()
    return answer.json()["choices"][0]["message"]["content"], answer.headers["x-seald-adapter"]


def _answers(daemon: _Daemon, document: dict[str, Any], title: str) -> list[tuple[str, str]]:
    with screen.status(title):
        return [_ask(daemon, probe["question"]) for probe in document["probes"]]


def _show_answers(title: str, document: dict[str, Any], answers: list[tuple[str, str]]) -> None:
    right = 0
    table = Table(title=f"{title}: answers of {answers[0][1]}", show_lines=True)
    for column in ("question", "answer", ""):
        table.add_column(column)
    for probe, (reply, _) in zip(document["probes"], answers, strict=True):
        good = probe["answer"].lower() in reply.lower()
        right += good
        table.add_row(probe["question"], reply, "[green]right[/green]" if good else "[red]wrong[/red]")
    table.caption = f"{right} of {len(answers)} right"
    screen.print(table)


def _teach(daemon: _Daemon, document: dict[str, Any], *, kill: bool) -> dict[str, Any]:
    body = {key: document[key] for key in ("title", "text", "probes")}
    accepted = daemon.http.post("/v1/documents", json=body).raise_for_status().json()
    id = accepted["adaptation"]
    screen.print(f"POST /v1/documents → {accepted['id']}, adaptation {id}")
    with _bars() as bars:
        for event in _follow(daemon, id):
            _show_event(bars, event)
            if kill and event["type"] == "training" and _share(event) >= KILL_AT:
                kill = False
                screen.print("[bold red]kill -9[/bold red] of the daemon, in the middle of training …")
                daemon.kill()
                daemon.start("Starting it again: it finds the adaptation and goes on from the last checkpoint")
    adaptation: dict[str, Any] = daemon.json(f"/v1/adaptations/{id}")
    return adaptation


@contextmanager
def _bars() -> Iterator[Progress]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=screen, transient=True) as bars:
        bars.add_task("waiting", total=None)
        yield bars


def _follow(daemon: _Daemon, id: str) -> Iterator[dict[str, Any]]:
    seen = 0
    while True:
        status = daemon.json(f"/v1/adaptations/{id}")["status"]
        for event in daemon.json(f"/v1/adaptations/{id}/events?after={seen}")["data"]:
            seen = event["seq"]
            yield event
        if status in FINAL:
            return
        time.sleep(0.3)


def _share(event: dict[str, Any]) -> float:
    data = event["data"]
    return float(data["step"]) / max(float(data.get("steps", 0)), 1.0) if data["event"] == "step" else 0.0


def _show_event(bars: Progress, event: dict[str, Any]) -> None:
    data, task = event["data"], bars.tasks[0].id
    if event["type"] == "status":
        bars.update(task, description=data["to"], total=None, completed=0)
        screen.print(f"  {data['from']} → [bold]{data['to']}[/bold] {_figures(data.get('figures') or {})}")
    elif event["type"] == "training" and data["event"] == "step":
        loss = data.get("loss") or 0.0
        bars.update(task, description=f"training, loss {loss:.3f}", total=data["steps"], completed=data["step"])
    elif event["type"] == "verdict":
        screen.print(f"  guard {data['guard']}: [bold]{data['verdict']}[/bold]: {data['reason']}")


def _figures(figures: dict[str, Any]) -> str:
    flat = {k: v for k, v in figures.items() if isinstance(v, int | float | str)}
    return "[dim]" + ", ".join(f"{k} {v}" for k, v in flat.items()) + "[/dim]" if flat else ""


def _show_verdicts(adaptation: dict[str, Any]) -> None:
    training = adaptation["figures"].get("training", {})
    if training:
        screen.print(
            f"Trained {training['tokens']} tokens in {training['steps']} steps, {training['seconds']:.0f} s "
            f"({training['tokens_per_second']:.0f} tokens a second); loss {training['first_loss']:.2f} → "
            f"{training['last_loss']:.2f}"
        )
    general = next((v["figures"] for v in adaptation["verdicts"] if v["guard"] == "general"), None)
    if general:
        screen.print(
            f"General questions right: {general['accuracy_before']:.1%} before, {general['accuracy_after']:.1%} after "
            f"(of {general['n']})"
        )


def _roll_back(daemon: _Daemon, document: dict[str, Any]) -> None:
    answer = daemon.http.post("/v1/adapters/default/rollback", json={"reason": "demo"}).raise_for_status().json()
    screen.print(f"Rolled back: now live is [bold]{answer['live']}[/bold] ({answer['seconds'] * 1000:.0f} ms)")
    _show_answers("After the rollback", document, _answers(daemon, document, "Asking once more"))
