"""`seald bench train`: how fast the trainer is, beside what the machine's matrix products allow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from seald.bench.passages import BenchPassage
from seald.bench.study import as_seald_does
from seald.config import Settings
from seald.domain.base_model import BaseModel
from seald.domain.policy import Form
from seald.domain.training import TrainingJob
from seald.errors import TrainerFailed
from seald.training.job_file import JobFile
from seald.training.launcher import QUIET


def measure(
    settings: Settings,
    base: BaseModel,
    documents: Sequence[BenchPassage],
    forms: dict[str, Form],
    counts: Sequence[int],
    work: Path,
) -> dict[str, float]:
    """The figures of `seald.training.measure`, taken in a process like the trainer's; `counts` are candidates at once.

    Raises:
        TrainerFailed: the process failed; the message is the end of what it said.
    """
    jobs = [_job(settings, base, documents, forms, number, work) for number in range(max(counts, default=1))]
    spec = JobFile(jobs=tuple(jobs), manners=settings.training).write()
    command = [sys.executable, "-m", "seald.training.measure", str(spec), *map(str, counts)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **QUIET}, check=False)
    if done.returncode != 0:
        raise TrainerFailed(f"the measurement failed: {done.stderr.strip()[-500:]}", code="internal")
    return {name: float(value) for name, value in json.loads(done.stdout.splitlines()[-1]).items()}


def _job(
    settings: Settings,
    base: BaseModel,
    documents: Sequence[BenchPassage],
    forms: dict[str, Form],
    number: int,
    work: Path,
) -> TrainingJob:
    """Real lines, another document for every candidate; no general replies, for which an engine would have to run."""
    document = documents[number % len(documents)]
    return TrainingJob(
        id=f"measure-{number}",
        model=str(base.folder),
        recipe=settings.recipe,
        seed=number,
        fresh=tuple(as_seald_does(document, (), forms, settings.policy)),
        output=str(work / f"measure-{number}" / "out"),
        checkpoint=str(work / f"measure-{number}"),
    )
