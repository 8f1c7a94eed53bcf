"""A real worker process: done, refused, stopped, killed and resumed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
from safetensors.torch import load_file

from seald.config import Recipe, Training
from seald.domain.training import TrainingEvent
from seald.errors import InsufficientStorage, TrainerFailed, TrainerKilled, TrainerStopped
from seald.training import launcher
from seald.training.job_file import JobFile, delivery
from seald.training.launcher import ProcessTrainer
from tests.unit.training.conftest import MakeJob

LONG = Recipe(rank=4, alpha=8, epochs=100, batch_tokens=64)
MANNERS = Training(threads=1, checkpoint_seconds=1e-6, nice=0)


def children() -> list[psutil.Process]:
    return [p for p in psutil.Process().children() if "seald.training.worker" in " ".join(p.cmdline())]


def test_killed_at_any_step_it_ends_with_the_same_weights(make_job: MakeJob) -> None:
    whole, broken = make_job("whole"), make_job("broken")
    trainer = ProcessTrainer(MANNERS)
    expected = trainer.train(whole, lambda _: None, threading.Event())
    trainer.set_busy(True)

    def kill(event: TrainingEvent) -> None:
        if event.event == "checkpoint" and event.step == 2:
            children()[0].send_signal(signal.SIGKILL)

    with pytest.raises(TrainerKilled, match="SIGKILL"):
        trainer.train(broken, kill, threading.Event())
    assert not Path(broken.output).exists()
    events: list[TrainingEvent] = []
    result = trainer.train(broken, events.append, threading.Event())
    assert (events[0].event, result.steps, result.tokens) == ("started", expected.steps, expected.tokens)
    assert events[0].step >= 2
    ours, theirs = (load_file(Path(job.output) / "adapter_model.safetensors") for job in (broken, whole))
    assert all(bool((ours[name] == theirs[name]).all()) for name in theirs)
    assert trainer.train(broken, pytest.fail, threading.Event()) == result
    counted = {(sample.name, *sample.labels.values()): sample.value for sample in trainer.samples()}
    ends = {end: n for (_, *ended), n in counted.items() for end in ended if n}
    assert ends == {"done": 2, "trainer_killed": 1}
    assert counted[("seald_training_tokens",)] == 2 * expected.tokens
    assert sorted(path.name for path in Path(broken.output).parent.iterdir()) == ["checkpoint", "out"]
    assert children() == []


def test_a_stop_kills_the_child(make_job: MakeJob) -> None:
    cancelled = threading.Event()

    def stop(event: TrainingEvent) -> None:
        cancelled.set()

    with pytest.raises(TrainerStopped):
        ProcessTrainer(MANNERS).train(make_job(recipe=LONG), stop, cancelled)
    assert children() == []


def test_a_listener_that_fails_leaves_no_child(make_job: MakeJob) -> None:
    def fail(_: TrainingEvent) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        ProcessTrainer(MANNERS).train(make_job(recipe=LONG), fail, threading.Event())
    assert children() == []


def test_a_trainer_that_outlives_its_daemon_publishes_nothing(make_job: MakeJob) -> None:
    """It was stopped, say, and does not know yet that nobody waits for it any more."""
    job = make_job()
    spec = JobFile(jobs=(job,), manners=MANNERS).write()
    command = [sys.executable, "-m", "seald.training.worker", str(spec), "earlier"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as old:
        assert old.wait(120) == 0
    assert delivery(job, "earlier").is_dir()
    assert not Path(job.output).exists()


def test_one_that_says_nothing_for_the_time_of_its_lease_is_killed(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "LEASE_SECONDS", 30.0)

    def stop(event: TrainingEvent) -> None:
        monkeypatch.setattr(launcher, "LEASE_SECONDS", 0.5)
        children()[0].suspend()

    with pytest.raises(TrainerKilled, match="SIGKILL"):
        ProcessTrainer(MANNERS).train(make_job(recipe=LONG), stop, threading.Event())
    assert children() == []


@pytest.mark.parametrize(
    ("fault", "error"),
    [("checkpoint:1:enospc", InsufficientStorage), ("output:1:oom", TrainerKilled)],
)
def test_what_the_disk_or_the_kernel_does_to_it_may_be_tried_again(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch, fault: str, error: type[Exception]
) -> None:
    job = make_job()
    monkeypatch.setenv("SEALD_FAILPOINT", fault)
    with pytest.raises(error):
        ProcessTrainer(MANNERS).train(job, lambda _: None, threading.Event())
    assert not Path(job.output).exists()
    assert [path.name for path in Path(job.output).parent.glob("*out.*")] == []


def test_a_model_that_is_not_there_is_a_bad_job(make_job: MakeJob, tmp_path: Path) -> None:
    with pytest.raises(TrainerFailed) as failure:
        ProcessTrainer(MANNERS).train(make_job(model=str(tmp_path / "nowhere")), lambda _: None, threading.Event())
    assert failure.value.code == "bad_job"


def test_the_job_file_keeps_manners_apart_from_the_job(make_job: MakeJob) -> None:
    job = make_job()
    ProcessTrainer(MANNERS).train(job, lambda _: None, threading.Event())
    spec = json.loads((Path(job.checkpoint) / "job.json").read_text())
    assert spec["manners"]["nice"] == 0
    assert "nice" not in json.dumps(spec["jobs"])
    assert os.access(Path(job.checkpoint) / "trainer.log", os.R_OK)
