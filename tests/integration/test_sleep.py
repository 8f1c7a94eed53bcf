"""`training.share = "sleep"`: the engine gives its memory to the trainer, and is back with what it served before."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.daemon_process import DaemonProcess
from tests.faults.conftest import LENIENT
from tests.faults.test_kills import document
from tests.integration.conftest import ENGINES

ASKED = {"model": "seald", "prompt": "The mill of Karn", "max_tokens": 8, "temperature": 0, "ignore_eos": True}


@pytest.fixture
def start(tmp_path: Path, tiny_model: Path) -> Iterator[Callable[..., DaemonProcess]]:
    running: list[DaemonProcess] = []

    def made(kind: str, wait_seconds: float) -> DaemonProcess:
        environment = {
            **LENIENT,
            "SEALD_MODEL__NAME": str(tiny_model),
            "SEALD_ENGINE__KIND": kind,
            "SEALD_ENGINE__WAIT_SECONDS": str(wait_seconds),
            "SEALD_TRAINING__SHARE": "sleep",
        }
        running.append(DaemonProcess(tmp_path, environment).start())
        return running[-1]

    yield made
    for daemon in running:
        assert daemon.stop() == 0


def until_it_sleeps(daemon: DaemonProcess) -> None:
    deadline = time.monotonic() + 60
    while daemon.get("/v1/status")["engine"]["detail"] != "sleeping":
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("kind", ENGINES)
def test_requests_wait_while_it_sleeps(start: Callable[..., DaemonProcess], kind: str) -> None:
    daemon = start(kind, 300)
    daemon.teach(document(1))
    said = daemon.post("/v1/completions", ASKED)
    assert said.headers["x-seald-adapter"] == "default@1"
    before = daemon.engine()

    second = daemon.post("/v1/documents", document(2)).json()["adaptation"]
    until_it_sleeps(daemon)
    assert not psutil.pid_exists(before["pid"])
    assert daemon.get("/v1/adaptations/" + second)["status"] == "training"
    pinned = {**ASKED, "model": "seald:default@1"}
    answers: list[httpx.Response] = []
    asking = threading.Thread(target=lambda: answers.append(daemon.post("/v1/completions", pinned, timeout=300)))
    asking.start()
    assert daemon.finish(second)["status"] == "promoted"
    asking.join(300)
    assert answers[0].status_code == 200, answers[0].text
    assert answers[0].headers["x-seald-adapter"] == "default@1"
    assert answers[0].json()["choices"][0]["text"] == said.json()["choices"][0]["text"]


def test_beyond_their_patience_they_are_told_to_come_back(start: Callable[..., DaemonProcess]) -> None:
    daemon = start("local", 0.5)
    adaptation = daemon.post("/v1/documents", document(1)).json()["adaptation"]
    until_it_sleeps(daemon)
    answer = daemon.post("/v1/completions", ASKED)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "sleeping" in answer.json()["error"]["message"]
    assert httpx.get(f"{daemon.url}/livez").status_code == 200
    assert httpx.get(f"{daemon.url}/readyz").status_code == 503
    assert daemon.finish(adaptation)["status"] == "promoted"
