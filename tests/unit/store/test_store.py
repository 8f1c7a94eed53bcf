"""Opening: the lock, the migrations, and what a kill leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from seald.config import Settings
from seald.errors import DataFolderLocked, NewerSchema
from seald.store import Stores, open_stores
from seald.store.tables import metadata
from tests.unit.store.conftest import document

HOLD = """
import sys, time, pathlib
from seald.config import Settings
from seald.store import open_stores
stores = open_stores(Settings(data_dir=pathlib.Path(sys.argv[1])))
with stores.session.write() as connection:
    connection.exec_driver_sql("DELETE FROM adaptation_events")
    print("holding", flush=True)
    time.sleep(60)
"""


def test_the_migrations_make_the_tables_of_the_code(stores: Stores) -> None:
    with stores.session.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    stores = open_stores(Settings(data_dir=tmp_path))
    with stores.session.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    stores.close()
    with pytest.raises(NewerSchema, match="9999"):
        open_stores(Settings(data_dir=tmp_path))


def test_a_killed_holder_lets_the_next_in_and_leaves_no_half_transaction(tmp_path: Path) -> None:
    stores = open_stores(Settings(data_dir=tmp_path))
    adaptation = stores.documents.add(document(), [])[1]
    stores.close()
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "holding\n"
    with pytest.raises(DataFolderLocked, match=f"process {holder.pid}"):
        open_stores(Settings(data_dir=tmp_path))
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    again = open_stores(Settings(data_dir=tmp_path))
    assert len(again.adaptations.events(adaptation.id)) == 1
    again.close()
