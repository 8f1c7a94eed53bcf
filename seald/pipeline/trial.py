"""An adapter that is no version, loaded for as long as it is asked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seald.domain.adapter import WEIGHTS, engine_name
from seald.pipeline.workshop import Workshop


@contextmanager
def on_trial(shop: Workshop, folder: Path) -> Iterator[str]:
    """The engine's name for the adapter of a folder that the trainer left; inside it can be asked.

    Raises:
        EngineUnavailable, EngineRefused: it cannot be loaded.
    """
    with (folder / WEIGHTS).open("rb") as weights:
        name = engine_name(hashlib.file_digest(weights, "sha256").hexdigest())
    with shop.trials.tried(name, folder) as model:
        yield model
