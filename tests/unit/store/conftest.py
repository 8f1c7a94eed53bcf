"""What takes `fresh`, `settings` or `stores` runs on SQLite and on Postgres; `-k postgres` picks the latter."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from seald.config import Settings
from seald.domain.document import Document, content_hash, document_id
from seald.store import Stores, open_stores
from tests.postgres_server import PostgresServer


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database that the migrations made, to be copied: running them takes longer than most tests."""
    folder = tmp_path_factory.mktemp("migrated")
    open_stores(Settings(data_dir=folder)).close()
    return folder / "seald.db"


@pytest.fixture(scope="session")
def migrated_postgres(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of such a database on the server."""
    name = postgres.make()
    open_stores(Settings(data_dir=tmp_path_factory.mktemp("migrated"), database=postgres.url(name))).close()
    return name


@pytest.fixture(params=["sqlite", "postgres"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def fresh(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Of a data folder that is not there yet, and an empty database."""
    if kind == "sqlite":
        yield Settings(data_dir=tmp_path / "data")
        return
    with request.getfixturevalue("postgres").database() as url:
        yield Settings(data_dir=tmp_path / "data", database=url)


@pytest.fixture
def settings(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Of a data folder and a database with this code's schema."""
    if kind == "sqlite":
        shutil.copy(request.getfixturevalue("migrated"), tmp_path)
        yield Settings(data_dir=tmp_path)
        return
    with request.getfixturevalue("postgres").database(request.getfixturevalue("migrated_postgres")) as url:
        yield Settings(data_dir=tmp_path, database=url)


@pytest.fixture
def stores(settings: Settings) -> Iterator[Stores]:
    opened = open_stores(settings)
    yield opened
    opened.close()


@pytest.fixture
def written(settings: Settings, request: pytest.FixtureRequest) -> Callable[[], bytes]:
    """All that lies in the database's own files now."""
    if settings.database is not None:
        server: PostgresServer = request.getfixturevalue("postgres")
        return partial(server.bytes_of, settings.database)
    return lambda: b"".join(file.read_bytes() for file in settings.data_dir.glob("seald.db*"))


def document(text: str = "The mill stands in Orvale.", collection: str = "default") -> Document:
    sha256 = content_hash(text)
    return Document(
        id=document_id(collection, sha256),
        collection=collection,
        title="A mill",
        text=text,
        sha256=sha256,
        created=datetime(2026, 1, 1, tzinfo=UTC),
    )
