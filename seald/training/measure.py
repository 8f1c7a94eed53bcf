"""`python -m seald.training.measure JOBS.json [E …]`: how fast this machine trains, beside how fast it multiplies.

The file is a trainer's job file. Prints one JSON object. Ceiling and steps take turns, and each figure is the median of
what was taken side by side, so that a machine that is busy with something else is slow at both.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import TypeVar

import torch
from transformers import AutoTokenizer

from seald.config import Training
from seald.domain.training import TrainingJob
from seald.training.job_file import JobFile
from seald.training.learner import Learner
from seald.training.loop import load_base, training_device
from seald.training.lora import LoraStack
from seald.training.objective import Objective
from seald.training.operations import step_operations
from seald.training.pace import cores
from seald.training.row import Row, lay_out
from seald.training.token_tree import TokenTree, grown

T = TypeVar("T")

ROUNDS = 7
CEILING_SIDE = 2048
"""Of the square product whose rate is the ceiling."""
PRODUCTS = 6


class Bench:
    """The trainer's own parts, stepped by hand."""

    def __init__(self, jobs: Sequence[TrainingJob], manners: Training) -> None:
        torch.set_num_threads(manners.threads or cores())
        self._device = training_device(manners.device)
        tokenizer = AutoTokenizer.from_pretrained(jobs[0].model, trust_remote_code=False)
        model = load_base(jobs[0].model, self._device, manners.precision)
        self._stack = LoraStack(model)
        self._objective = Objective(self._stack)
        self._learners = [Learner(job, self._stack, self._objective, tokenizer) for job in jobs]
        self._side = torch.randn(CEILING_SIDE, CEILING_SIDE, device=self._device, dtype=model.dtype)
        model.train()

    def ceiling(self) -> float:
        """Operations a second of a large square product, for about as long as a step takes."""
        seconds, _ = self._timed(lambda: [self._side @ self._side for _ in range(PRODUCTS)])
        return 2 * PRODUCTS * CEILING_SIDE**3 / seconds

    def recipe_step(self, number: int) -> tuple[float, int, int]:
        """One optimizer step of the first job as its recipe cuts it: seconds, tokens, operations."""
        plan = self._learners[0].plan
        tree = plan[number % len(plan)]
        return self._step([tree], [0])

    def candidates(self, count: int, number: int) -> float:
        """How much faster `count` learners step at once, one short line each, than one after the other."""
        trees = [self._line(learner, number) for learner in range(count)]
        alone = sum(self._step([tree], [learner])[0] for learner, tree in enumerate(trees))
        return alone / self._step(trees, list(range(count)))[0]

    def _line(self, learner: int, number: int) -> TokenTree:
        lines = [example for tree in self._learners[learner].plan for example in tree.examples]
        return grown([lines[number % len(lines)]])

    def _step(self, trees: list[TokenTree], learners: list[int]) -> tuple[float, int, int]:
        def work() -> Row:
            even = self._device.type == "cuda"
            row = lay_out(trees, [tree.weight for tree in trees], self._device, even=even)
            each = self._objective.backward(row, tuple(learners))
            for learner, loss in zip(learners, each, strict=True):
                self._learners[learner].move(loss)
            return row

        seconds, row = self._timed(work)
        return seconds, sum(map(len, trees)), step_operations(self._stack, row, tuple(learners))

    def _timed(self, work: Callable[[], T]) -> tuple[float, T]:
        self._wait()
        started = time.perf_counter()
        result = work()
        self._wait()
        return time.perf_counter() - started, result

    def _wait(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize()


def measure(bench: Bench, counts: Sequence[int]) -> dict[str, float]:
    """`ceiling_ratio`, `tokens_per_second`, `ceiling_gflops`, `step_gflops` and `speedup_e<E>` for each of `counts`."""
    bench.ceiling(), bench.recipe_step(0)  # warm
    ratios, rates, ceilings, speeds = [], [], [], []
    for number in range(ROUNDS):
        before = bench.ceiling()
        seconds, tokens, operations = bench.recipe_step(number)
        ceiling = (before + bench.ceiling()) / 2
        ratios.append(operations / seconds / ceiling)
        rates.append(operations / seconds / 1e9)
        ceilings.append(ceiling / 1e9)
        speeds.append(tokens / seconds)
    figures = {
        "ceiling_ratio": median(ratios),
        "tokens_per_second": median(speeds),
        "ceiling_gflops": median(ceilings),
        "step_gflops": median(rates),
    }
    for count in counts:
        bench.candidates(count, 0)
        figures[f"speedup_e{count}"] = median(bench.candidates(count, number) for number in range(ROUNDS))
    return figures


def main() -> None:
    """Read the job file, measure, print."""
    spec = JobFile.model_validate_json(Path(sys.argv[1]).read_bytes())
    figures = measure(Bench(spec.jobs, spec.manners), [int(count) for count in sys.argv[2:]])
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
