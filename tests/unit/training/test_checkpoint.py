from __future__ import annotations

import errno
from pathlib import Path

import pytest
import torch

from seald.training import checkpoint
from seald.training.checkpoint import Progress


def test_a_checkpoint_that_finds_no_room_takes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = {"w": torch.ones(4)}
    checkpoint.save(tmp_path, "key", Progress(step=1), weights, {})

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            checkpoint.save(tmp_path, "key", Progress(step=2), weights, {})
    assert [file.name for file in tmp_path.iterdir()] == [checkpoint.STATE_FILE]
    loaded = checkpoint.load(tmp_path, "key")
    assert loaded is not None and loaded[0].step == 1
