"""Following adaptations to their end, with a bar each on standard error."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from seald.cli.client import Daemon, progress
from seald.domain.adaptation import FINAL

LOOK_SECONDS = 0.5
STAGES = ["queued", "editing", "training", "guarding", "promoting", "promoted"]


def follow(daemon: Daemon, names: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Wait until each adaptation (id → name to show) has ended or is held; return them by id."""
    ended: dict[str, dict[str, Any]] = {}
    seen = dict.fromkeys(names, 0)
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[stage]}"),
        TimeElapsedColumn(),
        console=progress,
    ) as bars:
        tasks = {id: bars.add_task(name, total=len(STAGES) - 1, stage="queued") for id, name in names.items()}
        while len(ended) < len(names):
            for id in [id for id in names if id not in ended]:
                found = daemon.get(f"/v1/adaptations/{id}")
                events = daemon.get(f"/v1/adaptations/{id}/events", after=seen[id])["data"]
                seen[id] = events[-1]["seq"] if events else seen[id]
                _advance(bars, tasks[id], found["status"], events)
                if found["status"] in FINAL:
                    ended[id] = found
            time.sleep(LOOK_SECONDS)
    return ended


def _advance(bars: Progress, task: TaskID, status: str, events: Sequence[dict[str, Any]]) -> None:
    place = float(STAGES.index(status)) if status in STAGES else float(len(STAGES) - 1)
    stage = status
    steps = [e["data"] for e in events if e["type"] == "training" and e["data"].get("steps")]
    if status == "training":
        if not steps:
            return
        place += steps[-1]["step"] / steps[-1]["steps"]
        stage = f"training, step {steps[-1]['step']} of {steps[-1]['steps']}"
    bars.update(task, completed=place, stage=stage)
