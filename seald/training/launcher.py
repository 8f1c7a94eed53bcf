"""Runs training jobs in a child process and relays what it says. Knows no torch."""

from __future__ import annotations

import glob
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import ValidationError

from seald.config import Training
from seald.domain.sample import Sample
from seald.domain.training import TrainingEvent, TrainingJob, TrainingResult
from seald.errors import InsufficientStorage, StoreError, TrainerError, TrainerFailed, TrainerKilled, TrainerStopped
from seald.failpoint import around
from seald.training.job_file import RESULT_FILE, JobFile, delivery

LOG_FILE = "trainer.log"
POLL_SECONDS = 0.1
LEASE_SECONDS = 1800.0
"""A child that says nothing for so long is taken to hang: it is killed, and may be tried again."""
LEAVE_SECONDS = 2.0
"""How long the child may take to leave once its standard input is closed."""

QUIET = {
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "300000",
    "KMP_BLOCKTIME": "0",
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
    "MALLOC_TRIM_THRESHOLD_": "1073741824",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
"""Threads that spin for some microseconds between two products and then sleep, and a hub that is never asked.

Sleeping at once costs a third of the speed on two cores; while requests are being answered one thread works alone.
Memory that a step frees is kept for the next: handing it back costs ten thousand page faults a step (glibc).
"""

ENDS = ("done", TrainerKilled.code, TrainerStopped.code, "diverged", "out_of_memory")
"""Counted from zero on: to Prometheus a counter that begins at one has not grown."""

OnEvent = Callable[[TrainingEvent], None]


class ProcessTrainer:
    """One trainer process a job. The child leaves when its standard input closes, so it never outlives the daemon."""

    def __init__(self, manners: Training) -> None:
        self._manners = manners
        self._lock = threading.Lock()
        self._child: subprocess.Popen[str] | None = None
        self._busy = False
        self._ends = Counter(dict.fromkeys(ENDS, 0))
        self._tokens = 0
        self._seconds = 0.0

    def samples(self) -> Iterator[Sample]:
        """What was trained since the start, and how it ended. From any thread."""
        for outcome, n in self._ends.copy().items():
            yield Sample("seald_trainings", n, {"outcome": outcome})
        yield Sample("seald_training_tokens", self._tokens)
        yield Sample("seald_training_seconds", self._seconds)

    def set_busy(self, busy: bool) -> None:
        """Tell the trainer, now or when it starts, that requests are being answered. From any thread, at any time."""
        with self._lock:
            if busy != self._busy:
                self._busy = busy
                self._tell()

    def train(self, job: TrainingJob, on_event: OnEvent, cancelled: threading.Event) -> TrainingResult:
        """Block until the job is done; `on_event` is called in the calling thread.

        A job whose output folder is already there returns its result without training.

        Raises:
            TrainerKilled: the process died without saying why.
            TrainerFailed: it said why; `code` is the worker's own.
            TrainerStopped: `cancelled` was set.
            InsufficientStorage, StoreError: its disk is full, or failed.
        """
        return self.train_together((job,), on_event, cancelled)[0]

    def train_together(
        self, jobs: Sequence[TrainingJob], on_event: OnEvent, cancelled: threading.Event
    ) -> tuple[TrainingResult, ...]:
        """As `train`, jobs of one base model side by side in one process; results in their order."""
        missing = [job for job in jobs if not _result(job).exists()]
        if missing:
            self._run_counted(missing, on_event, cancelled)
        return tuple(_read(_result(job)) for job in jobs)

    def _run_counted(self, jobs: Sequence[TrainingJob], on_event: OnEvent, cancelled: threading.Event) -> None:
        try:
            self._run(jobs, on_event, cancelled)
        except TrainerError as error:
            self._ends[error.code] += 1
            raise
        self._ends["done"] += 1
        for result in (_read(_result(job)) for job in jobs):
            self._tokens += result.tokens
            self._seconds += result.seconds

    def _run(self, jobs: Sequence[TrainingJob], on_event: OnEvent, cancelled: threading.Event) -> None:
        spec, launch = JobFile(jobs=tuple(jobs), manners=self._manners).write(), secrets.token_hex(4)
        try:
            with self._process(spec, launch) as child, _stopper(child, cancelled) as heard:
                last = _relay(child, on_event, heard)
                code = child.wait()
            if last is not None and last.event == "failed":
                raise _failure(last)
            if code == 0 and all(delivery(job, launch).is_dir() for job in jobs):
                _take(jobs, launch)
                return
        finally:
            _clear(jobs)
        named = ", ".join(job.id for job in jobs)
        if cancelled.is_set():
            raise TrainerStopped(f"job {named} was stopped on request; run it again to go on from its checkpoint")
        raise TrainerKilled(f"{_death(code)} while training job {named}; see {spec.with_name(LOG_FILE)}")

    @contextmanager
    def _process(self, spec: Path, launch: str) -> Iterator[subprocess.Popen[str]]:
        """The child, reaped whatever happens."""
        with spec.with_name(LOG_FILE).open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "seald.training.worker", str(spec), launch],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                env={**os.environ, **QUIET},
            )
        try:
            self._attach(child)
            yield child
        finally:
            self._attach(None)
            _leave(child)

    def _attach(self, child: subprocess.Popen[str] | None) -> None:
        with self._lock:
            self._child = child
            if self._busy:
                self._tell()

    def _tell(self) -> None:
        if self._child is None or self._child.stdin is None:
            return
        with suppress(OSError, ValueError):
            self._child.stdin.write("busy\n" if self._busy else "idle\n")
            self._child.stdin.flush()


