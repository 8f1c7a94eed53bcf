"""A daemon whose database is a real Postgres server: it learns, is killed, serves, rolls back, and is the only one."""

from __future__ import annotations

from collections.abc import Callable

from tests.daemon_process import DaemonProcess
from tests.faults.conftest import start
from tests.faults.test_kills import document
from tests.postgres_server import PostgresServer

__all__ = ["start"]


def label(daemon: DaemonProcess) -> str:
    body = {"model": "seald", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4}
    return daemon.post("/v1/chat/completions", body).headers["x-seald-adapter"]


def test_a_daemon_on_postgres(start: Callable[..., DaemonProcess], postgres: PostgresServer) -> None:
    with postgres.database() as url:
        daemon = start("data", SEALD_DATABASE=url)
        daemon.teach(document(1))
        assert label(daemon) == "default@1"
        other = DaemonProcess(daemon.data_dir.with_name("other"), daemon.environment).start(wait=False)
        assert other.process is not None and other.process.wait(60) == 1
        assert "the database is in use by seald, process" in other.log_file.read_text()
        daemon.kill()
        daemon.start()
        assert label(daemon) == "default@1"
        assert daemon.post("/v1/adapters/default/rollback", {"reason": "test"}).json()["live"] == "base"
        assert label(daemon) == "base"
        assert daemon.stop() == 0
        assert not (daemon.data_dir / "seald.db").exists()
