"""One job in this process: it learns, it stops when it diverges, its canaries are true."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from seald.config import Recipe, Training
from seald.domain.adapter import WEIGHTS
from seald.domain.self_edit import Line
from seald.domain.training import TrainingEvent, TrainingJob, TrainingResult
from seald.errors import TrainerFailed
from seald.training.loop import Run
from seald.training.objective import Objective
from seald.training.pace import Pace
from seald.training.row import Row
from tests.unit.training.conftest import LINES, MakeJob

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")


MANNERS = Training(device="cpu", checkpoint_seconds=1e-6)


def run_together(
    jobs: list[TrainingJob], emit: Callable[[TrainingEvent], None] = lambda _: None, manners: Training = MANNERS
) -> tuple[TrainingResult, ...]:
    pace = Pace(threads=1, busy_threads=1, busy_share=1.0)
    return Run(jobs, manners=manners, pace=pace, emit=emit).train()


def run(job: TrainingJob, emit: Callable[[TrainingEvent], None] = lambda _: None) -> TrainingResult:
    return run_together([job], emit)[0]


def weights_of(job: TrainingJob) -> torch.Tensor:
    loaded = load_file(Path(job.output) / WEIGHTS)
    return torch.cat([loaded[name].flatten() for name in sorted(loaded)])


def assert_same_but_for_rounding(found: torch.Tensor, expected: torch.Tensor) -> None:
    # As a whole, not one by one: where a gradient is next to nothing, Adam makes a step of its rounding.
    assert (found - expected).norm() < 1e-4 * expected.norm()


def test_it_learns_and_says_so(make_job: MakeJob) -> None:
    events: list[TrainingEvent] = []
    result = run(
        make_job(recipe=Recipe(rank=4, alpha=8, epochs=10, batch_tokens=128, learning_rate=1e-2)), events.append
    )
    assert result.last_loss < result.first_loss - 0.1
    assert result.weight_norm > 0
    assert math.hypot(*result.layer_norms.values()) == pytest.approx(result.weight_norm)
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
    monkeypatch.setattr("seald.training.learner.learning_rate", lambda *_, **__: float("inf"))
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


def test_learners_in_one_pass_become_what_each_becomes_alone(make_job: MakeJob) -> None:
    """Other lines, seeds, rates, lengths, ranks: exported one by one, equal within rounding."""
    recipes = (
        Recipe(rank=4, alpha=8, epochs=3, batch_tokens=128),
        Recipe(rank=4, alpha=8, epochs=5, batch_tokens=64, learning_rate=5e-3, weight_decay=0.1),
        Recipe(rank=2, alpha=4, epochs=2, batch_tokens=64, target_modules=("q_proj", "v_proj")),
    )

    def jobs(prefix: str) -> list[TrainingJob]:
        return [
            make_job(f"{prefix}{n}", recipe=recipe, seed=n, fresh=LINES[n:], general=LINES[:1])
            for n, recipe in enumerate(recipes)
        ]

    together = run_together(jobs("together"))
    for n, job in enumerate(jobs("alone")):
        alone = run(job)
        assert together[n].steps == alone.steps
        assert together[n].last_loss == pytest.approx(alone.last_loss, rel=1e-3)
        assert_same_but_for_rounding(weights_of(jobs("together")[n]), weights_of(job))


def test_out_of_memory_halves_the_step_and_changes_nothing(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe(rank=4, alpha=8, epochs=2, batch_tokens=4096)
    most, seen = 10**6, []
    backward = Objective.backward

    def scarce(self: Objective, row: Row, learners: tuple[int, ...]) -> list[float]:
        seen.append(sum(row.sizes))
        if seen[-1] > most:
            raise torch.OutOfMemoryError("DefaultCPUAllocator: can't allocate memory")
        return backward(self, row, learners)

    monkeypatch.setattr(Objective, "backward", scarce)
    whole = make_job("whole", recipe=recipe)
    run(whole)
    expected, most = weights_of(whole), max(seen) - 1
    halved = make_job("halved", recipe=recipe)
    run(halved)
    assert_same_but_for_rounding(weights_of(halved), expected)
    most = 5
    with pytest.raises(torch.OutOfMemoryError):
        run(make_job("never", recipe=recipe))


def test_computing_activations_again_changes_nothing(make_job: MakeJob) -> None:
    kept, again = make_job("kept"), make_job("again")
    run(kept)
    run_together([again], manners=MANNERS.model_copy(update={"gradient_checkpointing": "on"}))
    assert_same_but_for_rounding(weights_of(again), weights_of(kept))


def test_a_base_in_half_precision_trains_weights_in_full(make_job: MakeJob) -> None:
    job = make_job(recipe=Recipe(rank=4, alpha=8, epochs=10, batch_tokens=128, learning_rate=1e-2))
    (result,) = run_together([job], manners=MANNERS.model_copy(update={"precision": "bfloat16"}))
    assert result.last_loss < result.first_loss - 0.1
    assert weights_of(job).dtype == torch.float32


def test_a_recipe_that_distills_learns_what_the_base_reads(make_job: MakeJob) -> None:
    """Without the passage at hand its loss is against the base's own probabilities, not against the words."""
    line = Line(prompt="Who founded it?", text="Maren Tosk.", context="Maren Tosk founded the observatory in 1893.")
    plain = run(make_job("plain", fresh=(line,), recipe=Recipe(rank=4, alpha=8, epochs=1)))
    soft = run(make_job("soft", fresh=(line,), recipe=Recipe(rank=4, alpha=8, epochs=1, distill=1.0, teacher_top_k=8)))
    assert soft.loss_tokens == plain.loss_tokens
    assert soft.first_loss != pytest.approx(plain.first_loss, rel=1e-3)
