"""One job in this process: it learns, it stops when it diverges, its canaries are true."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from seald.config import Recipe
from seald.domain.training import TrainingEvent, TrainingJob, TrainingResult
from seald.errors import TrainerFailed
from seald.training.loop import Run
from seald.training.pace import Pace
from tests.unit.training.conftest import LINES, MakeJob

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")


def run(
    job: TrainingJob, emit: Callable[[TrainingEvent], None] = lambda _: None, device: str = "cpu"
) -> TrainingResult:
    pace = Pace(threads=1, busy_threads=1, busy_share=1.0)
    return Run(job, device=device, checkpoint_seconds=1e-6, pace=pace, emit=emit).train()


def test_it_learns_and_says_so(make_job: MakeJob) -> None:
    events: list[TrainingEvent] = []
    result = run(
        make_job(recipe=Recipe(rank=4, alpha=8, epochs=10, batch_tokens=128, learning_rate=1e-2)), events.append
    )
    assert result.last_loss < result.first_loss - 0.2
    assert result.weight_norm > 0
    assert [events[0].event, events[-1].event] == ["started", "done"]
    steps = [event for event in events if event.event == "step"]
    assert [event.step for event in steps] == list(range(1, result.steps + 1))
    assert steps[-1].epoch == 10


def test_the_canaries_are_what_base_and_adapter_say(make_job: MakeJob) -> None:
    job = make_job()
    (canary,) = run(job).canaries
    base = AutoModelForCausalLM.from_pretrained(job.model)
    ids = torch.tensor([canary.token_ids])

    def logprobs(model: torch.nn.Module) -> list[float]:
        with torch.inference_mode():
            scores = torch.log_softmax(model(input_ids=ids).logits[0, :-1], -1)
        return scores.gather(1, ids[0, 1:, None])[:, 0].tolist()

    assert canary.base_logprobs == pytest.approx(logprobs(base), abs=1e-4)
    adapted = PeftModel.from_pretrained(base, job.output)
    assert canary.adapter_logprobs == pytest.approx(logprobs(adapted), abs=1e-4)
    assert canary.adapter_logprobs != pytest.approx(canary.base_logprobs, abs=1e-4)


def test_divergence_stops_it_and_leaves_no_output(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make_job()
    monkeypatch.setattr("seald.training.loop.learning_rate", lambda *_, **__: float("inf"))
    events: list[TrainingEvent] = []
    with pytest.raises(TrainerFailed) as failure:
        run(job, events.append)
    assert failure.value.code == "diverged"
    assert sum(event.event == "step" for event in events) == 1
    assert not Path(job.output).exists()


def test_a_job_without_lines_is_a_bad_job(make_job: MakeJob) -> None:
    with pytest.raises(TrainerFailed) as failure:
        run(make_job(fresh=()))
    assert failure.value.code == "bad_job"


def test_a_second_generation_starts_where_its_parent_ended(make_job: MakeJob) -> None:
    recipe = Recipe(rank=4, alpha=8, epochs=10, batch_tokens=2048, learning_rate=1e-2)
    first = run(make_job("first", recipe=recipe))
    second = run(make_job("second", recipe=recipe, parent=make_job("first").output, replay=LINES, general=LINES[:1]))
    assert second.first_loss < (first.first_loss + first.last_loss) / 2
