"""What the launcher hands to the worker: `job.json` in the checkpoint folder."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from seald.config import Training
from seald.domain.training import TrainingJob

JOB_FILE = "job.json"
RESULT_FILE = "result.json"


def delivery(job: TrainingJob, launch: str) -> Path:
    """Where one launch of the trainer leaves its output. Only who launched it moves it to `job.output`: a trainer that
    outlives its daemon, for it was stopped meanwhile, leaves what nobody takes."""
    output = Path(job.output)
    return output.with_name(f"{output.name}.{launch}")


class JobFile(BaseModel):
    """The jobs, which decide the weights, and apart from them how the process behaves, which does not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    jobs: tuple[TrainingJob, ...] = Field(min_length=1)
    """Of one base model, trained side by side."""
    manners: Training

    def write(self) -> Path:
        """Write it below the first job's `checkpoint`, creating the folder, and return the path."""
        folder = Path(self.jobs[0].checkpoint)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / JOB_FILE
        path.write_text(self.model_dump_json(indent=1), encoding="utf-8")
        return path
