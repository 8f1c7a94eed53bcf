"""A backup becomes a data folder again. Everything is verified before anything is touched, and the database comes last:
what was interrupted can be done again."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from seald.config import Settings
from seald.domain.backup import BACKUP, Backup
from seald.errors import IntegrityError, StoreError
from seald.store import postgres_dump, sqlite_copy
from seald.store.backup import DUMP, Told, file_of, sync
from seald.store.lock import DataFolderLock
from seald.store.migrate import require_known
from seald.store.session import DATABASE, Session, database_url

NAMES = {"sqlite": DATABASE, "postgresql": DUMP}
DRAFT = ".restoring"
NOTHING = {"seald.lock", "seald.lock.holder", DRAFT}
"""What may lie in an empty data folder: what refused daemons and a killed restoring left."""


def restore(settings: Settings, source: Path, *, force: bool, told: Told) -> tuple[Backup, Path | None]:
    """Put the backup `source` into the data folder, and the database, of `settings`; the second is where what was there
    before lies now: with `force` it is moved aside.

    Raises:
        IntegrityError, NewerSchema: the backup is not whole, or was made by a newer seald.
        DataFolderLocked: folder or database are in use. StoreError: (code `not_empty`) without `force`; and others.
    """
    backup = verify(source, told)
    with ExitStack() as closing:
        try:
            if not force:
                _require_empty(settings.data_dir)
            closing.callback(DataFolderLock(settings.data_dir).release)
            database = Session(database_url(settings))
            closing.callback(database.close)
            _require_same_kind(backup, database)
            found = _require_free(settings, database, force=force)
            closing.callback(shutil.rmtree, settings.data_dir / DRAFT, ignore_errors=True)
            draft = _copy(settings, database, source, backup, told)
            aside = _move_aside(settings, database, found)
            try:
                _put(settings, database, draft)
            except StoreError as error:
                raise StoreError(f"{error.message}; {_way_back(aside)}") from error
        except OSError as error:
            raise StoreError(f"{source} cannot be restored to {settings.data_dir}: {error.strerror}") from error
    return backup, aside


def verify(folder: Path, told: Told) -> Backup:
    """What `folder` holds. Raises IntegrityError unless it is exactly what its list says, NewerSchema, StoreError."""
    backup = _read(folder)
    require_known(backup.revision)
    if NAMES[backup.database] not in backup.files:
        raise IntegrityError(f"{folder}: its list names no database")
    _compare(folder, backup, {*backup.files, BACKUP}, told)
    return backup


def _compare(folder: Path, backup: Backup, names: set[str], told: Told) -> None:
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()}
    for name in sorted(found ^ names):
        raise IntegrityError(f"{folder}: {name} is {'not in its list' if name in found else 'missing'}")
    for number, (name, expected) in enumerate(backup.files.items()):
        told(number, len(backup.files))
        path = folder / name
        if path.is_symlink() or not path.is_file() or file_of(path) != expected:
            raise IntegrityError(f"{folder}: {name} is not what was backed up; take another backup")


def _read(folder: Path) -> Backup:
    try:
        return Backup.model_validate_json((folder / BACKUP).read_bytes())
    except OSError as error:
        raise StoreError(f"{folder} is no backup: {BACKUP} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        raise IntegrityError(f"{folder}: {BACKUP} cannot be read: {error.errors()[0]['msg']}") from None


def _require_same_kind(backup: Backup, database: Session) -> None:
    if backup.database != database.engine.dialect.name:
        raise StoreError(
            f"the backup is of {backup.database}, and the settings name {database.engine.dialect.name}: see `database`"
        )


def _require_empty(data_dir: Path) -> None:
    if data_dir.is_dir() and any(entry.name not in NOTHING for entry in data_dir.iterdir()):
        message = f"{data_dir} is not empty; name another --data-dir, or move what is there aside with --force"
        raise StoreError(message, code="not_empty")


def _require_free(settings: Settings, database: Session, *, force: bool) -> list[Path]:
    """What the daemon keeps there, and the database's lock where it is Postgres. Raises StoreError unless there is
    nothing at all, or `force`; DataFolderLocked."""
    found = _kept(settings, database)
    empty = database.is_sqlite or postgres_dump.is_empty(database)
    if not force:
        _require_empty(settings.data_dir)
        if found or not empty:
            message = "the database is not empty; name another, or move what is there aside with --force"
            raise StoreError(message, code="not_empty")
    return found


def _move_aside(settings: Settings, database: Session, found: Sequence[Path]) -> Path | None:
    """All of `found`, and a dump of a Postgres database, into a folder below the data folder; None: nothing is."""
    aside = settings.data_dir / f"replaced-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    empty = database.is_sqlite or postgres_dump.is_empty(database)
    if empty and not found:
        return None
    aside.mkdir(mode=0o700)
    if not empty:
        postgres_dump.set_aside(database, aside / DUMP)
    for path in found:
        to = aside / (path.relative_to(settings.data_dir) if path.is_relative_to(settings.data_dir) else path.name)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, to)
    return aside


def _kept(settings: Settings, database: Session) -> list[Path]:
    """What a daemon keeps below the data folder, but for logs and what can be computed again; an SQLite database
    wherever it is."""
    root = settings.data_dir
    possible = [root / "policies" / "learned", root / "work", *(f for f in (root / "adapters").glob("*") if f.is_dir())]
    if database.is_sqlite:
        file = _file(database)
        possible += [file.with_name(file.name + suffix) for suffix in ("", "-wal", "-shm")]
    return [path for path in possible if path.exists()]


def _copy(settings: Settings, database: Session, source: Path, backup: Backup, told: Told) -> Path:
    """A folder below the data folder with all of the backup in it, verified again."""
    draft = settings.data_dir / DRAFT
    shutil.rmtree(draft, ignore_errors=True)
    for name in backup.files:
        (draft / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, draft / name)
    _compare(draft, backup, {*backup.files}, told)
    if database.is_sqlite:
        sqlite_copy.check(draft / DATABASE)
    else:
        postgres_dump.check(database, draft / DUMP)
    for path in draft.rglob("*"):
        sync(path)
    return draft


def _way_back(aside: Path | None) -> str:
    again = "restore again with --force once that is mended"
    return again if aside is None else f"{again}; what was there before lies in {aside}"


def _put(settings: Settings, database: Session, draft: Path) -> None:
    for folder in (*(draft / "adapters").glob("*"), *(draft / "policies").glob("*")):
        to = settings.data_dir / folder.relative_to(draft)
        to.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(to)
        sync(to.parent)
    _put_database(database, draft)
    sync(settings.data_dir)


def _put_database(database: Session, draft: Path) -> None:
    if not database.is_sqlite:
        postgres_dump.put(database, draft / DUMP)
        return
    (draft / DATABASE).chmod(0o600)
    file = _file(database)
    file.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(draft / DATABASE, file)
    sync(file)
    sync(file.parent)


def _file(database: Session) -> Path:
    return Path(database.engine.url.database or "")
