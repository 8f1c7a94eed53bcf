from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import func, select

from seald.config import Settings
from seald.domain.adaptation import AdaptationStatus as S
from seald.domain.adapter import WEIGHTS, AdapterVersion
from seald.domain.backup import Backup
from seald.domain.policy_version import PolicyVersion
from seald.domain.retraining import RetrainingStatus
from seald.errors import IntegrityError, StoreError
from seald.store import Stores, backup, migrate, open_stores, restore
from seald.store.audit_tables import audit
from seald.store.session import Session, database_url
from seald.store.tables import adaptation_documents, documents
from tests.unit.store import test_adapter_files, test_policy_files
from tests.unit.store.conftest import document
from tests.unit.store.test_forgetting import certificate, end, forget
from tests.unit.store.test_policies import SEED
from tests.unit.store.test_retrainings import begun

PATH = [S.QUEUED, S.EDITING, S.TRAINING, S.GUARDING, S.PROMOTING]
HANG = """
import sys, time, pathlib
from seald.config import Settings
from seald.store.backup import back_up
def told(done, of):
    print("half way", flush=True)
    time.sleep(60)
back_up(Settings(data_dir=pathlib.Path(sys.argv[1])), pathlib.Path(sys.argv[2]), told)
"""


def taught(stores: Stores, text: str) -> AdapterVersion:
    """A live version with files of its own."""
    made = stores.documents.add(document(text), [])[1]
    for before, after in pairwise(PATH):
        stores.adaptations.move(made.id, before, after)
    number = stores.adapters.allot(stores.adaptations.get(made.id)).version
    files = stores.adapter_files
    folder = test_adapter_files.draft(files, made.id)
    (folder / WEIGHTS).write_bytes(text.encode() * 1000)
    manifest = test_adapter_files.manifest(files, folder, number)
    stores.adapters.record_weights("default", number, manifest.files[WEIGHTS], files.publish(folder, manifest))
    return stores.adapters.promote(made.id)


def learned(stores: Stores) -> PolicyVersion:
    """A learned policy with files of its own."""
    run = begun(stores, [], until=RetrainingStatus.JUDGING)
    number = stores.policies.allot(run.id, 1, parent=None, policy=SEED).version
    folder = test_policy_files.draft(stores.policy_files, run.id)
    manifest = test_policy_files.manifest(stores.policy_files, folder, number)
    sha256 = stores.policy_files.publish(folder, manifest)
    return stores.policies.record_weights(number, manifest.files[WEIGHTS], sha256, {})


def ignore(done: int, of: int) -> None:
    pass


def back_up(settings: Settings, to: Path) -> Backup:
    return backup.back_up(settings, to, ignore)


def put_back(settings: Settings, source: Path, *, force: bool = False) -> Path | None:
    return restore.restore(settings, source, force=force, told=ignore)[1]


def texts(stores: Stores) -> list[str]:
    return [found.text for found in stores.documents.page(collection=None, after=None, limit=1000).data]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup, "PAUSE_SECONDS", 0.0)


def test_what_is_restored_is_what_served(stores: Stores, settings: Settings, fresh: Settings, tmp_path: Path) -> None:
    versions = [taught(stores, text).label for text in ("one", "two")]
    policy = learned(stores)
    stores.adapters.roll_back("default", 1, reason=None)
    waiting = stores.documents.add(document("three"), [])[1]
    made = back_up(settings, tmp_path / "saved")
    taught(stores, "four")
    assert (made.left_out, made.revision, len(made.files)) == ({}, migrate.head(), 1 + 3 * 3)
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "saved").rglob("*") if path.is_file()} == {0o600}
    assert (tmp_path / "saved").stat().st_mode & 0o777 == 0o700
    assert put_back(fresh, tmp_path / "saved") is None
    again = open_stores(fresh)
    assert texts(again) == ["one", "two", "three"]
    there = again.adapters.of_collection("default")
    assert [(v.label, v.live, again.adapter_files.verify(v).version) for v in there] == [
        (versions[0], True, 1),
        (versions[1], False, 2),
    ]
    assert again.adapter_files.sweep(there, []) == []
    assert again.policy_files.verify(again.policies.get(policy.version)).version == policy.version
    assert again.adaptations.next_runnable() == waiting
    assert (again.audit.verify().ok, again.audit.head().entries) == (True, 4)
    with pytest.raises(StoreError, match="append-only"), again.session.write() as connection:
        connection.execute(audit.delete())
    assert [p.name for p in fresh.data_dir.iterdir() if "restor" in p.name or "replaced" in p.name] == []
    again.close()


