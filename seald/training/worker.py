"""`python -m seald.training.worker JOB.json LAUNCH`: the jobs of one file, all at once, then exit.

What they give lies where `job_file.delivery` says for LAUNCH, for the daemon to take.

Standard output carries TrainingEvent lines and nothing else; standard input carries `busy` and `idle`, and its end
is the end of this process. Exit codes: 0 done, 1 failed and said why, 75 the daemon let go.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from seald.domain.training import TrainingEvent
from seald.errors import TrainerFailed, of_disk
from seald.training.job_file import JobFile, delivery
from seald.training.pace import Pace

Emit = Callable[[TrainingEvent], None]


def main() -> int:
    """Run the jobs named by the first argument, as the launch named by the second, and return the exit code."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # whatever a library prints belongs in the log

    def emit(event: TrainingEvent) -> None:
        events.write(event.model_dump_json(exclude_none=True) + "\n")

    try:
        _work(Path(sys.argv[1]), sys.argv[2], emit)
    except Exception as error:
        with suppress(OSError):  # the log's disk is full, too
            traceback.print_exc()
        emit(TrainingEvent(event="failed", code=_code(error), message=str(error) or type(error).__name__))
        return 1
    return 0


def _work(path: Path, launch: str, emit: Emit) -> None:
    spec = JobFile.model_validate_json(path.read_bytes())
    manners = spec.manners
    os.nice(manners.nice)
    pace = Pace(threads=manners.threads, busy_threads=manners.busy_threads, busy_share=manners.busy_share)
    pace.listen()
    from seald.training.loop import Run  # torch takes seconds to import: the control lines are heard before

    jobs = [job.model_copy(update={"output": str(delivery(job, launch))}) for job in spec.jobs]
    Run(jobs, manners=manners, pace=pace, emit=emit).train()


def _code(error: Exception) -> str:
    if isinstance(error, TrainerFailed):
        return error.code
    if (disk := of_disk(error)) is not None:
        return disk.code
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or "allocate memory" in str(error):
        return "out_of_memory"
    unreadable = isinstance(error, OSError) and error.errno in (None, errno.ENOENT)  # transformers gives no errno
    return "bad_job" if unreadable or isinstance(error, ValidationError) else "internal"


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)  # the control thread holds standard input, on which an orderly shutdown would wait
