"""The sequences being written, and their keys and values as one batch.

Left-padded: all rows end in the same column, so that one new column takes the next token of every row. transformers'
own continuous batching packs all rows into one row of tokens, to which peft's `adapter_names` (one name for each row of
the batch) cannot be applied; neither does it report log-probabilities of the prompt. Hence this small batch around
`model.forward`, with transformers' cache and processors and peft's mixed batches.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import torch

from seald.serving.local.cache import CachedRow, right_aligned
from seald.serving.local.model import BASE_ROW, LanguageModel
from seald.serving.local.sequence import Call, Sequence


class Batch:
    """Rows that get one token each per step."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._cache = model.new_cache()
        self.sequences: list[Sequence] = []

    @property
    def adapters(self) -> set[str]:
        """Keys of the adapters in use, without the base."""
        return {sequence.adapter.key for sequence in self.sequences} - {BASE_ROW}

    @property
    def rows_of_calls(self) -> Counter[Call]:
        """How many rows each call has."""
        return Counter(sequence.call for sequence in self.sequences)

    def join(self, arrivals: Iterable[tuple[Sequence, CachedRow]]) -> None:
        """Add sequences whose prompts were read and whose first token is chosen."""
        new = [(sequence, row) for sequence, row in arrivals if not sequence.finish]
        if new:
            self._rebuild([*self._rows(), *new])

    def leave(self) -> None:
        """Take out what is finished or cancelled."""
        stay = [(s, row) for s, row in self._rows() if not s.finish and not s.call.cancelled]
        if len(stay) < len(self.sequences):
            self._rebuild(stay)

    def logits(self) -> torch.Tensor:
        """One forward pass: fp32 logits (rows, vocabulary) of the next token of each sequence."""
        lengths = torch.tensor([sequence.length for sequence in self.sequences], device=self._model.device)
        logits = self._model.logits(
            [sequence.output[-1:] for sequence in self.sequences],
            self._cache,
            adapters=[sequence.adapter.key for sequence in self.sequences],
            mask=self._mask(lengths),
            positions=lengths[:, None],
        )
        return logits[:, -1].float()

    def _mask(self, lengths: torch.Tensor) -> torch.Tensor | None:
        width = self._cache.width
        if bool((lengths == width).all()):
            return None  # no padding: attention without a mask is faster
        columns = torch.arange(width + 1, device=lengths.device)
        return (columns[None] >= width - lengths[:, None]).long()

    def _rows(self) -> list[tuple[Sequence, CachedRow]]:
        width = self._cache.width
        return [
            (s, CachedRow(self._cache, row, start=width - s.length, length=s.length))
            for row, s in enumerate(self.sequences)
        ]

    def _rebuild(self, rows: list[tuple[Sequence, CachedRow]]) -> None:
        self._cache = right_aligned([row for _, row in rows]) if rows else self._model.new_cache()
        self.sequences = [sequence for sequence, _ in rows]
