"""A Postgres database into a file and back, by Postgres's own `pg_dump` and `pg_restore`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from sqlalchemy import Connection, MetaData, func, inspect, select, text

from seald.errors import StoreError
from seald.store.held import Held, held
from seald.store.migrate import require_head, revision
from seald.store.session import Session

ROUTINES = text(
    "SELECT pg_proc.oid::regprocedure::text FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace "
    "WHERE nspname = current_schema() "
    "AND NOT EXISTS (SELECT FROM pg_depend WHERE pg_depend.objid = pg_proc.oid AND deptype = 'e')"
)
"""What our schema's triggers call; an extension's functions stay."""


def take(session: Session, to: Path) -> Held:
    """Dump the database as it is at one moment, which is also the one that is read here; nobody waits.

    Raises StoreError, also where the schema is not this code's or `pg_dump` is not there.
    """
    with session.read() as connection:
        current = revision(connection)
        require_head(current)
        found = held(connection, current)
        _dump(connection, to)
    return found


def set_aside(session: Session, to: Path) -> None:
    """Dump the database, of whatever release. Raises StoreError."""
    with session.read() as connection:
        _dump(connection, to)


def is_empty(session: Session) -> bool:
    """No table is there. Asked of the writer: from here on no other seald can come between.

    Raises DataFolderLocked.
    """
    with session.write() as connection:
        return not inspect(connection).get_table_names()


def check(session: Session, file: Path) -> None:
    """See whether `put` can read the dump, before anything is dropped for it. Raises StoreError."""
    with session.read() as connection:
        listed, schema = _run(connection, "pg_restore", "--list", str(file)), _schema(connection)
    if f" TABLE {schema} " not in listed:
        raise StoreError(f"the backup is of another schema than {schema!r}: restore it into one of its own name")


def put(session: Session, file: Path) -> None:
    """Drop what is there, and then read in the dump, all of it or nothing. Raises StoreError."""
    with session.write() as connection:
        there = MetaData()
        there.reflect(connection)
        there.drop_all(connection)
        for routine in connection.scalars(ROUTINES).all():
            connection.exec_driver_sql(f"DROP ROUTINE {routine}")
    with session.read() as connection:
        into = f"--dbname={connection.scalar(select(func.current_database()))}"
        # The schema itself is there already: named like this, what is in it is read in, and it is not made.
        what = ("--strict-names", f"--schema={_schema(connection)}")
        _run(connection, "pg_restore", "--single-transaction", "--exit-on-error", into, *what, str(file))


def _dump(connection: Connection, to: Path) -> None:
    """All of our schema: it is seald's alone, and a newer release may have more in it than this one knows."""
    to.unlink(missing_ok=True)
    moment = connection.scalar(select(func.pg_export_snapshot()))
    what = ("--strict-names", f'--schema="{_schema(connection)}"')
    _run(connection, "pg_dump", "--format=custom", f"--snapshot={moment}", f"--file={to}", *what)


def _schema(connection: Connection) -> str:
    return str(inspect(connection).default_schema_name)


def _run(connection: Connection, program: str, *arguments: str) -> str:
    """What it wrote."""
    command = [program, "--no-owner", "--no-privileges", *arguments]
    try:
        done = subprocess.run(command, env=_environment(connection), capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise StoreError(
            f"{program} is not found: install Postgres's client programs of the server's version. Or use the server's "
            "own backups, and copy adapters/ and policies/learned/ of the data folder after each of them, never before"
        ) from None
    if done.returncode:
        raise StoreError(f"{program} failed: {done.stderr.strip()}")
    return done.stdout


def _environment(connection: Connection) -> dict[str, str]:
    """libpq's variables that lead where this connection leads: a password on a command line could be read by all."""
    from psycopg import Connection as Psycopg
    from psycopg.pq import Conninfo

    driver = connection.connection.driver_connection
    assert isinstance(driver, Psycopg)
    given = {**driver.info.get_parameters(), "dbname": driver.info.dbname, "password": driver.info.password}
    names = {option.keyword.decode(): option.envvar.decode() for option in Conninfo.get_defaults() if option.envvar}
    return {**os.environ, **{names[key]: str(value) for key, value in given.items() if value and key in names}}
