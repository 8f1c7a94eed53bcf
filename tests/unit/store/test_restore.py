from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import inspect

from seald.config import Settings
from seald.domain.adapter import WEIGHTS
from seald.domain.backup import BACKUP
from seald.errors import DataFolderLocked, IntegrityError, NewerSchema, SealdError, StoreError
from seald.store import Stores, backup, open_stores
from tests.postgres_server import PostgresServer
from tests.unit.store.test_backup import back_up, put_back, taught, texts


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Two versions, the live one of which goes back to the first, as a backup of a folder that is gone."""
    source = Settings(data_dir=tmp_path / "source")
    stores = open_stores(source)
    for text in ("one", "two"):
        taught(stores, text)
    stores.adapters.roll_back("default", 1, reason=None)
    stores.close()
    back_up(source, tmp_path / "saved")
    return tmp_path / "saved"


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def link(file: Path) -> None:
    file.rename(file.with_name("aside"))
    file.symlink_to(file.with_name("aside"))


def rewrite(file: Path, **values: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


@pytest.mark.parametrize(
    ("damage", "says", "error"),
    [
        (lambda at: flip(at / "seald.db"), "seald.db is not what", IntegrityError),
        (lambda at: flip(at / "adapters/default/2" / WEIGHTS), "is not what", IntegrityError),
        (lambda at: link(at / "adapters/default/1" / WEIGHTS), "not in its list", IntegrityError),
        (lambda at: (at / "adapters/default/1/manifest.json").unlink(), "is missing", IntegrityError),
        (lambda at: (at / "adapters/default/1/more.py").touch(), "not in its list", IntegrityError),
        (lambda at: (at / BACKUP).write_bytes((at / BACKUP).read_bytes()[:-40]), "cannot be read", IntegrityError),
        (lambda at: (at / BACKUP).unlink(), "is no backup", StoreError),
        (lambda at: rewrite(at / BACKUP, revision="9999"), "written by a newer one", NewerSchema),
        (lambda at: rewrite(at / BACKUP, database="postgresql"), "names no database", IntegrityError),
    ],
)
def test_what_is_not_whole_is_not_restored(
    saved: Path, tmp_path: Path, damage: Callable[[Path], object], says: str, error: type[SealdError]
) -> None:
    damage(saved)
    with pytest.raises(error, match=says):
        put_back(Settings(data_dir=tmp_path / "data"), saved)
    assert not (tmp_path / "data" / "seald.db").exists() and not (tmp_path / "data" / "adapters").exists()


def test_what_is_in_the_way_is_refused_or_moved_aside(
    stores: Stores, settings: Settings, fresh: Settings, tmp_path: Path
) -> None:
    taught(stores, "one")
    back_up(settings, tmp_path / "saved")
    taught(stores, "two")
    (settings.data_dir / "notes.txt").touch()
    with pytest.raises(StoreError) as full:
        put_back(settings, tmp_path / "saved")
    assert full.value.code == "not_empty"
    with pytest.raises(DataFolderLocked):
        put_back(settings, tmp_path / "saved", force=True)
    assert texts(stores) == ["one", "two"]
    stores.close()
    aside = put_back(settings, tmp_path / "saved", force=True)
    again = open_stores(settings)
    assert texts(again) == ["one"]
    assert again.adapter_files.verify(again.adapters.get("default", 1)).version == 1
    again.close()
    assert (settings.data_dir / "notes.txt").exists()
    assert aside is not None and (aside / "adapters" / "default" / "2" / WEIGHTS).exists()
    if settings.database is None:
        former = open_stores(Settings(data_dir=aside))
        assert texts(former) == ["one", "two"]
        former.close()
    else:
        assert (aside / backup.DUMP).stat().st_size > 0


def test_what_a_newer_release_wrote_gives_way_to_a_backup(stores: Stores, settings: Settings, tmp_path: Path) -> None:
    taught(stores, "one")
    back_up(settings, tmp_path / "saved")
    with stores.session.write() as connection:
        connection.exec_driver_sql("CREATE TABLE later (n INTEGER)")
        if not stores.session.is_sqlite:
            connection.exec_driver_sql("CREATE FUNCTION later(integer) RETURNS integer LANGUAGE sql RETURN 1")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    stores.close()
    with pytest.raises(NewerSchema, match="restore a backup"):
        open_stores(settings)
    assert put_back(settings, tmp_path / "saved", force=True) is not None
    again = open_stores(settings)
    assert texts(again) == ["one"] and "later" not in inspect(again.session.engine).get_table_names()
    with again.session.write() as connection:
        if not again.session.is_sqlite:
            assert connection.exec_driver_sql("SELECT to_regprocedure('later(integer)')").scalar() is None
    again.close()


def test_a_backup_of_one_database_is_not_restored_to_the_other(
    stores: Stores, settings: Settings, kind: str, tmp_path: Path, postgres: PostgresServer
) -> None:
    back_up(settings, tmp_path / "saved")
    with postgres.database() as url:
        other = Settings(data_dir=tmp_path / "other", database=url if kind == "sqlite" else None)
        with pytest.raises(StoreError, match="the settings name"):
            put_back(other, tmp_path / "saved")


def test_a_full_disk_leaves_what_was_there(
    stores: Stores, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taught(stores, "one")
    back_up(settings, tmp_path / "saved")
    taught(stores, "two")
    stores.close()

    def full(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(StoreError, match="No space left"):
        put_back(settings, tmp_path / "saved", force=True)
    assert not [*settings.data_dir.glob(".restor*")]
    again = open_stores(settings)
    assert texts(again) == ["one", "two"] and again.adapter_files.verify(again.adapters.get("default", 2))
    again.close()


@pytest.mark.parametrize("kind", ["postgres"])
def test_a_dump_that_cannot_be_read_here_leaves_what_was_there(
    stores: Stores, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taught(stores, "one")
    back_up(settings, tmp_path / "saved")
    stores.close()
    (tmp_path / "bin").mkdir()
    for name, does in (("pg_dump", "exit 0"), ("pg_restore", "echo unsupported version >&2; exit 1")):
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    with monkeypatch.context() as older:
        older.setenv("PATH", str(tmp_path / "bin"))
        with pytest.raises(StoreError, match="unsupported version"):
            put_back(settings, tmp_path / "saved", force=True)
    again = open_stores(settings)
    assert texts(again) == ["one"] and again.adapter_files.verify(again.adapters.get("default", 1))
    again.close()
