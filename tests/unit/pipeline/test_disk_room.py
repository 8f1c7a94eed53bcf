from __future__ import annotations

from pathlib import Path

import pytest

from seald.errors import InsufficientStorage
from seald.pipeline import disk_room
from seald.pipeline.disk_room import require_room


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: Disk)


class Disk:
    """Of which 20 MiB are free."""

    free = 20 * 2**20


@pytest.mark.usefixtures("free")
def test_what_is_free_must_do_for_a_training_of_the_size_of_those_before(tmp_path: Path) -> None:
    require_room(tmp_path)
    weights = tmp_path / "adapters" / "default" / "1" / "adapter_model.safetensors"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"\0" * (2 * 2**20))
    require_room(tmp_path)
    weights.write_bytes(b"\0" * (3 * 2**20))
    with pytest.raises(InsufficientStorage, match="20 MiB free, and work needs 21"):
        require_room(tmp_path)


@pytest.mark.usefixtures("free")
def test_without_any_a_little_must_be_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_room, "LEAST_BYTES", 32 * 2**20)
    with pytest.raises(InsufficientStorage, match="needs 32"):
        require_room(tmp_path)
