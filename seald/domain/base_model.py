"""The base model: what every adapter is trained on and falls back to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class BaseModel:
    """The base model on disk. `sha256` is over the hashes of its weights, config and tokenizer."""

    name: str
    folder: Path
    sha256: str
