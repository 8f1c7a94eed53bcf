"""Following a retraining to its end, with a bar on standard error."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from seald.cli.client import Daemon, progress
from seald.domain.retraining import TERMINAL

LOOK_SECONDS = 0.5
PHASES = ("sampling", "scoring", "learning")
"""Of each round; the tournament, `judging`, comes after the last."""
MOST_EVENTS = 1000


class Course:
    """How far a run has come, in phases of all its rounds and the tournament."""

    def __init__(self, rounds: int) -> None:
        self.total = len(PHASES) * rounds + 1
        self._rounds = rounds
        self._phase = ""
        self._share = 0.0
        self._detail = ""

    def advance(self, found: dict[str, Any], events: Sequence[dict[str, Any]]) -> tuple[float, str]:
        """The place, 0 to `total`, and what is done there, by the run as it is and the events since the last look.

        An event counts within its phase by `step` of `steps`, or `done` of `of`.
        """
        status = found["status"]
        phase = f"round {found['round']} of {self._rounds}, {status}" if status in PHASES else status
        if phase != self._phase:
            self._phase, self._share, self._detail = phase, 0.0, ""
        for event in events:
            self._count(event["data"])
        return min(self._begin(found) + self._share, self.total), f"{phase}{self._detail}"

    def _count(self, data: dict[str, Any]) -> None:
        done, of = (data.get(name, data.get(other)) for name, other in (("step", "done"), ("steps", "of")))
        if isinstance(done, int) and isinstance(of, int) and of > 0:
            self._share, self._detail = min(done / of, 1.0), f", {done} of {of}"

    def _begin(self, found: dict[str, Any]) -> int:
        status = found["status"]
        if status in PHASES:
            return len(PHASES) * (int(found["round"]) - 1) + PHASES.index(status)
        return {"queued": 0, "judging": self.total - 1}.get(status, self.total)


def follow_retraining(daemon: Daemon, found: dict[str, Any]) -> dict[str, Any]:
    """Wait until the retraining has ended; return it as it then is."""
    path, seen, course = f"/v1/retrainings/{found['id']}", 0, Course(found["rounds"])
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[stage]}"),
        TimeElapsedColumn(),
        console=progress,
    ) as bars:
        task = bars.add_task(found["id"], total=course.total, stage=found["status"])
        while True:
            found = daemon.get(path)
            events = daemon.get(f"{path}/events", after=seen, limit=MOST_EVENTS)["data"]
            seen = events[-1]["seq"] if events else seen
            place, stage = course.advance(found, events)
            bars.update(task, completed=place, stage=stage)
            if found["status"] in TERMINAL:
                return found
            time.sleep(LOOK_SECONDS)