@contextmanager
def _stopper(child: subprocess.Popen[str], cancelled: threading.Event) -> Iterator[Callable[[], None]]:
    """Kill the child when `cancelled` is set, or what is yielded has not been called for as long as its lease: the
    reader of its output then sees the end."""
    done, last = threading.Event(), [time.monotonic()]

    def watch() -> None:
        while not done.is_set():
            if cancelled.wait(POLL_SECONDS) or time.monotonic() - last[0] > LEASE_SECONDS:
                child.kill()
                return

    def heard() -> None:
        last[0] = time.monotonic()

    watcher = threading.Thread(target=watch, name="trainer-stopper", daemon=True)
    watcher.start()
    try:
        yield heard
    finally:
        done.set()
        watcher.join()


def _relay(child: subprocess.Popen[str], on_event: OnEvent, heard: Callable[[], None]) -> TrainingEvent | None:
    last = None
    for line in child.stdout or ():
        heard()
        try:
            event = TrainingEvent.model_validate_json(line)
        except ValidationError:  # a torn last line of a killed process, or a library that prints
            continue
        last = event
        on_event(event)
    return last


def _leave(child: subprocess.Popen[str]) -> None:
    if child.stdin is not None:
        with suppress(OSError):
            child.stdin.close()
    try:
        child.wait(LEAVE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    if child.stdout is not None:
        child.stdout.close()


def _death(code: int) -> str:
    if code >= 0:
        return f"the trainer left without a word (exit code {code})"
    with suppress(ValueError):
        return f"the trainer was killed by {signal.Signals(-code).name}"
    return f"the trainer was killed by signal {-code}"


def _take(jobs: Sequence[TrainingJob], launch: str) -> None:
    for job in jobs:
        with around("publish"):
            delivery(job, launch).rename(job.output)


def _clear(jobs: Sequence[TrainingJob]) -> None:
    """What launches of these jobs left, this one or one that was killed with its daemon, and nobody takes."""
    for output in (Path(job.output) for job in jobs):
        own = glob.escape(output.name)
        for left in (*output.parent.glob(f"{own}.*"), *output.parent.glob(f".{own}.*")):
            shutil.rmtree(left, ignore_errors=True)


def _failure(said: TrainingEvent) -> TrainerFailed | StoreError:
    message = said.message or "the trainer failed"
    if said.code == InsufficientStorage.code:
        return InsufficientStorage(f"the trainer found no room: {message}")
    if said.code == StoreError.code:
        return StoreError(f"the trainer's disk failed: {message}")
    return TrainerFailed(message, code=said.code)


def _result(job: TrainingJob) -> Path:
    return Path(job.output) / RESULT_FILE


def _read(result: Path) -> TrainingResult:
    return TrainingResult.model_validate_json(result.read_bytes())
