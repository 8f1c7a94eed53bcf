from __future__ import annotations

import errno
import json
import os
import shutil
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from seald.config import Recipe
from seald.domain.adapter import ADAPTER_CONFIG, WEIGHTS, AdapterStatus, AdapterVersion, Manifest
from seald.errors import IntegrityError
from seald.store import version_folders
from seald.store.adapter_files import AdapterFolders
from seald.store.version_folders import TRAINERS_RESULT


def draft(folders: AdapterFolders, adaptation: str = "adp-1") -> Path:
    folder = folders.draft(adaptation)
    folder.mkdir(parents=True)
    (folder / ADAPTER_CONFIG).write_text("{}")
    (folder / WEIGHTS).write_bytes(b"weights" * 100)
    (folder / "result.json").write_text("{}")
    return folder


def manifest(folders: AdapterFolders, folder: Path, version: int = 1) -> Manifest:
    return Manifest(
        seald="0",
        collection="default",
        version=version,
        parent=None,
        adaptation="adp-1",
        files=folders.hashes(folder),
        base_model="m",
        base_sha256="0",
        documents=(),
        ledger=None,
        policy="p",
        recipe=Recipe(),
        seed=0,
        figures={},
        canaries=(),
        created=datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.fixture
def folders(tmp_path: Path) -> AdapterFolders:
    return AdapterFolders(tmp_path)


def version(number: int, sha256: str | None, manifest_sha256: str | None = None) -> AdapterVersion:
    return AdapterVersion(
        collection="default",
        version=number,
        status=AdapterStatus.CANDIDATE,
        parent=None,
        adaptation_id=f"adp-{number}",
        documents=(),
        sha256=sha256,
        manifest_sha256=manifest_sha256,
        created=datetime(2026, 1, 1, tzinfo=UTC),
    )


def publish(folders: AdapterFolders, folder: Path, vouches: Manifest | None = None) -> AdapterVersion:
    """What the store records of it."""
    vouches = vouches or manifest(folders, folder)
    return version(1, vouches.files[WEIGHTS], folders.publish(folder, vouches))


@pytest.fixture
def recorded(folders: AdapterFolders) -> AdapterVersion:
    return publish(folders, draft(folders))


@pytest.fixture
def published(folders: AdapterFolders, recorded: AdapterVersion) -> Path:
    return folders.folder("default", 1)


def test_published_is_whole_and_vouched_for(folders: AdapterFolders, published: Path, recorded: AdapterVersion) -> None:
    assert sorted(p.name for p in published.iterdir()) == [ADAPTER_CONFIG, WEIGHTS, "manifest.json"]
    assert folders.verify(recorded).version == 1
    assert not folders.draft("adp-1").exists()


def test_publishing_twice_is_once(folders: AdapterFolders, recorded: AdapterVersion) -> None:
    folder = draft(folders)
    later = manifest(folders, folder).model_copy(update={"created": datetime(2026, 1, 2, tzinfo=UTC)})
    assert publish(folders, folder, later) == recorded
    assert not folder.exists()
    folders.verify(recorded)


def test_publishing_again_when_the_draft_is_gone(
    folders: AdapterFolders, published: Path, recorded: AdapterVersion
) -> None:
    (published / TRAINERS_RESULT).write_text("{}")
    folders.publish(folders.draft("adp-1"), manifest(folders, published))
    folders.verify(recorded)


def test_a_version_does_not_get_other_weights(folders: AdapterFolders, recorded: AdapterVersion) -> None:
    folder = draft(folders)
    (folder / WEIGHTS).write_bytes(b"others")
    with pytest.raises(IntegrityError, match="immutable"):
        folders.publish(folder, manifest(folders, folder))
    folders.verify(recorded)


def publish_and_die(folders: AdapterFolders, syncs: int) -> int:
    """In a child process that kills itself after `syncs` files or folders are on disk; how it ended."""
    folder = draft(folders)
    child = os.fork()
    if child == 0:
        done: list[Path] = []

        def sync_or_die(path: Path) -> None:
            if len(done) == syncs:
                os.kill(os.getpid(), signal.SIGKILL)
            done.append(path)

        version_folders._sync = sync_or_die
        try:
            folders.publish(folder, manifest(folders, folder))
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1]


