from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from seald.errors import DataFolderLocked, StoreError
from seald.store.lock import DataFolderLock

HOLD = """
import sys, time, pathlib
from seald.store.lock import DataFolderLock
lock = DataFolderLock(pathlib.Path(sys.argv[1]))
print("holding", flush=True)
time.sleep(60)
"""


def test_a_second_daemon_is_refused_until_the_first_one_dies(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "holding\n"
        with pytest.raises(DataFolderLocked, match=f"process {holder.pid} on {socket.gethostname()}, started 20"):
            DataFolderLock(tmp_path)
        os.kill(holder.pid, signal.SIGKILL)
    DataFolderLock(tmp_path).release()


def test_a_refused_daemon_leaves_the_holder_its_lock_and_its_note(tmp_path: Path) -> None:
    first = DataFolderLock(tmp_path)
    for _ in range(2):
        with pytest.raises(DataFolderLocked, match=f"process {os.getpid()}"):
            DataFolderLock(tmp_path)
    first.release()


def test_any_thread_may_release(tmp_path: Path) -> None:
    lock = DataFolderLock(tmp_path)
    releaser = Thread(target=lock.release)
    releaser.start()
    releaser.join()
    DataFolderLock(tmp_path).release()


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"file cannot be the data folder.*--data-dir"):
        DataFolderLock(tmp_path / "file")
