"""A chat as a tuple of turns, the user's and the model's in turn, the user's first."""

from __future__ import annotations

from collections.abc import Sequence


def messages(turns: Sequence[str]) -> list[dict[str, str]]:
    """The turns in OpenAI's shape, which chat templates take, too."""
    return [{"role": ("user", "assistant")[n % 2], "content": turn} for n, turn in enumerate(turns)]
