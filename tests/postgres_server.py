"""A real Postgres server of the tests' own, in a temporary folder, on a socket there."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

START_SECONDS = 60.0
# Nothing of it outlives the tests, so nothing has to reach the disk.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "listen_addresses": "",
    "shared_buffers": "16MB",
    "max_connections": "60",
}


def programs() -> Path | None:
    """The folder of `initdb` and `postgres`; Debian keeps it out of the path."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((place for place in reversed(places) if (place / "initdb").exists()), None)


class PostgresServer:
    """Makes databases, each a copy of another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = count(1)

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://seald@/{name}?host={self.folder}"

    def make(self, template: str = "template1") -> str:
        """A new database's name."""
        name = f"t{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """A new database's URL, for as long as it is used."""
        name = self.make(template)
        yield self.url(name)
        self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def bytes_of(self, url: str) -> bytes:
        """All that lies in a database's own files."""
        self.run("CHECKPOINT")
        oid = self.run(f"SELECT oid FROM pg_database WHERE datname = '{make_url(url).database}'")
        return b"".join(file.read_bytes() for file in (self.folder / "data" / "base" / str(oid)).iterdir())

    def run(self, statement: str) -> Any:
        """What a statement of the administrator's gives first."""
        import psycopg

        with psycopg.connect(host=str(self.folder), user="seald", dbname="postgres", autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


@contextmanager
def postgres_server(bin: Path) -> Iterator[PostgresServer]:
    """A server that lives as long as the block. It refuses to run as root, and then runs as nobody."""
    # Short, and not below a folder that only root may enter: the path of a socket has at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="seald-pg-"))
    who: dict[str, Any] = {"cwd": folder}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        who |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    try:
        made = [
            bin / "initdb",
            "--no-sync",
            "--auth=trust",
            "--username=seald",
            "--encoding=UTF8",
            "-D",
            folder / "data",
        ]
        subprocess.run(made, check=True, capture_output=True, **who)
        with (folder / "log").open("wb") as log:
            command = [bin / "postgres", "-D", folder / "data", "-k", folder, *options]
            process = subprocess.Popen(command, stdout=log, stderr=log, **who)
        try:
            _wait(process, folder)
            yield PostgresServer(folder)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(process: subprocess.Popen[bytes], folder: Path) -> None:
    import psycopg

    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            PostgresServer(folder).run("SELECT 1")
            return
        except psycopg.OperationalError:
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.05)