def test_a_backup_is_of_one_moment_whoever_writes(
    stores: Stores, settings: Settings, fresh: Settings, tmp_path: Path
) -> None:
    enough, stop = threading.Event(), threading.Event()

    def write() -> None:
        for n in range(10_000):
            stores.documents.add(document(f"text {n}"), [])
            if n == 20:
                enough.set()
            if stop.is_set():
                return

    writer = threading.Thread(target=write)
    writer.start()
    assert enough.wait(30)
    back_up(settings, tmp_path / "saved")
    stop.set()
    writer.join()
    put_back(fresh, tmp_path / "saved")
    again = open_stores(fresh)
    again.session.check(thoroughly=True)
    with again.session.read() as connection:
        counted = [connection.scalar(select(func.count()).select_from(t)) for t in (documents, adaptation_documents)]
    assert counted[0] == counted[1] > 20
    again.close()


def test_what_is_forgotten_meanwhile_is_not_in_it(
    stores: Stores, settings: Settings, fresh: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = taught(stores, "one"), taught(stores, "two")
    copy = backup._copy

    def copy_and_forget(piece: backup._Piece) -> None:
        copy(piece)
        monkeypatch.setattr(backup, "_copy", copy)
        made = forget(stores, one.documents[0])
        end(stores, made)
        for version in (one, two):
            stores.adapter_files.remove("default", version.version)
        stores.forgetting.erase(certificate(stores, made, one.documents[0]))

    monkeypatch.setattr(backup, "_copy", copy_and_forget)
    made = back_up(settings, tmp_path / "saved")
    assert (made.left_out, len(made.files)) == ({}, 1)
    put_back(fresh, tmp_path / "saved")
    again = open_stores(fresh)
    assert texts(again) == ["two"]
    again.close()


@pytest.mark.parametrize("kind", ["sqlite"])
def test_files_that_were_damaged_before_are_left_out_and_named(
    stores: Stores, settings: Settings, fresh: Settings, tmp_path: Path
) -> None:
    damaged, good = taught(stores, "one"), taught(stores, "two")
    (stores.adapter_files.folder("default", damaged.version) / WEIGHTS).write_bytes(b"other")
    made = back_up(settings, tmp_path / "saved")
    assert [*made.left_out] == [damaged.label] and "is not what its manifest says" in made.left_out[damaged.label]
    put_back(fresh, tmp_path / "saved")
    again = open_stores(fresh)
    assert again.adapter_files.verify(again.adapters.get("default", good.version)).version == good.version
    with pytest.raises(IntegrityError):
        again.adapter_files.verify(again.adapters.get("default", damaged.version))
    again.close()


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_killed_backup_leaves_nothing_that_looks_whole(stores: Stores, settings: Settings, tmp_path: Path) -> None:
    taught(stores, "one")
    command = [sys.executable, "-c", HANG, str(settings.data_dir), str(tmp_path / "to" / "saved")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "half way\n"
        os.kill(running.pid, signal.SIGKILL)
    (left,) = (tmp_path / "to").iterdir()
    assert left.name.endswith(".partial")
    with pytest.raises(StoreError, match="is no backup"):
        restore.verify(left, ignore)
    back_up(settings, tmp_path / "to" / "saved")
    assert restore.verify(tmp_path / "to" / "saved", ignore).left_out == {}


def test_a_backup_goes_where_nothing_is(settings: Settings, stores: Stores, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    back_up(settings, tmp_path / "there")
    with pytest.raises(StoreError) as full:
        back_up(settings, tmp_path / "there")
    assert full.value.code == "not_empty"
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot become a backup"):
        back_up(settings, tmp_path / "file" / "below")
    with pytest.raises(StoreError, match="no database at"):
        back_up(Settings(data_dir=tmp_path / "nowhere"), tmp_path / "other")
    assert not (tmp_path / "other").exists() and not [*tmp_path.glob(".*.partial")]


def test_a_database_of_an_older_release_is_backed_up_as_it_is(kind: str, fresh: Settings, tmp_path: Path) -> None:
    fresh.data_dir.mkdir()
    session = Session(database_url(fresh))
    config = migrate.alembic_config()
    with session.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0011")
    session.close()
    if kind == "postgres":
        with pytest.raises(StoreError, match="seald db upgrade"):
            back_up(fresh, tmp_path / "saved")
        return
    assert back_up(fresh, tmp_path / "saved").revision == "0011"
    put_back(Settings(data_dir=tmp_path / "again"), tmp_path / "saved")
    open_stores(Settings(data_dir=tmp_path / "again")).close()


@pytest.mark.parametrize("kind", ["postgres"])
def test_without_the_client_programs_it_says_what_to_do(
    stores: Stores, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(StoreError, match=r"pg_dump is not found.*after each of them"):
        back_up(settings, tmp_path / "saved")
    assert not (tmp_path / "saved").exists()