@pytest.mark.parametrize("syncs", range(8))
def test_a_kill_leaves_the_draft_for_the_trainer_or_the_whole_version(folders: AdapterFolders, syncs: int) -> None:
    assert publish_and_die(folders, syncs) == signal.SIGKILL
    folder, target = folders.draft("adp-1"), folders.folder("default", 1)
    assert folder.exists() != target.exists()
    if folder.exists():
        assert (folder / TRAINERS_RESULT).exists()
    folders.verify(publish(folders, folder, manifest(folders, folder if folder.exists() else target)))


def add_symlink(folder: Path) -> None:
    (folder / "result.json").unlink()
    (folder / "result.json").symlink_to("/etc/hostname")


def add_folder(folder: Path) -> None:
    (folder / "checkpoint").mkdir()


def replace_folder(folder: Path) -> None:
    folder.rename(folder.parent / "elsewhere")
    folder.symlink_to(folder.parent / "elsewhere")


def lose_folder(folder: Path) -> None:
    shutil.rmtree(folder)


def flip(folder: Path) -> None:
    data = bytearray((folder / WEIGHTS).read_bytes())
    data[50] ^= 1
    (folder / WEIGHTS).write_bytes(data)


def shorten(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(b"weights")


def lose(folder: Path) -> None:
    (folder / ADAPTER_CONFIG).unlink()


def add_pickle(folder: Path) -> None:
    (folder / "adapter_model.bin").write_bytes(b"\x80\x04.")


def link(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder.parent / "elsewhere")
    (folder / WEIGHTS).symlink_to(folder.parent / "elsewhere")


def tear_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"format": 1')


def another_manifest(folder: Path) -> None:
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace('"collection": "default"', '"collection": "other"'))


DAMAGES = (flip, shorten, lose, add_pickle, link, replace_folder, lose_folder, tear_manifest, another_manifest)


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_found(
    folders: AdapterFolders, published: Path, recorded: AdapterVersion, damage: Callable[[Path], None]
) -> None:
    damage(published)
    with pytest.raises(IntegrityError, match="default@1"):
        folders.verify(recorded)


def vouch_again(folder: Path) -> None:
    """Make the manifest say what is there now."""
    said = json.loads((folder / "manifest.json").read_text())
    said["files"] = AdapterFolders(folder.parent).hashes(folder)
    (folder / "manifest.json").write_text(json.dumps(said))


def widen(folder: Path) -> None:
    (folder / ADAPTER_CONFIG).write_text('{"lora_alpha": 640}')


@pytest.mark.parametrize("damage", [flip, shorten, widen])
def test_a_manifest_that_vouches_for_damage_is_not_believed(
    folders: AdapterFolders, published: Path, recorded: AdapterVersion, damage: Callable[[Path], None]
) -> None:
    damage(published)
    vouch_again(published)
    with pytest.raises(IntegrityError, match="default@1: its manifest is not the one"):
        folders.verify(recorded)


def test_of_a_version_from_before_the_manifests_hash_the_weights_are_still_known(
    folders: AdapterFolders, published: Path, recorded: AdapterVersion
) -> None:
    older = recorded.model_copy(update={"manifest_sha256": None})
    folders.verify(older)
    flip(published)
    vouch_again(published)
    with pytest.raises(IntegrityError, match="default@1: its manifest is not the one"):
        folders.verify(older)


def test_a_disk_that_fails_is_damage(
    folders: AdapterFolders, recorded: AdapterVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("hashlib.file_digest", fail)
    with pytest.raises(IntegrityError, match=r"default@1: its files cannot be read: Input/output error"):
        folders.verify(recorded)


@pytest.mark.parametrize(
    "damage", [flip, shorten, lose, add_pickle, link, add_symlink, add_folder, replace_folder, lose_folder]
)
def test_a_damaged_draft_is_not_published(folders: AdapterFolders, damage: Callable[[Path], None]) -> None:
    folder = draft(folders)
    made = manifest(folders, folder)
    damage(folder)
    with pytest.raises(IntegrityError, match="adp-1"):
        folders.publish(folder, made)
    assert not folders.folder("default", 1).exists()


def test_a_draft_that_lacks_a_file_has_no_hashes(folders: AdapterFolders) -> None:
    folder = draft(folders)
    lose(folder)
    with pytest.raises(IntegrityError, match=ADAPTER_CONFIG):
        folders.hashes(folder)
