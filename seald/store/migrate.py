"""Brings the database to this code's schema on start, and refuses one that a newer seald wrote."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from seald.config.shipped import places
from seald.errors import NewerSchema, StoreError
from seald.store.session import as_store_error

_PLACES = places("migrations")


def upgrade(engine: Engine) -> tuple[str | None, str | None]:
    """Run what is missing, all of it in one transaction; the revisions before (None: an empty database) and after.

    Raises:
        NewerSchema: the database is at a revision that this code does not know.
        StoreError: the database fails, or the migrations are not where they should be.
    """
    config = alembic_config()
    with as_store_error(), engine.connect() as connection:
        current = revision(connection)
    require_known(current)
    with as_store_error(), engine.connect() as connection:
        config.attributes["connection"] = connection
        if engine.dialect.name == "sqlite":
            _upgrade_sqlite(connection, config)
        else:
            with connection.begin():
                command.upgrade(config, "head")
    return current, head()


def head() -> str | None:
    """This code's revision."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head()


def revision(connection: Connection) -> str | None:
    """What the database is at; None: it holds nothing of ours."""
    return MigrationContext.configure(connection).get_current_revision()


def require_head(revision: str | None) -> None:
    """Raise NewerSchema, or StoreError for an older schema than this code's; an empty database is neither."""
    require_known(revision)
    if revision not in (None, head()):
        raise StoreError(
            f"the database is at schema revision {revision}, from before this seald: `seald db upgrade` brings it here"
        )


def require_known(revision: str | None) -> None:
    """Raise NewerSchema for a revision that this code does not know."""
    known = {script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()}
    if revision is not None and revision not in known:
        raise NewerSchema(
            f"the database is at schema revision {revision}, which this seald does not know: it was written by a "
            "newer one. Install that version, or restore a backup from before the upgrade"
        )


def _upgrade_sqlite(connection: Connection, config: Config) -> None:
    # SQLite alters a table by rebuilding it; with foreign keys enforced, dropping the old one would count as deleting
    # what other tables refer to. The switch does nothing inside a transaction, so it is thrown on the driver's own.
    driver = connection.connection.cursor()
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        with connection.begin():
            command.upgrade(config, "head")
            if dangling := connection.exec_driver_sql("PRAGMA foreign_key_check").all():
                raise StoreError(f"the upgrade would leave {len(dangling)} rows that refer to nothing; it was undone")
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


def alembic_config() -> Config:
    """Alembic's configuration, without a file."""
    place = next((place for place in _PLACES if (place / "env.py").is_file()), None)
    if place is None:
        raise StoreError(f"the migrations are not at {_PLACES[0]} nor at {_PLACES[1]}; install seald again")
    config = Config()
    config.set_main_option("script_location", str(place))
    return config
