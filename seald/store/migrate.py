"""Brings the database to this code's schema on start, and refuses one that a newer seald wrote."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from seald.errors import NewerSchema, StoreError

_HERE = Path(__file__).parent
_PLACES = (_HERE.parent.parent / "migrations", _HERE.parent / "migrations")
"""In a checkout beside the package; in an installed wheel inside it."""


def migrate(engine: Engine) -> None:
    """Run what is missing.

    Raises:
        NewerSchema: the database is at a revision that this code does not know.
        StoreError: the migrations are not where they should be.
    """
    config = alembic_config()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in known:
        raise NewerSchema(
            f"the database is at schema revision {current}, which this seald does not know: it was written by a "
            "newer one. Install that version, or restore a backup from before the upgrade"
        )
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def alembic_config() -> Config:
    """Alembic's configuration, without a file."""
    place = next((place for place in _PLACES if (place / "env.py").is_file()), None)
    if place is None:
        raise StoreError(f"the migrations are not at {_PLACES[0]} nor at {_PLACES[1]}; install seald again")
    config = Config()
    config.set_main_option("script_location", str(place))
    return config
