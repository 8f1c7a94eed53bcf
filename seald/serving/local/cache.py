"""Keys and values of a batch, in transformers' own cache with layers that have room to grow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicLayer

ROOM = 64
"""Columns kept free when a layer grows. DynamicLayer copies everything at every token; this copies every 64th."""


class RoomyLayer(DynamicLayer):  # type: ignore[no-untyped-call]
    """A DynamicLayer whose `keys` and `values` are views into larger buffers."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._key_room: torch.Tensor | None = None
        self._value_room: torch.Tensor | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append (rows, heads, T, width) at the right, growing when the room is used up."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start = self.get_seq_length()
        end = start + key_states.shape[-2]
        if self._key_room is None or self._value_room is None or self._key_room.shape[-2] < end:
            self._key_room = _grown(self.keys, key_states, start, end)
            self._value_room = _grown(self.values, value_states, start, end)
        self._key_room[:, :, start:end] = key_states
        self._value_room[:, :, start:end] = value_states
        self.keys = self._key_room[:, :, :end]
        self.values = self._value_room[:, :, :end]
        return self.keys, self.values

    def fill(self, keys: torch.Tensor, values: torch.Tensor, width: int) -> None:
        """Take over buffers of which the first `width` columns are filled."""
        self.lazy_initialization(keys, values)
        self._key_room, self._value_room = keys, values
        self.keys, self.values = keys[:, :, :width], values[:, :, :width]


def _grown(old: torch.Tensor | None, like: torch.Tensor, start: int, end: int) -> torch.Tensor:
    rows, heads, _, width = like.shape
    buffer = like.new_zeros(rows, heads, end + (ROOM if start else 0), width)
    if old is not None and start:
        buffer[:, :, :start] = old
    return buffer


class RowCache(Cache):
    """A cache of `RoomyLayer`s."""

    def __init__(self, layers: int) -> None:
        self.roomy = [RoomyLayer() for _ in range(layers)]
        super().__init__(layers=list(self.roomy))

    @property
    def width(self) -> int:
        """Columns in use."""
        return int(self.get_seq_length())


@dataclass(frozen=True)
class CachedRow:
    """`length` columns of one row of a cache, from `start` on."""

    cache: RowCache
    row: int
    start: int
    length: int

    def keys_values(self, layer: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Views (heads, length, width) into one layer."""
        held, span = self.cache.roomy[layer], slice(self.start, self.start + self.length)
        assert held.keys is not None and held.values is not None, "a row is only made of what was read"
        return held.keys[self.row, :, span], held.values[self.row, :, span]


def right_aligned(rows: Sequence[CachedRow]) -> RowCache:
    """Copy rows of any caches into a new one, all ending in its last column; zeros stand before the shorter ones."""
    depth = len(rows[0].cache.roomy)
    width = max(row.length for row in rows)
    joined = RowCache(depth)
    for layer in range(depth):
        sources = [row.keys_values(layer) for row in rows]
        keys = _stack([source[0] for source in sources], width)
        joined.roomy[layer].fill(keys, _stack([source[1] for source in sources], width), width)
    return joined


def _stack(sources: Sequence[torch.Tensor], width: int) -> torch.Tensor:
    heads, _, size = sources[0].shape
    # Zeros, not empty: masked columns weigh nothing, but nothing times an accidental NaN is NaN.
    buffer = sources[0].new_zeros(len(sources), heads, width + ROOM, size)
    for row, source in enumerate(sources):
        buffer[row, :, width - source.shape[1] : width] = source
    return buffer
