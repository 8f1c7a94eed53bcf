from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from seald.config import Recipe
from seald.domain.adapter import ADAPTER_CONFIG, WEIGHTS, Manifest
from seald.errors import IntegrityError, NotFound
from seald.store.adapter_files import AdapterFolders


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


@pytest.fixture
def published(folders: AdapterFolders) -> Path:
    folder = draft(folders)
    folders.publish(folder, manifest(folders, folder))
    return folders.folder("default", 1)


def test_published_is_whole_and_vouched_for(folders: AdapterFolders, published: Path) -> None:
    assert sorted(p.name for p in published.iterdir()) == [ADAPTER_CONFIG, WEIGHTS, "manifest.json"]
    assert folders.verify("default", 1).version == 1
    assert not folders.draft("adp-1").exists()


def test_publishing_twice_is_once(folders: AdapterFolders, published: Path) -> None:
    folder = draft(folders)
    folders.publish(folder, manifest(folders, folder))
    assert not folder.exists()
    folders.verify("default", 1)


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


@pytest.mark.parametrize("damage", [flip, shorten, lose, add_pickle, link, tear_manifest, another_manifest])
def test_damage_is_found(folders: AdapterFolders, published: Path, damage: Callable[[Path], None]) -> None:
    damage(published)
    with pytest.raises(IntegrityError, match="default@1"):
        folders.verify("default", 1)


def test_no_folder_is_not_damage(folders: AdapterFolders) -> None:
    with pytest.raises(NotFound):
        folders.verify("default", 7)


def test_the_sweep_takes_what_nobody_owns(folders: AdapterFolders, published: Path) -> None:
    running, dead = draft(folders, "adp-2"), draft(folders, "adp-3")
    assert sorted(folders.sweep([], ["adp-2"])) == sorted([published, dead])
    assert running.exists()
