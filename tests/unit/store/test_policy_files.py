from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from seald.config import Recipe
from seald.domain.adapter import ADAPTER_CONFIG, MANIFEST, WEIGHTS, AdapterStatus
from seald.domain.policy_version import PolicyManifest, PolicyVersion
from seald.errors import IntegrityError
from seald.store.policy_files import PolicyFolders
from seald.store.version_folders import TRAINERS_RESULT
from tests.unit.store.test_policies import SEED

Damage = Callable[[Path], object]
MADE = datetime(2026, 1, 1, tzinfo=UTC)


def draft(folders: PolicyFolders, name: str = "ret-1") -> Path:
    folder = folders.draft(name)
    folder.mkdir(parents=True)
    (folder / ADAPTER_CONFIG).write_text("{}")
    (folder / WEIGHTS).write_bytes(b"weights" * 100)
    (folder / TRAINERS_RESULT).write_text("{}")
    return folder


def manifest(folders: PolicyFolders, folder: Path, number: int = 1) -> PolicyManifest:
    return PolicyManifest(
        seald="0",
        version=number,
        parent=None,
        retraining="ret-1",
        round=1,
        files=folders.hashes(folder),
        base_model="m",
        base_sha256="0",
        policy=SEED,
        recipe=Recipe(),
        seed=0,
        documents=(),
        figures={},
        created=MADE,
    )


def version(number: int, sha256: str | None, manifest_sha256: str | None = None) -> PolicyVersion:
    return PolicyVersion(
        version=number,
        status=AdapterStatus.CANDIDATE,
        parent=None,
        retraining_id="ret-1",
        round=1,
        policy=SEED,
        sha256=sha256,
        manifest_sha256=manifest_sha256,
        created=MADE,
    )


def publish(folders: PolicyFolders, number: int = 1) -> PolicyVersion:
    """What the store records of it."""
    folder = draft(folders)
    made = manifest(folders, folder, number)
    return version(number, made.files[WEIGHTS], folders.publish(folder, made))


@pytest.fixture
def folders(tmp_path: Path) -> PolicyFolders:
    return PolicyFolders(tmp_path / "learned")


def test_published_twice_is_published_once(folders: PolicyFolders) -> None:
    first = publish(folders)
    assert sorted(file.name for file in folders.folder(1).iterdir()) == [ADAPTER_CONFIG, WEIGHTS, MANIFEST]
    assert (folders.verify(first).version, folders.draft("ret-1").exists()) == (1, False)
    assert publish(folders) == first
    assert not folders.draft("ret-1").exists()


def test_a_version_does_not_get_other_weights(folders: PolicyFolders) -> None:
    held = publish(folders)
    folder = draft(folders)
    (folder / WEIGHTS).write_bytes(b"others")
    with pytest.raises(IntegrityError, match="immutable"):
        folders.publish(folder, manifest(folders, folder))
    folders.verify(held)


def move_away(folder: Path) -> None:
    folder.rename(folder.parent / "2")
    (folder.parent / "1").symlink_to(folder.parent / "2")


DAMAGES: dict[str, Damage] = {
    "other weights": lambda folder: (folder / WEIGHTS).write_bytes(b"weightz" * 100),
    "a file less": lambda folder: (folder / ADAPTER_CONFIG).unlink(),
    "a file more": lambda folder: (folder / "adapter_model.bin").write_bytes(b"\x80\x04."),
    "a torn manifest": lambda folder: (folder / MANIFEST).write_text('{"format": 1'),
    "a link": move_away,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damage_is_found(folders: PolicyFolders, damage: Damage) -> None:
    held = publish(folders)
    damage(folders.folder(1))
    with pytest.raises(IntegrityError, match="learned@1"):
        folders.verify(held)


def test_a_manifest_is_believed_in_its_own_folder_and_as_it_was_recorded(folders: PolicyFolders) -> None:
    held = publish(folders)
    with pytest.raises(IntegrityError, match="learned@1: its manifest is not the one"):
        folders.verify(held.model_copy(update={"manifest_sha256": "0" * 64}))
    folders.folder(1).rename(folders.folder(2))
    with pytest.raises(IntegrityError, match="another version's"):
        folders.verify(held.model_copy(update={"version": 2}))
    with pytest.raises(IntegrityError, match="no folder of its own"):
        folders.verify(held)


def test_the_sweep_takes_what_nobody_owns(folders: PolicyFolders) -> None:
    held, unrecorded = publish(folders), publish(folders, 2)
    running, dead = draft(folders, "ret-2"), draft(folders, "ret-3")
    known = [held, unrecorded.model_copy(update={"sha256": None})]
    assert folders.sweep(known, ["ret-2"]) == [dead, folders.folder(2)]
    assert (running.exists(), folders.folder(1).exists()) == (True, True)
    for _ in range(2):
        folders.remove(1)
    assert folders.sweep(known, ["ret-2"]) == []
