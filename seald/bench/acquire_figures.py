"""The figures of `seald bench acquire`."""

from __future__ import annotations

from seald.bench import intervals
from seald.bench.acquire import UNTRAINED, Acquire, Arm
from seald.bench.report import Figures
from seald.policy.coverage import together


def add_figures(figures: Figures, bench: Acquire, full_step_seconds: float | None, seed: int) -> None:
    """Accuracy with its interval, seconds, tokens and coverage of the gold answers, of each arm; `default`'s margin.

    `full_step_seconds`: SEAL's padding was sampled; its seconds are then its steps at this price each, and what the
    sampled steps took is `seconds_seal_v1_sampled`.
    """
    for name, arm in bench.arms.items():
        figures.add_interval(f"accuracy_{name}", intervals.accuracy(_counts(arm), seed=seed))
        if name in UNTRAINED:
            continue
        sampled = name == "seal_v1" and full_step_seconds is not None
        figures.add(f"seconds_{name}", arm.steps * full_step_seconds if sampled and full_step_seconds else arm.seconds)
        if sampled:
            figures.add(f"seconds_{name}_sampled", arm.seconds)
        figures.add(f"tokens_{name}", arm.tokens)
        asked = [covered for passage in arm.covered for covered in passage]
        figures.add(f"answers_in_training_text_{name}", sum(asked) / len(asked))
        facts = together(arm.coverage)
        figures.add(f"coverage_{name}", facts.covered_k)
        figures.add(f"both_directions_{name}", facts.both_directions)
        figures.add(f"diversity_{name}", sum(arm.diversity) / len(arm.diversity))
    _add_margins(figures, bench, seed)


def _add_margins(figures: Figures, bench: Acquire, seed: int) -> None:
    if "default" not in bench.arms:
        return
    ours = bench.arms["default"]
    for name, arm in bench.arms.items():
        if name != "default":
            margin = intervals.difference(_counts(ours), _counts(arm), seed=seed)
            figures.add_interval(f"margin_over_{name}", margin)


def _counts(arm: Arm) -> list[tuple[int, int]]:
    return [(sum(right), len(right)) for right in arm.right]
