"""One daemon per data folder: a lock that the system gives back when its holder dies, and a note of who holds it."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from seald.errors import DataFolderLocked, StoreError


class DataFolderLock:
    """Held from construction to `release`, which any thread may call.

    Raises:
        DataFolderLocked: another daemon holds it; the message names it.
        StoreError: the folder cannot be made or written.
    """

    def __init__(self, data_dir: Path) -> None:
        self._lock = FileLock(data_dir / "seald.lock", thread_local=False)
        self._note = data_dir / "seald.lock.holder"
        try:
            data_dir.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
            self._note.write_text(_me(), encoding="utf-8")
        except Timeout:
            raise DataFolderLocked(
                f"{data_dir} is in use by {self._holder()}; stop it, or give this one another --data-dir"
            ) from None
        except OSError as error:
            self._lock.release()
            raise StoreError(
                f"{data_dir} cannot be the data folder: {error.strerror}; give one that this user may write, "
                "with --data-dir"
            ) from None

    def release(self) -> None:
        """Let the next daemon in."""
        self._note.unlink(missing_ok=True)
        self._lock.release()

    def _holder(self) -> str:
        try:
            return self._note.read_text(encoding="utf-8") or "a daemon that is just starting"
        except FileNotFoundError:
            return "a daemon that is just starting"


def _me() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}, started {datetime.now(UTC).isoformat(timespec='seconds')}"
