"""A rubric that needs no training: which samples are worth an adapter. It sorts out, and it decides nothing more."""

from __future__ import annotations

from collections.abc import Sequence

from seald.domain.episode import Episode
from seald.domain.self_edit import Line
from seald.policy import coverage, sentences, targeting
from seald.policy.diversity import dissimilarity, diversity

PARTS = ("length", "diversity", "support", "coverage")
LEAST_LENGTH, MOST_LENGTH = 0.75, 4.0
"""Trained tokens, prompts included, for each of the passage's: with less something is left out, with more something is
said over and over."""
HARMLESS = frozenset({"duplicate", "surplus", "probe"})
"""Reasons to drop a line that say nothing against its truth. A writer does not know the probes."""
SHARE_HELD_AGAINST = 0.25
"""Of a line dropped for one of these."""


def proxy(title: str, passage: str, episode: Episode, others: Sequence[Episode]) -> dict[str, float]:
    """Parts of the rubric, 0 to 1 each, and their mean under `total`; all 0 for an episode without lines.

    `length`: 1 with LEAST_LENGTH to MOST_LENGTH times the passage's tokens, and in proportion less outside.
    `diversity`: mean of how its sentences differ from each other, and of how it differs from the nearest of `others`
    (the samples for the same passage; itself may be among them); the first alone where there are none.
    `support`: share of the lines written that the filter kept, harmless ones among the dropped counting a quarter.
    `coverage`: share of the passage's facts that the lines say.
    """
    if not episode.lines:
        return dict.fromkeys((*PARTS, "total"), 0.0)
    parts = {
        "length": _length(passage, episode.lines),
        "diversity": _diversity(episode, others),
        "support": _support(episode),
        "coverage": coverage.measure(title, passage, episode.lines, phrasings=1).covered,
    }
    return {**parts, "total": sum(parts.values()) / len(parts)}


def _length(passage: str, lines: Sequence[Line]) -> float:
    times = targeting.tokens(lines) / max(targeting.tokens([Line(text=passage)]), 1) if passage else 0.0
    return min(1.0, times / LEAST_LENGTH, MOST_LENGTH / times) if times else 0.0


def _diversity(episode: Episode, others: Sequence[Episode]) -> float:
    within = diversity([part for line in episode.lines for part in sentences.split(line.whole)])
    beside = [_text(other) for other in others if other.key != episode.key and other.lines]
    if not beside:
        return within
    text = _text(episode)
    return (within + min(dissimilarity(text, other) for other in beside)) / 2


def _text(episode: Episode) -> str:
    return "\n".join(line.whole for line in episode.lines)


def _support(episode: Episode) -> float:
    against = sum(n * (SHARE_HELD_AGAINST if reason in HARMLESS else 1.0) for reason, n in episode.dropped.items())
    return len(episode.lines) / (len(episode.lines) + against)
