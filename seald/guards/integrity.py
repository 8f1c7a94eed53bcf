"""Are the weights sane? Finite, of a size that training leaves, and spread over the layers. Asks no engine."""

from __future__ import annotations

import math
from dataclasses import dataclass

from seald.config import Integrity
from seald.domain.verdict import Verdict

LEAST_LAYERS = 8
"""With fewer, one layer may well hold the most."""


@dataclass(frozen=True)
class Weights:
    """What a version's manifest says of its products alpha/r * B A, as Frobenius norms."""

    norm: float
    """Of all layers together."""
    parent_norm: float | None = None
    """The same of the version it started from; None where that is the base."""
    layers: int = 0
    largest_layer: str = ""
    largest_layer_share: float = 0.0
    """Share of the squared norm."""


def judge(weights: Weights, settings: Integrity) -> Verdict:
    """Fail when the norm is not finite or too large, grew too much over its parent's, or lies in one layer."""
    wrong = [text for name, text in _OBJECTIONS.items() if _objects(name, weights, settings)]
    finite = math.isfinite(weights.norm)
    figures = {
        "finite": finite,
        "weight_norm": round(weights.norm, 4) if finite else None,
        "parent_norm": round(weights.parent_norm, 4) if weights.parent_norm is not None else None,
        "layers": weights.layers,
        "largest_layer": weights.largest_layer,
        "largest_layer_share": round(weights.largest_layer_share, 4),
        **settings.model_dump(exclude={"mode"}),
    }
    said = "; ".join(wrong) if wrong else "finite, of an ordinary size and spread over the layers"
    reason = f"weight norm {weights.norm:.1f}: {said}"
    return Verdict(guard="integrity", verdict="fail" if wrong else "pass", figures=figures, reason=reason)


_OBJECTIONS = {
    "size": "not finite, or larger than any training should leave",
    "growth": "grew far beyond the version it started from",
    "layer": "most of it lies in a single layer",
}


def _objects(name: str, weights: Weights, settings: Integrity) -> bool:
    if name == "size":
        return not weights.norm <= settings.max_weight_norm  # so that NaN is stopped, too
    if name == "growth":
        grown = weights.parent_norm is not None and weights.norm > settings.max_growth * weights.parent_norm
        return grown and weights.norm > settings.growth_from
    return weights.layers >= LEAST_LAYERS and weights.largest_layer_share > settings.max_layer_share
