"""The disk full, the database held by somebody else, bytes flipped: what can go on goes on, the rest waits, and nothing
is lost."""

from __future__ import annotations

import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from seald.domain.adapter import WEIGHTS
from tests.daemon_process import DaemonProcess
from tests.faults.conftest import LENIENT
from tests.faults.sound import CHAT, Folder, assert_sound
from tests.faults.test_kills import document

MEBIBYTE = 2**20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        pytest.skip("only root makes a disk to fill")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[DaemonProcess]:
    """With two versions."""
    environment = {**LENIENT, "SEALD_MODEL__NAME": str(tiny_model)}
    daemon = DaemonProcess(tmp_path_factory.mktemp("disk"), environment).start()
    for n in (1, 2):
        daemon.teach(document(n))
    yield daemon
    if daemon.process is not None and daemon.process.poll() is None:
        daemon.kill()


def send(daemon: DaemonProcess, n: int) -> tuple[str, str]:
    """The ids of a document and of its adaptation."""
    answer = daemon.post("/v1/documents", document(n))
    assert answer.status_code == 202, answer.text
    return answer.json()["id"], answer.json()["adaptation"]


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of what may be tried again later."""
    assert int(answer.headers["retry-after"]) > 0
    return answer.status_code, answer.json()["error"]["code"]


def fill(place: Path) -> Path:
    """To the last byte."""
    filler = place / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (MEBIBYTE, 4096, 1):
            try:
                while file.write(b"\0" * size) == size:
                    pass
            except OSError:
                continue
    return filler


@contextmanager
def held(daemon: DaemonProcess) -> Iterator[None]:
    """While it lasts, somebody else writes to the database."""
    with closing(sqlite3.connect(daemon.data_dir / "seald.db", isolation_level=None, timeout=60)) as database:
        database.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            database.execute("ROLLBACK")


def state(daemon: DaemonProcess, adaptation: str) -> str:
    return str(daemon.get(f"/v1/adaptations/{adaptation}")["status"])


def test_on_a_full_disk_chat_goes_on_uploads_are_refused_and_jobs_wait(
    small_disk: Path, start: Callable[..., DaemonProcess]
) -> None:
    """The daemon's own log lies there, too."""
    daemon = start("disk/data")
    first, taught = send(daemon, 1)
    daemon.finish(taught)
    second, waits = send(daemon, 2)
    while state(daemon, waits) != "training":
        time.sleep(0.02)
    with closing(sqlite3.connect(daemon.data_dir / "seald.db", timeout=60)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # else the log has room for a while
    filler = fill(small_disk)
    assert refusal(daemon.post("/v1/documents", document(3))) == (507, "insufficient_storage")
    for _ in range(8):
        answer = daemon.post("/v1/chat/completions", CHAT)
        assert (answer.status_code, answer.headers["x-seald-adapter"]) == (200, "default@1"), answer.text
        assert daemon.get("/livez")["status"] == "ok"
        assert state(daemon, waits) == "training"
        time.sleep(1)
    filler.unlink()
    third, later = send(daemon, 3)
    assert [daemon.finish(each)["status"] for each in (waits, later)] == ["promoted", "promoted"]
    assert_sound(daemon, [first, second, third])
    assert daemon.stop() == 0


def test_a_database_that_somebody_else_holds_is_waited_for_half_a_minute(taught: DaemonProcess) -> None:
    with ThreadPoolExecutor(1) as pool, held(taught):
        waiting = pool.submit(send, taught, 3)
        for _ in range(3):
            assert taught.ask("Hello", max_tokens=4) is not None
            time.sleep(1)
        assert not waiting.done()
    document_id, adaptation = waiting.result()
    assert taught.finish(adaptation)["status"] == "promoted"
    with held(taught):
        assert refusal(taught.post("/v1/documents", document(4))) == (503, "store_error")
        assert taught.get("/livez")["status"] == "ok"
        assert taught.ask("Hello", max_tokens=4) is not None
    assert document_id in Folder(taught).documents()
    assert taught.finish(send(taught, 4)[1])["status"] == "promoted"


def test_flipped_bytes_are_quarantined_and_what_is_whole_serves(taught: DaemonProcess) -> None:
    def answer(model: str) -> httpx.Response:
        return taught.post("/v1/chat/completions", {**CHAT, "model": model})

    def quarantined() -> list[dict[str, Any]]:
        return list(taught.get("/v1/status")["engine"]["quarantined"])

    live = Folder(taught).live()
    weights = taught.data_dir / "adapters" / live.replace("@", "/") / WEIGHTS
    whole = weights.read_bytes()
    assert taught.stop() == 0
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    taught.start()
    assert refusal(answer("seald")) == (503, "engine_unavailable")
    assert answer("base").status_code == 200
    assert [(found["version"], WEIGHTS in found["reason"]) for found in quarantined()] == [(live, True)]
    assert taught.post("/v1/adapters/default/rollback", {"to": 1}).status_code == 200
    assert answer("seald").headers["x-seald-adapter"] == "default@1"
    number = int(live.partition("@")[2])
    assert taught.post("/v1/adapters/default/rollback", {"to": number}).status_code == 500
    weights.write_bytes(whole)
    assert taught.post("/v1/adapters/default/rollback", {"to": number}).status_code == 200
    assert answer("seald").headers["x-seald-adapter"] == live
    assert quarantined() == []
    assert_sound(taught, Folder(taught).documents())
