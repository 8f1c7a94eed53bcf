"""The output folder of a job: there whole, or not there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from seald.domain.training import TrainingJob, TrainingResult
from seald.failpoint import around
from seald.training.job_file import RESULT_FILE
from seald.training.lora import LoraStack


def publish(stack: LoraStack, learner: int, job: TrainingJob, result: TrainingResult) -> None:
    """Write the adapter and its result under a temporary name beside `job.output`, sync, rename."""
    output = Path(job.output)
    draft = output.with_name(f".{output.name}.partial")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    stack.export(learner, draft, base_name=Path(job.model).name)
    (draft / RESULT_FILE).write_text(result.model_dump_json(indent=1), encoding="utf-8")
    for file in draft.iterdir():
        _sync(file)
    _sync(draft)
    with around("output"):
        draft.rename(output)
    _sync(output.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
