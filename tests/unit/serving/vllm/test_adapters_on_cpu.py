"""The mended product of a mixed batch, against one token at a time."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from seald.serving.vllm.command import INSIDE, PLUGINS

spec = importlib.util.spec_from_file_location("adapters_on_cpu", INSIDE / "seald_in_vllm" / "adapters_on_cpu.py")
assert spec is not None
assert spec.loader is not None
inside = importlib.util.module_from_spec(spec)
spec.loader.exec_module(inside)


@pytest.mark.parametrize("adapters", [[0, -1, 2, 2, -1, 1], [-1, -1], [1, 1, 1]])
def test_every_token_is_under_its_own_adapter_or_none(adapters: list[int]) -> None:
    torch.manual_seed(0)
    tokens, slots, rank, width, outs = len(adapters), 3, 4, 8, (6, 10)
    x, y = torch.randn(tokens, width), torch.randn(tokens, sum(outs))
    a = tuple(torch.randn(slots, 1, rank, width) for _ in outs)
    b = tuple(torch.randn(slots, 1, out, rank) for out in outs)
    expected = y.clone()
    for token, adapter in enumerate(adapters):
        if adapter >= 0:
            parts = [0.5 * bs[adapter, 0] @ as_[adapter, 0] @ x[token] for as_, bs in zip(a, b, strict=True)]
            expected[token] += torch.cat(parts)
    # vLLM's own buffer of indices is longer than a batch.
    wrapper = SimpleNamespace(token_lora_indices=torch.tensor([*adapters, 7, 7]))
    inside._add_lora_linear(wrapper, y, x, a, b, 0.5, outs, buffer=None)
    torch.testing.assert_close(y, expected)


def test_the_plugins_are_found_by_their_names() -> None:
    (found,) = importlib.metadata.Distribution.discover(path=[str(INSIDE)])
    assert {entry.group for entry in found.entry_points} == {"vllm.general_plugins"}
    assert tuple(entry.name for entry in found.entry_points) == PLUGINS
    for entry in found.entry_points:
        assert (INSIDE / Path(*entry.module.split("."))).with_suffix(".py").is_file()
