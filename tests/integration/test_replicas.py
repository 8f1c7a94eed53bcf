"""Several engines behind one daemon: each holds what is live before it is asked, and one may die under load."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.daemon_process import DaemonProcess
from tests.faults.conftest import LENIENT
from tests.faults.test_kills import document

CLIENTS = 4


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[DaemonProcess]:
    environment = {
        **LENIENT,
        "SEALD_MODEL__NAME": str(tiny_model),
        "SEALD_ENGINE__KIND": "local",
        "SEALD_ENGINE__REPLICAS": "2",
    }
    daemon = DaemonProcess(tmp_path_factory.mktemp("pair"), environment).start()
    until_all_serve(daemon)
    for n in (1, 2):
        daemon.teach(document(n))
    yield daemon
    assert daemon.stop() == 0


def until_all_serve(daemon: DaemonProcess) -> None:
    deadline = time.monotonic() + 300
    while not all(replica["ready"] for replica in daemon.replicas()):
        assert time.monotonic() < deadline, daemon.replicas()
        time.sleep(0.2)


def test_each_engine_holds_what_is_live(pair: DaemonProcess) -> None:
    found = pair.replicas()
    assert len({replica["pid"] for replica in found}) == 2
    assert all("default@2" in replica["loaded"] for replica in found)


def test_an_engine_that_dies_is_done_without_and_comes_back_up_to_date(pair: DaemonProcess) -> None:
    """The version that is live when it comes back is not the one that was when it died."""
    answers: Counter[tuple[int, str]] = Counter()
    over = threading.Event()

    def ask() -> None:
        body = {"model": "seald", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8}
        with httpx.Client(base_url=pair.url, timeout=120) as client:
            while not over.is_set():
                answer = client.post("/v1/chat/completions", json=body)
                answers[answer.status_code, answer.headers.get("x-seald-adapter", "")] += 1

    clients = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        victim = pair.replicas()[1]
        psutil.Process(victim["pid"]).kill()
        while pair.replicas()[1]["ready"]:
            time.sleep(0.05)
        assert pair.get("/v1/status")["engine"]["ready"]
        assert pair.post("/v1/adapters/default/rollback", {"to": 1}).status_code == 200
        until_all_serve(pair)
        back = pair.replicas()[1]
        time.sleep(1)
    finally:
        over.set()
        for client in clients:
            client.join()
    assert back["pid"] != victim["pid"]
    assert "default@1" in back["loaded"]
    # What the dead engine was answering is lost, at most one request a client; all others are answered.
    lost = sum(count for (status, _), count in answers.items() if status != 200)
    assert lost <= CLIENTS, answers
    assert answers[200, "default@2"] and answers[200, "default@1"]
