"""Which folders of versions go, and which stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from seald.domain.adapter import WEIGHTS
from seald.store.adapter_files import AdapterFolders
from tests.unit.store.test_adapter_files import draft, manifest, publish, version


@pytest.fixture
def folders(tmp_path: Path) -> AdapterFolders:
    return AdapterFolders(tmp_path)


@pytest.fixture
def published(folders: AdapterFolders) -> Path:
    publish(folders, draft(folders))
    return folders.folder("default", 1)


def test_the_sweep_takes_what_nobody_owns(folders: AdapterFolders, published: Path, tmp_path: Path) -> None:
    running, dead = draft(folders, "adp-2"), draft(folders, "adp-3")
    half_written = draft(folders, ".adp-2.partial")
    (tmp_path / "README.md").touch()
    assert folders.sweep([version(1, "0" * 64)], ["adp-2"]) == sorted([half_written, dead])
    assert (running.exists(), published.exists(), (tmp_path / "README.md").exists()) == (True, True, True)
    assert folders.sweep([version(1, None)], ["adp-2"]) == [published]
    assert folders.sweep([], ["adp-2"]) == []


def test_sweeping_follows_no_link_out(folders: AdapterFolders, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    inside = AdapterFolders(tmp_path / "root")
    (tmp_path / "root" / "default").mkdir(parents=True)
    (tmp_path / "root" / "default" / "1").symlink_to(outside)
    assert inside.sweep([], []) == []
    assert outside.exists()


def test_removing_twice_is_once(folders: AdapterFolders, published: Path) -> None:
    for _ in range(2):
        folders.remove("default", 1)
    assert not published.exists()


def test_a_tasks_folder_is_beside_those_of_collections(folders: AdapterFolders) -> None:
    made = draft(folders)
    told = manifest(folders, made).model_copy(update={"collection": "task/1"})
    folders.publish(made, told)
    place = folders.folder("task/1", 1)
    assert place.is_dir()
    assert place != folders.folder("task", 1)
    assert (place.parent.parent, place.parent.name) == (folders.folder("task", 1).parent.parent, "task.1")
    known = version(1, told.files[WEIGHTS]).model_copy(update={"collection": "task/1"})
    assert folders.verify(known) == told
    assert folders.sweep([known], []) == []
    assert folders.sweep([version(1, told.files[WEIGHTS])], []) == [place]
