"""Tokens to text as they come, and the search for stop strings in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tokenizers.decoders import DecodeStream

CONTEXT = 6
"""Prompt tokens that the decoder sees first: some tokenizers write a token differently at the start of a text."""


class TextStream:
    """The text of one sequence. `text` never contains a stop string, unless `keep_stop`."""

    def __init__(
        self, tokenizer: Any, prompt: Sequence[int], *, stop: Sequence[str], keep_stop: bool, show_special: bool
    ) -> None:
        self._tokenizer = tokenizer.backend_tokenizer
        self._show_special = show_special
        self._stream = DecodeStream(ids=list(prompt[-CONTEXT:]), skip_special_tokens=not show_special)
        self._stop = tuple(stop)
        self._keep_stop = keep_stop
        self._given = 0
        self.text = ""

    def add(self, token: int, *, look_for_stop: bool = True) -> bool:
        """Append a token; True when that completes a stop string."""
        before = len(self.text)
        self.text += self._decode(token)
        return look_for_stop and self._cut(before)

    def take(self, *, finished: bool) -> str:
        """The text not handed out yet, less (until finished) what may still turn out to be a stop string."""
        held = 0 if finished or self._keep_stop else max((len(s) - 1 for s in self._stop), default=0)
        end = max(self._given, len(self.text) - held)
        new, self._given = self.text[self._given : end], end
        return new

    def _decode(self, token: int) -> str:
        try:
            return self._stream.step(self._tokenizer, token) or ""
        except Exception:
            # The library gives up when earlier bytes decode differently than before; it knows no narrower class.
            self._stream = DecodeStream(skip_special_tokens=not self._show_special)
            return self._stream.step(self._tokenizer, token) or ""

    def _cut(self, before: int) -> bool:
        found = [(self.text.find(s, max(0, before - len(s) + 1)), s) for s in self._stop]
        hits = [(at, s) for at, s in found if at >= 0]
        if not hits:
            return False
        at, stop = min(hits)
        self.text = self.text[: at + (len(stop) if self._keep_stop else 0)]
        return True
