"""The trainer's own checkpoints: everything that a killed run needs to go on as if it had not been killed."""

from __future__ import annotations

import os
import pickle
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch

from seald.failpoint import around

STATE_FILE = "state.pt"


@dataclass
class Progress:
    """How far a run is; its counts go into the result."""

    step: int = 0
    tokens: int = 0
    loss_tokens: int = 0
    seconds: float = 0.0
    paused_seconds: float = 0.0
    first_loss: float = 0.0
    last_loss: float = 0.0


def save(folder: Path, key: str, progress: Progress, weights: dict[str, Any], optimizer: dict[str, Any]) -> None:
    """Replace the checkpoint in one move; a crash leaves the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{STATE_FILE}.tmp"
    state = {"key": key, "progress": asdict(progress), "weights": weights, "optimizer": optimizer}
    try:
        with draft.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        draft.unlink(missing_ok=True)  # on a full disk it is the last bytes, which others need
        raise
    with around("checkpoint"):
        draft.replace(folder / STATE_FILE)


def load(folder: Path, key: str) -> tuple[Progress, dict[str, Any], dict[str, Any]] | None:
    """Progress, weights and optimizer state, or None where there is no readable checkpoint of this job."""
    try:
        state = torch.load(folder / STATE_FILE, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError):
        return None
    if state.get("key") != key:
        return None
    known = {field.name for field in fields(Progress)}
    progress = Progress(**{name: value for name, value in state["progress"].items() if name in known})
    return progress, state["weights"], state["optimizer"]
