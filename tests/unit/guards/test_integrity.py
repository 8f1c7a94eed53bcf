"""Weights that are sane, too large, grown too fast, or in one place."""

from __future__ import annotations

import math

import pytest

from seald.config import Integrity
from seald.guards.integrity import Weights, judge


@pytest.mark.parametrize(
    ("weights", "outcome"),
    [
        (Weights(20.0), "pass"),
        (Weights(math.nan), "fail"),
        (Weights(math.inf), "fail"),
        (Weights(1e4), "fail"),
        (Weights(64.0, parent_norm=51.0), "pass"),
        (Weights(180.0, parent_norm=51.0), "fail"),
        (Weights(40.0, parent_norm=4.0), "pass"),
        (Weights(20.0, layers=210, largest_layer_share=0.02), "pass"),
        (Weights(20.0, layers=210, largest_layer_share=0.8), "fail"),
        (Weights(20.0, layers=2, largest_layer_share=0.8), "pass"),
    ],
)
def test_integrity(weights: Weights, outcome: str) -> None:
    assert judge(weights, Integrity()).verdict == outcome


def test_it_says_what_is_wrong_and_where() -> None:
    found = judge(Weights(180.0, 51.0, 210, "model.layers.3.mlp.up_proj", 0.8), Integrity())
    assert "grew" in found.reason
    assert "single layer" in found.reason
    assert found.figures["largest_layer"] == "model.layers.3.mlp.up_proj"
