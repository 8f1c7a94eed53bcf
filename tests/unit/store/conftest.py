from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from seald.config import Settings
from seald.domain.document import Document, content_hash, document_id
from seald.store import Stores, open_stores


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database that the migrations made, to be copied: running them takes longer than most tests."""
    folder = tmp_path_factory.mktemp("migrated")
    open_stores(Settings(data_dir=folder)).close()
    return folder / "seald.db"


@pytest.fixture
def stores(tmp_path: Path, migrated: Path) -> Iterator[Stores]:
    shutil.copy(migrated, tmp_path)
    opened = open_stores(Settings(data_dir=tmp_path))
    yield opened
    opened.close()


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
