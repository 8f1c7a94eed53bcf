"""Packed products give the plain ones' numbers for any number of rows; chosen where there is memory for them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from seald.training.frozen import FrozenProduct, PackedProduct, product_of


@pytest.fixture
def model(tiny_model: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(tiny_model)


@pytest.mark.parametrize("rows", [1, 7, 128, 300])
@pytest.mark.parametrize("biased", [False, True])
def test_packed_is_plain(rows: int, *, biased: bool) -> None:
    torch.manual_seed(0)
    weight, x, g = torch.randn(96, 64), torch.randn(rows, 64), torch.randn(rows, 96)
    bias = torch.randn(96) if biased else None
    plain, packed = FrozenProduct(weight, bias), PackedProduct(weight, bias)
    torch.testing.assert_close(packed.output(x), plain.output(x), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(packed.gradient(g), plain.gradient(g))


def test_packed_in_single_precision_on_a_cpu(model: Any) -> None:
    assert product_of(model) is PackedProduct
    assert product_of(model.to(torch.bfloat16)) is FrozenProduct


def test_plain_where_memory_is_short(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    size = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(total=4 * size - 1))
    assert product_of(model) is FrozenProduct
