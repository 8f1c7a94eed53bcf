from __future__ import annotations

from collections import Counter

import pytest
import torch

from seald.serving.local.sampling import Options, Sampler

LOGITS = torch.log(torch.tensor([0.5, 0.3, 0.15, 0.05]))


def drawn(options: Options, output: list[int] | None = None, prompt: list[int] | None = None) -> Counter[int]:
    sampler = Sampler(options, choice=0, prompt=prompt or [], forbidden_early=frozenset({0}))
    return Counter(sampler.choose(LOGITS, output or []) for _ in range(400))


def test_draws_follow_the_distribution() -> None:
    counts = drawn(Options(max_tokens=1, seed=0))
    assert counts[0] / 400 == pytest.approx(0.5, abs=0.08)
    assert counts[3] / 400 == pytest.approx(0.05, abs=0.04)


@pytest.mark.parametrize(
    ("options", "possible"),
    [
        (Options(max_tokens=1, temperature=0), {0}),
        (Options(max_tokens=1, seed=0, top_k=2), {0, 1}),
        (Options(max_tokens=1, seed=0, top_p=0.9), {0, 1, 2}),
        (Options(max_tokens=1, seed=0, min_p=0.5), {0, 1}),
        (Options(max_tokens=1, seed=0, temperature=0.05), {0}),
        (Options(max_tokens=1, seed=0, min_tokens=1), {1, 2, 3}),
    ],
)
def test_what_can_be_drawn(options: Options, possible: set[int]) -> None:
    assert set(drawn(options)) == possible


@pytest.mark.parametrize(
    ("options", "output", "prompt", "expected"),
    [
        (Options(max_tokens=9, temperature=0, presence_penalty=1.0), [0], [], 1),
        (Options(max_tokens=9, temperature=0, frequency_penalty=0.4), [0], [], 0),
        (Options(max_tokens=9, temperature=0, frequency_penalty=0.4), [0, 0], [], 1),
        (Options(max_tokens=9, temperature=0, repetition_penalty=3.0), [], [0], 1),
        (Options(max_tokens=9, temperature=0, presence_penalty=1.0), [], [0], 0),  # of what was written only
    ],
)
def test_penalties(options: Options, output: list[int], prompt: list[int], expected: int) -> None:
    assert set(drawn(options, output, prompt)) == {expected}


def test_a_seed_and_a_choice_fix_the_draws() -> None:
    def draws(seed: int, choice: int) -> list[int]:
        sampler = Sampler(Options(max_tokens=9, seed=seed), choice=choice, prompt=[], forbidden_early=frozenset())
        return [sampler.choose(LOGITS, []) for _ in range(40)]

    assert draws(1, 0) == draws(1, 0)
    assert draws(1, 0) != draws(1, 1)
    assert draws(1, 0) != draws(2, 0)
