from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from seald.config import Settings
from seald.errors import ConfigError, InsufficientStorage, StoreError
from seald.store import open_stores
from seald.store import session as sessions
from seald.store.session import Session, database_url
from tests.unit.store.conftest import document

WRITE = """
import sys, pathlib
from seald.config import Settings
from seald.store import open_stores
from tests.unit.store.conftest import document
stores = open_stores(Settings(data_dir=pathlib.Path(sys.argv[1]), database=sys.argv[2] or None))
for n in range(10**6):
    print(stores.documents.add(document(f"text {n}"), [])[1].id, flush=True)
"""

STOP_HALF_WAY = """
import sys, time, pathlib
from seald.config import Settings
from seald.store import open_stores
stores = open_stores(Settings(data_dir=pathlib.Path(sys.argv[1]), database=sys.argv[2] or None))
with stores.session.write() as connection:
    connection.exec_driver_sql("DELETE FROM adaptation_events")
    connection.exec_driver_sql("UPDATE adaptations SET status = 'promoted'")
    print("half way", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def session(fresh: Settings) -> Iterator[Session]:
    fresh.data_dir.mkdir()
    opened = Session(database_url(fresh))
    with opened.write() as connection:
        connection.exec_driver_sql("CREATE TABLE t (n INTEGER)")
    yield opened
    opened.close()


def insert(session: Session, n: int) -> None:
    with session.write() as connection:
        connection.exec_driver_sql(f"INSERT INTO t VALUES ({n})")


def count(session: Session) -> int:
    with session.read() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM t").scalar_one())


@pytest.mark.parametrize("kind", ["sqlite"])
def test_what_is_acknowledged_is_on_disk_and_references_hold(session: Session) -> None:
    with session.read() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_readers_do_not_wait_for_the_writer_and_see_no_half_of_it(session: Session) -> None:
    with ThreadPoolExecutor(1) as pool, session.write() as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")
        assert pool.submit(count, session).result(timeout=5) == 0
    assert count(session) == 1


def test_a_reader_sees_one_moment(session: Session) -> None:
    with ThreadPoolExecutor(1) as pool, session.read() as connection:
        before = connection.exec_driver_sql("SELECT count(*) FROM t").scalar_one()
        pool.submit(insert, session, 1).result(timeout=5)
        assert connection.exec_driver_sql("SELECT count(*) FROM t").scalar_one() == before
    assert count(session) == 1


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_write_takes_the_database_at_its_beginning(session: Session) -> None:
    with session.write(), pytest.raises(StoreError, match="locked"), session.read() as other:
        other.exec_driver_sql("PRAGMA busy_timeout=1")
        other.exec_driver_sql("INSERT INTO t VALUES (1)")


def test_many_writers_take_turns(session: Session) -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: insert(session, n), range(100)))
    assert count(session) == 100


def test_an_exception_undoes_the_whole_transaction(session: Session) -> None:
    with pytest.raises(RuntimeError), session.write() as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")
        raise RuntimeError
    assert count(session) == 0


def test_what_the_database_says_comes_out_as_one_of_ours(session: Session) -> None:
    with pytest.raises(StoreError, match="absent"), session.read() as connection:
        connection.exec_driver_sql("SELECT * FROM absent")


@pytest.mark.parametrize("kind", ["sqlite"])  # Postgres has no such limit
def test_a_database_that_finds_no_room_says_so_and_keeps_what_it_had(session: Session) -> None:
    with session.write() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=3")
    with pytest.raises(InsufficientStorage, match="no room"), session.write() as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (randomblob(100000))")
    insert(session, 1)
    assert count(session) == 1


def test_nobody_waits_for_ever_for_the_turn_to_write(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "BUSY_MILLISECONDS", 50)
    with ThreadPoolExecutor(1) as pool:
        with session.write(), pytest.raises(StoreError, match="busy"):
            pool.submit(insert, session, 1).result(timeout=5)
        pool.submit(insert, session, 2).result(timeout=5)
    assert count(session) == 1


@pytest.mark.parametrize(
    "url", ["nonsense", "nothing://here", "mysql://localhost/seald", "postgresql+pg8000://localhost/seald"]
)
def test_a_url_that_leads_nowhere_names_the_setting(url: str) -> None:
    with pytest.raises(ConfigError, match="install its driver") as caught:
        Session(url)
    assert caught.value.param == "database"


def test_a_writer_killed_half_way_leaves_what_was_there_before(settings: Settings) -> None:
    stores = open_stores(settings)
    queued = stores.documents.add(document(), [])[1]
    stores.close()
    command = [sys.executable, "-c", STOP_HALF_WAY, str(settings.data_dir), settings.database or ""]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"half way\n"
        os.kill(writer.pid, signal.SIGKILL)
    stores = open_stores(settings)
    assert stores.adaptations.get(queued.id) == queued
    assert len(stores.adaptations.events(queued.id)) == 1
    stores.close()


def test_what_was_acknowledged_before_a_kill_is_there_after_it(settings: Settings) -> None:
    command = [sys.executable, "-c", WRITE, str(settings.data_dir), settings.database or ""]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path.cwd()) as writer:
        assert writer.stdout is not None
        acknowledged = [writer.stdout.readline().strip() for _ in range(25)]
        os.kill(writer.pid, signal.SIGKILL)
        acknowledged += writer.stdout.read().split("\n")[:-1]
    stores = open_stores(settings)
    stores.session.check(thoroughly=True)
    with stores.session.read() as connection:
        documents = connection.exec_driver_sql("SELECT count(*) FROM documents").scalar_one()
        links = connection.exec_driver_sql("SELECT count(*) FROM adaptation_documents").scalar_one()
    assert {stores.adaptations.get(id).id for id in acknowledged} == set(acknowledged)
    assert documents == links >= 25
    stores.close()


@pytest.mark.parametrize("kind", ["sqlite"])
def test_scrubbing_beside_another_writer_comes_out_as_one_of_ours(
    fresh: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "BUSY_MILLISECONDS", 100)
    fresh.data_dir.mkdir()
    mine, other = Session(database_url(fresh)), Session(database_url(fresh))
    with other.write(), pytest.raises(StoreError, match="locked"):
        mine.scrub()
    mine.scrub()
    for opened in (mine, other):
        opened.close()
