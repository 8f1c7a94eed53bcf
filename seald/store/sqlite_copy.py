"""A copy of an SQLite database that others write to meanwhile."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import URL

from seald.errors import StoreError
from seald.store.held import Held, held
from seald.store.migrate import upgrade
from seald.store.session import BUSY_MILLISECONDS, Session


def take(file: Path, to: Path) -> Held:
    """Copy the database as it is at one moment; nobody waits. Raises StoreError, also for one that is damaged."""
    if not file.is_file():
        raise StoreError(f"there is no database at {file}: name the data folder with --data-dir, or its --config")
    to.unlink(missing_ok=True)
    to.touch(mode=0o600)
    waiting = BUSY_MILLISECONDS / 1000
    try:
        with (
            closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=waiting)) as source,
            closing(sqlite3.connect(to)) as copy,
        ):
            source.backup(copy)
    except sqlite3.Error as error:
        raise StoreError(f"{file} cannot be copied: {error}") from error
    return _held(to)


def check(file: Path) -> None:
    """Raises StoreError for a database that is damaged."""
    session = Session(URL.create("sqlite", database=str(file)))
    try:
        session.check(thoroughly=True)
    finally:
        session.close()


def _held(file: Path) -> Held:
    """Read from another copy, which is brought to this code's schema first: what is copied may be older."""
    with TemporaryDirectory(dir=file.parent) as scratch:
        other = Path(scratch) / file.name
        shutil.copyfile(file, other)
        check(other)
        session = Session(URL.create("sqlite", database=str(other)))
        try:
            before, _ = upgrade(session.writing)
            with session.read() as connection:
                return held(connection, before)
        finally:
            session.close()
