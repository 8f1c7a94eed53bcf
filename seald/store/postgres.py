"""What Postgres needs to be what SQLite is: transactions that see one moment, one writer, and nothing left of what was
deleted.

All writes go through one connection, which holds an advisory lock of the database for as long as it is open: there is
one seald a database, and one that lost its connection cannot write before it has the lock again.
"""

from __future__ import annotations

import os
import socket
import time
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import ArgumentError

from seald.errors import DataFolderLocked, StoreError
from seald.store.tables import metadata

LOCK = 0x5EA1D
"""First half of the advisory lock's key; the other is made of the schema's name."""
LOCK_SECONDS = 5.0
"""For so long a writer is waited for that has just died: the server takes a moment to see it."""
SCRUB_WAITS = "1s"
"""For so long scrubbing may hold up those who read a table."""

PRESENT = (
    "SELECT set_config('application_name', %s, false), set_config('tcp_keepalives_idle', '30', false), "
    "set_config('tcp_keepalives_interval', '10', false), set_config('tcp_keepalives_count', '3', false)"
)
"""Says who holds the lock, and lets the server see within a minute that the holder's machine is gone."""
TAKE = "SELECT pg_try_advisory_lock(%s, hashtext(current_schema()))"
HOLDER = (
    "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted "
    "AND classid = %s AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def engines(url: URL) -> tuple[Engine, Engine]:
    """One that reads, and one that writes, over a single connection.

    Raises ArgumentError for another driver than psycopg, ImportError where that is not installed.
    """
    if url.get_driver_name() != "psycopg":
        raise ArgumentError(f"seald talks to Postgres through psycopg, not {url.get_driver_name()}")
    # A connection that the server has closed since is replaced before it is used.
    alike: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "pool_pre_ping": True}
    writing = create_engine(url, **alike, pool_size=1, max_overflow=0)
    event.listen(writing, "connect", _take)
    return create_engine(url, **alike), writing


OLD_READERS = text(
    "SELECT application_name || ' (process ' || pid || ')' FROM pg_stat_activity WHERE age(backend_xmin) > 0 "
    "AND pid <> pg_backend_pid() AND (datname = current_database() OR datname IS NULL) "
    "AND backend_type <> 'autovacuum worker' "
    "UNION ALL SELECT 'replication slot ' || slot_name FROM pg_replication_slots WHERE age(xmin) > 0"
)
"""Who may still see rows that were deleted: for them a table that is written anew keeps those, too."""


def rewrite(connection: Connection) -> None:
    """Write every table anew, which leaves nothing of deleted rows behind.

    Raises StoreError where somebody may still see them, OperationalError where a table is being read for longer than a
    moment.
    """
    connection.execution_options(isolation_level="AUTOCOMMIT")
    readers = connection.scalars(OLD_READERS).all()
    if readers:
        raise StoreError(f"what was deleted is still kept for {', '.join(readers)}: it goes once that has ended")
    connection.exec_driver_sql(f"SET lock_timeout = '{SCRUB_WAITS}'")
    try:
        connection.exec_driver_sql(f"VACUUM (FULL) {', '.join(sorted(metadata.tables))}")
    finally:
        connection.exec_driver_sql("RESET lock_timeout")


def _take(connection: Any, _record: Any) -> None:
    """Take the lock for a new connection of the driver's. Raises DataFolderLocked, the connection closed."""
    with connection.cursor() as cursor:
        cursor.execute(PRESENT, [f"seald, process {os.getpid()} on {socket.gethostname()}"])
        deadline = time.monotonic() + LOCK_SECONDS
        while not _asked(cursor, TAKE):
            if time.monotonic() > deadline:
                holder = _asked(cursor, HOLDER)
                connection.close()
                raise DataFolderLocked(
                    f"the database is in use by {holder or 'another seald'}; stop it, or give this one another database"
                )
            time.sleep(0.1)
    connection.commit()


def _asked(cursor: Any, query: str) -> Any:
    cursor.execute(query, [LOCK])
    found = cursor.fetchone()
    return found[0] if found is not None else None
