"""Connections: many readers, one writer.

SQLite before 3.51.3 can lose a commit when two connections write in WAL mode, so all writes of the process go through
one lock. `BEGIN IMMEDIATE` takes SQLite's own write lock at once rather than in the middle of a transaction, where a
busy database could no longer be waited for. What Postgres needs is in `postgres.py`.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Engine,
    Row,
    Select,
    Table,
    create_engine,
    delete,
    event,
    func,
    make_url,
    select,
    true,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.schema import Column

from seald.config import Settings
from seald.errors import ConfigError, InsufficientStorage, NotFound, StoreError, of_disk
from seald.failpoint import around, failpoint
from seald.store import postgres

DATABASE = "seald.db"
BUSY_MILLISECONDS = 30_000


DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
WAY_OUT = "stop the daemon and put a backup in its place: `seald db restore FOLDER --force`"


def database_url(settings: Settings) -> URL:
    """Where `settings` keep the database; by default an SQLite file in the data folder. Raises ConfigError."""
    if settings.database is None:
        return URL.create("sqlite", database=str(settings.data_dir.absolute() / DATABASE))
    try:
        return make_url(settings.database)
    except ArgumentError as error:
        raise _no_database(error) from None


class Session:
    """Hands out connections in transactions, each of which sees one moment. Safe to use from several threads.

    `engine` reads; `writing`, which is the same for SQLite, writes. Raises:
        ConfigError: `url` is none, or of another database than SQLite and Postgres, or its driver is not installed.
    """

    def __init__(self, url: str | URL) -> None:
        try:
            self.engine, self.writing = _engines(make_url(url))
        except (ArgumentError, ImportError) as error:
            raise _no_database(error) from None
        self._writer = threading.RLock()

    @property
    def is_sqlite(self) -> bool:
        """Or Postgres."""
        return self.engine.dialect.name == "sqlite"

    def server(self) -> str:
        """What answers, and its version. Raises StoreError where nothing does."""
        with self.read() as connection:
            version = connection.dialect.server_version_info or ()
            return f"{connection.dialect.name} {'.'.join(map(str, version))}"

    def check(self, *, thoroughly: bool = False) -> None:
        """SQLite: read every page; thoroughly, which takes four times as long: indexes against their tables, too.

        Raises StoreError, which names the way out, where something is damaged. Postgres has checksums of its own.
        """
        if not self.is_sqlite:
            return
        with self.read() as connection:
            pragma = "integrity_check" if thoroughly else "quick_check"
            found = connection.exec_driver_sql(f"PRAGMA {pragma}(1)").scalar()
        if found != "ok":
            raise StoreError(f"the database is damaged ({str(found).splitlines()[-1]}); {WAY_OUT}")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading. Raises StoreError when the database fails."""
        with as_store_error(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction, committed at the end, rolled back on any exception.

        Raises StoreError; of one that the commit itself raised nobody can say whether it was made.
        """
        with self._turn(), as_store_error(), self.writing.connect() as connection:
            connection.execution_options(writes=True)
            with connection.begin():
                yield connection
                failpoint("commit")
            failpoint("commit")

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Raises StoreError where whoever writes now takes too long: each may wait for the database as long itself."""
        if not self._writer.acquire(timeout=BUSY_MILLISECONDS / 1000):
            raise StoreError("the database is busy: another write has not ended; try again")
        try:
            yield
        finally:
            self._writer.release()

    def scrub(self) -> None:
        """Write the whole database anew, so that no byte of what was deleted is left in it, nor in SQLite's log.

        Postgres's log goes with its own time. Raises StoreError when somebody still reads what is to go: try again.
        """
        with self._turn(), as_store_error(), around("erase"), self.writing.connect() as connection:
            if not self.is_sqlite:
                postgres.rewrite(connection)
                return
            # Neither runs inside a transaction, so both go to the driver's own connection.
            driver = connection.connection.cursor()
            driver.execute("VACUUM")
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            if driver.fetchall()[0][0]:
                raise StoreError("the database's log is still being read: what was deleted goes from it in a moment")

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()
        self.writing.dispose()


def next_number(connection: Connection, column: Column[Any]) -> int:
    """One more than the largest: inside the one writer's transaction nobody else can take it."""
    largest = connection.scalar(select(func.max(column)))
    return int(largest or 0) + 1


def numbered_page(
    connection: Connection,
    table: Table,
    query: Select[Any],
    *,
    after: str | None,
    limit: int,
    noun: str,
    there: ColumnElement[bool] = true(),
) -> tuple[Sequence[Row[Any]], bool]:
    """Up to `limit` rows of `query` in the order of `table`'s numbers, those behind the id `after`; are there more?

    `there` says which rows there are for whoever asks. Raises NotFound when `after` names none of them; `noun` is what
    the message calls it.
    """
    query = query.where(there)
    if after is not None:
        number = connection.scalar(select(table.c.number).where(table.c.id == after, there))
        if number is None:
            raise NotFound(f"there is no {noun} {after!r} to list after", param="after")
        query = query.where(table.c.number > number)
    found = connection.execute(query.order_by(table.c.number).limit(limit + 1)).all()
    return found[:limit], len(found) > limit


def forget_old(connection: Connection, table: Table, *, before: datetime, most: int) -> int:
    """Delete the rows whose `at` is up to `before`, and all but the latest `most`; how many went."""
    first_beyond = select(table.c.at).order_by(table.c.at.desc()).offset(most).limit(1)
    bounds = [before, connection.scalar(first_beyond)]
    newest_to_go = max(bound for bound in bounds if bound is not None)
    return int(connection.execute(delete(table).where(table.c.at <= newest_to_go)).rowcount)


@contextmanager
def as_store_error() -> Iterator[None]:
    """Whatever the database raises comes out as StoreError, with what it said."""
    try:
        yield
    except OperationalError as error:
        raise _failed(error.orig) from error
    except sqlite3.OperationalError as error:  # asked through the driver itself
        raise _failed(error) from error
    except DBAPIError as error:
        if getattr(error.orig, "sqlite_errorcode", None) in DAMAGE:
            raise StoreError(f"the database is damaged ({error.orig}); {WAY_OUT}") from error
        raise StoreError(f"the database refused: {error.orig}") from error
    except NoConnection as error:
        raise StoreError("the database is too busy: no connection came free; try again") from error
    except OSError as error:
        raise of_disk(error) or StoreError(f"the database failed: {error}") from error


def _failed(said: BaseException | None) -> StoreError:
    if _is_full(said):
        return InsufficientStorage(f"the database found no room on its disk ({said}): make some")
    advice = "see that it can be reached, that its disk has room and that this user may write there"
    return StoreError(f"the database failed: {said}; {advice}")


def _is_full(error: BaseException | None) -> bool:
    """As SQLite says it, or Postgres."""
    return getattr(error, "sqlite_errorname", "") == "SQLITE_FULL" or getattr(error, "sqlstate", "") == "53100"


def _no_database(error: Exception) -> ConfigError:
    return ConfigError(
        f"database: {error}; give the URL of an SQLite or Postgres database (postgresql+psycopg://…) and install its "
        "driver (pip install 'seald[postgres]'), or leave it out for SQLite in the data folder",
        param="database",
    )


def _engines(url: URL) -> tuple[Engine, Engine]:
    """One that reads, one that writes."""
    if url.get_backend_name() == "postgresql":
        return postgres.engines(url)
    if url.get_backend_name() != "sqlite":
        raise ArgumentError(f"seald keeps nothing in {url.get_backend_name()}")
    engine = create_engine(url)
    _prepare_sqlite(engine)
    return engine, engine


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        # The driver's own BEGIN comes too late and is never IMMEDIATE; SQLAlchemy documents this way of taking over.
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",  # what was acknowledged survives a power cut
            "foreign_keys=ON",
            "secure_delete=ON",  # what is deleted or emptied is overwritten in its place
            f"busy_timeout={BUSY_MILLISECONDS}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")
