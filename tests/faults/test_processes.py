"""Engine, trainer and daemon stopped and killed in the middle of their work; and what a hundred clients do at once."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.daemon_process import DaemonProcess
from tests.faults.conftest import LENIENT
from tests.faults.sound import CHAT, Folder, assert_sound
from tests.faults.test_kills import children, document

AT_ONCE = 100
DOWN_SECONDS = 30.0
DIVERGING = {"SEALD_RECIPES__DEFAULT__WEIGHT_DECAY": "1e30"}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[DaemonProcess]:
    environment = {**LENIENT, "SEALD_MODEL__NAME": str(tiny_model), "SEALD_TRAINING__CHECKPOINT_SECONDS": "0.5"}
    running = DaemonProcess(tmp_path_factory.mktemp("processes"), environment).start()
    yield running
    if running.process is not None and running.process.poll() is None:
        running.kill()


def trainer(daemon: DaemonProcess, besides: int = 0) -> psutil.Process:
    """The one that is at work now, not that of the process id `besides`."""
    while True:
        for child in children(daemon, "seald.training"):
            if child.pid != besides:
                return child
        time.sleep(0.01)


def test_a_document_that_a_hundred_send_at_once_is_learned_once_whoever_dies_meanwhile(daemon: DaemonProcess) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda _: daemon.post("/v1/documents", document(1)), range(AT_ONCE)))
    assert Counter(answer.status_code for answer in answers) == {202: 1, 200: AT_ONCE - 1}
    assert len({(answer.json()["id"], answer.json()["adaptation"]) for answer in answers}) == 1
    adaptation = answers[0].json()["adaptation"]
    first = trainer(daemon)
    first.kill()
    trainer(daemon, besides=first.pid)
    assert daemon.process is not None
    daemon.process.terminate()
    time.sleep(0.05)
    daemon.kill()
    daemon.start()
    assert daemon.finish(adaptation)["status"] == "promoted"
    events = daemon.get(f"/v1/adaptations/{adaptation}/events", limit=1000)["data"]
    (death,) = [event["data"] for event in events if event["type"] == "trainer_killed"]
    assert (death["attempt"], "SIGKILL" in death["message"]) == (1, True)
    assert_sound(daemon, Folder(daemon).documents())


def test_a_trainer_that_outlives_its_daemon_changes_nothing_any_more(daemon: DaemonProcess) -> None:
    adaptation = daemon.post("/v1/documents", document(2)).json()["adaptation"]
    left = trainer(daemon)
    left.suspend()
    daemon.kill()
    daemon.start()
    assert daemon.finish(adaptation)["status"] == "promoted"
    assert left.status() == psutil.STATUS_STOPPED
    files = written(daemon)
    left.resume()
    assert psutil.wait_procs([left], timeout=30)[1] == []
    assert written(daemon) == files
    assert_sound(daemon, Folder(daemon).documents())


def test_weights_that_diverge_fail_their_job_and_change_nothing(daemon: DaemonProcess) -> None:
    live = Folder(daemon).live()
    assert daemon.stop() == 0
    daemon.environment |= DIVERGING
    daemon.start()
    adaptation = daemon.post("/v1/documents", document(3)).json()["adaptation"]
    ended = daemon.finish(adaptation)
    assert (ended["status"], ended["error"]["code"]) == ("failed", "diverged")
    assert (
        "nan" in ended["error"]["message"] or "inf" in ended["error"]["message"] or "NaN" in ended["error"]["message"]
    )
    assert (Folder(daemon).live(), chat(daemon).headers["x-seald-adapter"]) == (live, live)
    for name in DIVERGING:
        del daemon.environment[name]
    daemon.post("/v1/documents", document(3))
    trainer(daemon).suspend()
    assert daemon.stop() == 0, "it does not wait for a trainer that says nothing"
    daemon.start()
    assert daemon.finish(daemon.post("/v1/documents", document(3)).json()["adaptation"])["status"] == "promoted"
    assert_sound(daemon, Folder(daemon).documents())


def written(daemon: DaemonProcess) -> dict[Path, bytes]:
    """All that trainers write to."""
    places = (daemon.data_dir / "adapters", daemon.data_dir / "work")
    return {file: file.read_bytes() for place in places for file in place.rglob("*") if file.is_file()}


def chat(daemon: DaemonProcess) -> httpx.Response:
    return daemon.post("/v1/chat/completions", CHAT)


def streamed(daemon: DaemonProcess, begun: Callable[[], Any]) -> list[str]:
    """The events of a long answer; `begun` is called with the first of them."""
    events: list[str] = []
    asked = {**CHAT, "max_tokens": 1900, "stream": True}
    with httpx.stream("POST", f"{daemon.url}/v1/chat/completions", json=asked, timeout=120) as answer:
        assert answer.status_code == 200
        for line in answer.iter_lines():
            if line.startswith("data: "):
                events.append(line.removeprefix("data: "))
                if len(events) == 3:
                    begun()
    return events


def wait_down(daemon: DaemonProcess) -> None:
    deadline = time.monotonic() + DOWN_SECONDS
    while httpx.get(f"{daemon.url}/readyz", timeout=5).status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def assert_refused_at_once(daemon: DaemonProcess) -> None:
    """Ready no more, alive all the same; who asks is told to come again."""
    answer = chat(daemon)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "engine_unavailable"), answer.text
    assert int(answer.headers["retry-after"]) > 0
    assert httpx.get(f"{daemon.url}/livez", timeout=5).status_code == 200


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_an_engine_that_dies_or_hangs_in_the_middle_of_an_answer(daemon: DaemonProcess, number: signal.Signals) -> None:
    pid, live = daemon.engine()["pid"], Folder(daemon).live()
    with ThreadPoolExecutor(1) as pool:
        stream = pool.submit(streamed, daemon, lambda: os.kill(pid, number))
        wait_down(daemon)
        assert_refused_at_once(daemon)
        events = stream.result(timeout=90)
    assert json.loads(events[-1])["error"]["code"] == "engine_unavailable"
    assert "[DONE]" not in events
    daemon.wait_ready()
    assert daemon.engine()["pid"] != pid
    answer = chat(daemon)
    assert (answer.status_code, answer.headers["x-seald-adapter"]) == (200, live)
