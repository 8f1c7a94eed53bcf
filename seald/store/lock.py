"""One daemon per data folder: a lock that the system gives back when its holder dies, and a note of who holds it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from filelock import FileLock, Timeout

from seald.errors import DataFolderLocked


class DataFolderLock:
    """Held from construction to `release`.

    Raises:
        DataFolderLocked: another daemon holds it; the message names it.
    """

    def __init__(self, data_dir: Path) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(data_dir / "seald.lock")
        holder = data_dir / "seald.lock.holder"
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            who = holder.read_text(encoding="utf-8") if holder.exists() else "a daemon that is just starting"
            raise DataFolderLocked(
                f"{data_dir} is in use by {who}; stop it, or give this one another --data-dir"
            ) from None
        holder.write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")

    def release(self) -> None:
        """Let the next daemon in."""
        self._lock.release()
