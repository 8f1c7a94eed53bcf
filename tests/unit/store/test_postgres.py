"""What is Postgres's own; everything else of the store is tested on both databases."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from seald.config import Settings
from seald.errors import DataFolderLocked, StoreError
from seald.store import Stores, open_stores, postgres
from tests.postgres_server import PostgresServer
from tests.unit.store.conftest import document

pytestmark = pytest.mark.parametrize("kind", ["postgres"])
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'seald, process %'"


@pytest.fixture
def other(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The same database from another data folder, by one that does not wait."""
    monkeypatch.setattr(postgres, "LOCK_SECONDS", 0.2)
    return settings.model_copy(update={"data_dir": tmp_path / "other"})


def test_a_second_seald_on_the_same_database_is_refused(stores: Stores, other: Settings) -> None:
    for _ in range(2):
        with pytest.raises(
            DataFolderLocked, match=f"process {os.getpid()} on {socket.gethostname()}.*another database"
        ):
            open_stores(other)
    stores.documents.add(document(), [])
    stores.close()
    second = open_stores(other)
    assert second.documents.get(document().id) == document()
    second.close()


def test_a_connection_that_was_cut_is_made_anew(stores: Stores, postgres: PostgresServer) -> None:
    stores.documents.add(document("one"), [])
    postgres.run(CUT)
    stores.documents.add(document("two"), [])
    assert len(stores.documents.page(collection=None, after=None, limit=10).data) == 2


def test_one_that_lost_the_database_to_another_writes_no_more(
    stores: Stores, other: Settings, postgres: PostgresServer
) -> None:
    postgres.run(CUT)
    second = open_stores(other)
    with pytest.raises(StoreError, match="in use"):
        stores.documents.add(document("one"), [])
    assert second.documents.add(document("two"), [])[2]
    assert [found.text for found in stores.documents.page(collection=None, after=None, limit=10).data] == ["two"]
    with pytest.raises(StoreError):
        stores.pulse.beat()
    assert "in use" in str(stores.pulse.why_not())
    second.close()
    stores.pulse.beat()
    assert stores.pulse.why_not() is None


def test_scrubbing_waits_for_whoever_may_still_see_what_was_deleted(
    stores: Stores, settings: Settings, postgres: PostgresServer
) -> None:
    assert settings.database is not None
    reader = create_engine(settings.database, isolation_level="REPEATABLE READ")
    with reader.connect() as connection:
        connection.exec_driver_sql("SELECT 1 FROM pg_class")
        stores.documents.add(document(), [])
        with pytest.raises(StoreError, match="still kept for"):
            stores.session.scrub()
    stores.session.scrub()
    reader.dispose()
