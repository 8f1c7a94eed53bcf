"""Backups, while a daemon serves or not: the database of one moment, then the files of every version that it names.

Folders of versions are immutable, so that it does not matter when they are copied; but one may be deleted (by a
forgetting) or made anew (by a repair) in between. Then the database is copied again: both tell of the same moment.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from seald import __version__
from seald.config import Settings
from seald.domain.adapter import MANIFEST, AdapterVersion
from seald.domain.backup import BACKUP, Backup, HeldFile
from seald.domain.policy_version import PolicyVersion
from seald.errors import IntegrityError, StoreError
from seald.store import postgres_dump, sqlite_copy
from seald.store.held import Held, adapter_folders, policy_folders
from seald.store.session import DATABASE, Session, database_url
from seald.store.version_folders import VOUCHED

DUMP = "seald.dump"
"""Name of what `pg_dump` wrote; an SQLite database keeps its own."""
ATTEMPTS = 5
PAUSE_SECONDS = 1.0
"""A forgetting deletes files a moment before it says so in the database."""

Told = Callable[[int, int], None]
"""How many folders of how many are done."""
Vouched = tuple[str | None, str | None]
"""sha256 of a version's weights and of its manifest, by the database."""


def back_up(settings: Settings, to: Path, told: Told) -> Backup:
    """Make the new folder `to` a backup, whole or not at all.

    Files that were damaged already are left out, and named in the result. Raises StoreError, also where `to` is there
    and not empty.
    """
    to = to.absolute()
    draft: Path | None = None
    try:
        require_free(to)
        to.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{to.name}.", suffix=".partial", dir=to.parent))
        made = _fill(settings, draft, told)
        (draft / BACKUP).write_text(made.model_dump_json(indent=1), encoding="utf-8")
        _close(draft)
        draft.rename(to)
        sync(to.parent)
    except OSError as error:
        raise StoreError(f"{to} cannot become a backup: {error.strerror}") from error
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)
    return made


def require_free(folder: Path) -> None:
    """Raise StoreError (code `not_empty`) for what is there and no empty folder."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StoreError(f"{folder} is not empty; name a folder that is not there yet", code="not_empty")


def file_of(path: Path) -> HeldFile:
    """Its sha256 and its size."""
    with path.open("rb") as stream:
        return HeldFile(sha256=hashlib.file_digest(stream, "sha256").hexdigest(), bytes=path.stat().st_size)


def sync(path: Path) -> None:
    """Bring a file, or a folder's list, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def take(settings: Settings, folder: Path) -> Held:
    """Copy the database into `folder`, as `seald.db` or `seald.dump`. Raises StoreError."""
    url = database_url(settings)
    if url.get_backend_name() == "sqlite":
        return sqlite_copy.take(Path(url.database or ""), folder / DATABASE)
    session = Session(url)
    try:
        return postgres_dump.take(session, folder / DUMP)
    finally:
        session.close()


class _Piece(NamedTuple):
    """One folder of a version: where it lies, where its copy is to lie, and how each is verified."""

    version: AdapterVersion | PolicyVersion
    source: Path
    target: Path
    verify: Callable[[], object]
    verify_copy: Callable[[], object]

    @property
    def vouched(self) -> Vouched:
        """What the copy of the database has of it."""
        return self.version.sha256, self.version.manifest_sha256


def _fill(settings: Settings, folder: Path, told: Told) -> Backup:
    done: dict[Path, Vouched] = {}
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE_SECONDS)
        held = take(settings, folder)
        pieces = _pieces(held, settings.data_dir, folder)
        _drop_others(done, pieces)
        lost = _copy_all(pieces, done, told)
        if not lost:
            break
    return Backup(
        seald=__version__,
        database="sqlite" if (folder / DATABASE).exists() else "postgresql",
        revision=held.revision,
        created=datetime.now(UTC),
        files={str(f.relative_to(folder)): file_of(f) for f in sorted(folder.rglob("*")) if f.is_file()},
        left_out=lost,
    )


def _pieces(held: Held, source: Path, target: Path) -> list[_Piece]:
    pieces: list[_Piece] = []
    adapters, to_adapters = adapter_folders(source), adapter_folders(target)
    for one in held.adapters:
        at, to = (each.folder(one.collection, one.version) for each in (adapters, to_adapters))
        pieces.append(_Piece(one, at, to, partial(adapters.verify, one), partial(to_adapters.verify, one)))
    policies, to_policies = policy_folders(source), policy_folders(target)
    for learned in held.policies:
        at, to = policies.folder(learned.version), to_policies.folder(learned.version)
        pieces.append(_Piece(learned, at, to, partial(policies.verify, learned), partial(to_policies.verify, learned)))
    return pieces


def _drop_others(done: dict[Path, Vouched], pieces: Sequence[_Piece]) -> None:
    """What the latest copy of the database does not name, or knows with other files, does not belong beside it."""
    wanted = {piece.target: piece.vouched for piece in pieces}
    for target in [target for target, vouched in done.items() if wanted.get(target) != vouched]:
        shutil.rmtree(target)
        del done[target]


def _copy_all(pieces: Sequence[_Piece], done: dict[Path, Vouched], told: Told) -> dict[str, str]:
    """Copy what is not done yet; label → why, of what could not be copied."""
    lost: dict[str, str] = {}
    for number, piece in enumerate(pieces):
        told(number, len(pieces))
        if piece.target in done:
            continue
        try:
            _copy(piece)
            done[piece.target] = piece.vouched
        except (IntegrityError, FileNotFoundError) as error:
            shutil.rmtree(piece.target, ignore_errors=True)
            lost[piece.version.label] = str(error)
    told(len(pieces), len(pieces))
    return lost


def _copy(piece: _Piece) -> None:
    """Raises IntegrityError, or FileNotFoundError for what is gone in the middle of it."""
    piece.verify()
    piece.target.mkdir(parents=True)
    for name in (*VOUCHED, MANIFEST):
        shutil.copyfile(piece.source / name, piece.target / name)
    piece.verify_copy()


def _close(folder: Path) -> None:
    """Nobody else may read it, and it lasts."""
    for path in (*folder.rglob("*"), folder):
        path.chmod(0o700 if path.is_dir() else 0o600)
        sync(path)
