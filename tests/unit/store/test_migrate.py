from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from seald.config import Settings
from seald.domain.adaptation import AdaptationKind
from seald.errors import NewerSchema, StoreError
from seald.store import Stores, migrate, open_stores
from seald.store.backup import back_up
from seald.store.session import Session, database_url
from seald.store.tables import metadata
from tests.unit.store.conftest import document

REVISION = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("documents") as batch:
        batch.alter_column("title", type_=sa.String(300))
    {then}
"""

BEFORE_COMPACTIONS = (
    "INSERT INTO adaptations (id, number, collection, status, figures, cancel_requested, created) "
    "VALUES ('adp-1', 1, 'default', 'promoted', '{}', false, '2026-01-01'), "
    "('adp-2', 2, 'default', 'promoted', '{}', false, '2026-01-01')",
    "INSERT INTO adapter_versions (collection, version, status, parent, adaptation, documents, created) "
    "VALUES ('default', 1, 'approved', NULL, 'adp-1', '[]', '2026-01-01'), "
    "('default', 2, 'approved', 1, 'adp-2', '[]', '2026-01-01')",
    "INSERT INTO live VALUES ('default', 2)",
    "INSERT INTO verdicts VALUES ('default', 2, 'general', 'pass', '{}', 'r')",
)
"""Rows of revision 0002."""

Publish = Callable[[str], None]


@pytest.fixture
def next_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Publish:
    """Makes migrations with one more revision the ones that are found."""

    def publish(then: str) -> None:
        place = tmp_path / "migrations"
        shutil.copytree(Path("migrations"), place, ignore=shutil.ignore_patterns("__pycache__"))
        (place / "versions" / "9999_next.py").write_text(REVISION.format(then=then))
        monkeypatch.setattr("seald.store.migrate._PLACES", (place,))

    return publish


@pytest.fixture
def data(fresh: Settings) -> Settings:
    """A data folder with one document in it, closed."""
    stores = open_stores(fresh)
    stores.documents.add(document(), [])
    stores.close()
    return fresh


def differences(stores: Stores) -> list[object]:
    with stores.session.engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))


def test_the_migrations_make_the_tables_of_the_code(stores: Stores) -> None:
    assert differences(stores) == []


def test_the_constraints_have_the_names_of_the_convention(stores: Stores) -> None:
    found = inspect(stores.session.engine)
    for table in metadata.tables.values():
        mine = {c.name for c in table.constraints} | {i.name for i in table.indexes}
        there = {found.get_pk_constraint(table.name)["name"]}
        for several in (found.get_foreign_keys, found.get_unique_constraints, found.get_indexes):
            there |= {one["name"] for one in several(table.name)}
        assert mine == there


def test_every_migration_goes_back(stores: Stores) -> None:
    config = migrate.alembic_config()
    with stores.session.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
        command.upgrade(config, "head")
    assert differences(stores) == []


def test_versions_from_before_compactions_replaced_their_parents(fresh: Settings) -> None:
    fresh.data_dir.mkdir()
    session = Session(database_url(fresh))
    config = migrate.alembic_config()
    with session.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        for statement in BEFORE_COMPACTIONS:
            connection.exec_driver_sql(statement)
    session.close()
    stores = open_stores(fresh)
    versions = stores.adapters.of_collection("default")
    assert [(v.parent, v.replaces, v.is_rebuild, v.live) for v in versions] == [
        (None, None, False, False),
        (1, 1, False, True),
    ]
    assert {stores.adaptations.get(v.adaptation_id).kind for v in versions} == {AdaptationKind.LEARN}
    assert len(stores.adapters.verdicts("default", 2)) == 1
    assert differences(stores) == []
    with pytest.raises(StoreError, match=r"(?i)foreign key"), stores.session.write() as connection:
        connection.exec_driver_sql("DELETE FROM adapter_versions WHERE version = 1")
    stores.close()


def test_a_newer_database_is_refused_and_let_go(
    data: Settings, next_release: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    next_release("pass")
    open_stores(data).close()
    monkeypatch.undo()
    for _ in range(2):
        with pytest.raises(NewerSchema, match=r"9999.*Install that version"):
            open_stores(data)


def test_rebuilding_a_table_keeps_what_refers_to_it(data: Settings, next_release: Publish) -> None:
    next_release("pass")
    stores = open_stores(data)
    assert stores.documents.latest_adaptation(document().id).documents == (document().id,)
    with pytest.raises(StoreError, match=r"(?i)foreign key"), stores.session.write() as connection:
        connection.exec_driver_sql("DELETE FROM documents")
    stores.close()


@pytest.mark.parametrize(
    ("then", "says"),
    [('op.execute("nonsense")', "nonsense"), ('op.execute("DELETE FROM documents")', "refer to|referenced")],
)
def test_an_upgrade_that_fails_changes_nothing(
    data: Settings, next_release: Publish, monkeypatch: pytest.MonkeyPatch, then: str, says: str
) -> None:
    next_release(then)
    with pytest.raises(StoreError, match=says):
        open_stores(data)
    monkeypatch.undo()
    stores = open_stores(data)
    assert differences(stores) == []
    assert stores.documents.get(document().id) == document()
    stores.close()


def test_what_is_no_database_is_refused_and_let_go(tmp_path: Path) -> None:
    (tmp_path / "seald.db").write_bytes(b"not a database" * 100)
    for _ in range(2):
        with pytest.raises(StoreError, match=r"not a database.*seald db restore"):
            open_stores(Settings(data_dir=tmp_path))


def test_without_migrations_it_says_where_they_should_be(data: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seald.store.migrate._PLACES", (Path("/nowhere"), Path("/nor-here")))
    with pytest.raises(StoreError, match=r"nowhere.*install seald again"):
        open_stores(data)


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "a?b=c #%20ü"
    open_stores(Settings(data_dir=folder)).close()
    assert (folder / "seald.db").exists()


def test_an_overwritten_page_stops_the_start(tmp_path: Path) -> None:
    stores = open_stores(Settings(data_dir=tmp_path))
    for n in range(100):
        stores.documents.add(document(f"{n} {'word ' * 100}"), [])
    stores.close()
    file = tmp_path / "seald.db"
    middle = file.stat().st_size // 4096 // 2 * 4096
    with file.open("r+b") as pages:
        pages.seek(middle)
        pages.write(random.Random(0).randbytes(4096))
    for _ in range(2):
        with pytest.raises(StoreError, match=r"damaged.*seald db restore"):
            open_stores(Settings(data_dir=tmp_path))
    with pytest.raises(StoreError, match="damaged"):
        back_up(Settings(data_dir=tmp_path), tmp_path / "saved", lambda *_: None)
    assert not (tmp_path / "saved").exists()
