"""What the launcher hands to the worker: `job.json` in the checkpoint folder."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from seald.config import Training
from seald.domain.training import TrainingJob

JOB_FILE = "job.json"
RESULT_FILE = "result.json"


class JobFile(BaseModel):
    """The job, which decides the weights, and apart from it how the process behaves, which does not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    job: TrainingJob
    manners: Training

    def write(self) -> Path:
        """Write it below `job.checkpoint`, creating the folder, and return the path."""
        folder = Path(self.job.checkpoint)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / JOB_FILE
        path.write_text(self.model_dump_json(indent=1), encoding="utf-8")
        return path
