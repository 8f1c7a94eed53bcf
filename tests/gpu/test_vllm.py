"""vLLM and the trainer on one GPU: `pytest tests/gpu -m gpu -s`. Figures are printed, behaviour is asserted.

The real embedded model, since vLLM's kernels on a GPU want heads and layers of usual sizes.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from seald.config import Settings
from seald.serving.vllm.command import find_vllm
from tests.daemon_process import FINAL, DaemonProcess
from tests.faults.conftest import LENIENT
from tests.faults.test_kills import document
from tests.integration.test_vllm import scores

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(shutil.which("nvidia-smi") is None, reason="there is no NVIDIA driver here"),
]

VERSIONS = (1, 2, 3)
PINNED = "seald:default@1"
SLACK_MIB = 256
"""The engine's own coming and going; a trainer that stays has at least its CUDA context, which is larger."""
POLL_SECONDS = 0.1


def used_mib() -> int:
    """Memory in use on the first GPU, by all processes."""
    query = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits", "--id=0"]
    return int(subprocess.run(query, capture_output=True, text=True, check=True).stdout.split()[0])


class Watch:
    """Samples of the memory in use, and of something else, while a block runs."""

    def __init__(self, also: Callable[[], Any] = lambda: None) -> None:
        self.samples: list[tuple[int, Any]] = []
        self._also = also
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(POLL_SECONDS):
            self.samples.append((used_mib(), self._also()))


def start(folder: Path, **more: str) -> DaemonProcess:
    if find_vllm(Settings()) is None:
        pytest.skip("there is no vLLM: run `make vllm`")
    environment = {**LENIENT, "SEALD_ENGINE__KIND": "vllm", "SEALD_ENGINE__KEEP_LOADED": "1", **more}
    return DaemonProcess(folder, environment).start()


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    daemon = start(tmp_path_factory.mktemp("colocate"), SEALD_TRAINING__SHARE="colocate")
    for n in VERSIONS:
        daemon.teach(document(n))
    yield daemon
    assert daemon.stop() == 0


def first_token(daemon: DaemonProcess, model: str) -> tuple[float, str]:
    """Seconds to the first event of a stream, and the version that answers it."""
    began = time.perf_counter()
    asked = {"model": model, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8, "stream": True}
    with httpx.stream("POST", f"{daemon.url}/v1/chat/completions", json=asked, timeout=120) as answer:
        assert answer.status_code == 200, answer.read()
        next(line for line in answer.iter_lines() if line.startswith("data: {"))
        return time.perf_counter() - began, answer.headers["x-seald-adapter"]


def let_go_of_the_first(daemon: DaemonProcess) -> None:
    """Versions 3 (live) and 2 stay, so that version 1 has to be loaded."""
    scores(daemon, "seald:default@2")
    assert daemon.post("/v1/adapters/default/rollback", {"to": VERSIONS[-1]}).status_code == 200
    assert "default@1" not in daemon.engine()["loaded"]


def test_an_adapter_is_loaded_while_the_engine_serves(taught: DaemonProcess) -> None:
    cold = []
    for _ in range(5):
        let_go_of_the_first(taught)
        seconds, label = first_token(taught, PINNED)
        assert label == "default@1"
        assert "default@1" in taught.engine()["loaded"]
        cold.append(seconds)
    warm = [first_token(taught, PINNED)[0] for _ in cold]
    print(f"\nfirst token, adapter to be loaded: {shown(cold)}; resident: {shown(warm)}")


def test_from_a_rollbacks_decision_to_its_first_token(taught: DaemonProcess) -> None:
    taken: dict[str, list[float]] = {"to be loaded": [], "resident": []}
    for _ in range(5):
        let_go_of_the_first(taught)
        for how, to in (("to be loaded", 1), ("resident", VERSIONS[-1])):
            began = time.perf_counter()
            assert taught.post("/v1/adapters/default/rollback", {"to": to}).status_code == 200
            assert first_token(taught, "seald")[1] == f"default@{to}"
            taken[how].append(time.perf_counter() - began)
    print("\nrollback to first token: " + "; ".join(f"{how} {shown(seconds)}" for how, seconds in taken.items()))


def test_the_trainers_memory_is_given_back(taught: DaemonProcess) -> None:
    before = used_mib()
    with Watch() as watch:
        taught.teach(document(9))
    deadline = time.monotonic() + 30
    while (after := used_mib()) > before + SLACK_MIB and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    peak = max(used for used, _ in watch.samples)
    print(f"\nGPU memory before a job {before} MiB, at most during it {peak} MiB, after it {after} MiB")
    assert peak > before + SLACK_MIB, "the trainer was not on the GPU: is its torch built for CUDA?"
    assert after <= before + SLACK_MIB


@pytest.mark.parametrize(("wait_seconds", "statuses"), [("1", {200, 503}), ("600", {200})], ids=["refused", "waits"])
def test_the_engine_sleeps_while_the_trainer_works(tmp_path: Path, wait_seconds: str, statuses: set[int]) -> None:
    daemon = start(tmp_path, SEALD_TRAINING__SHARE="sleep", SEALD_ENGINE__WAIT_SECONDS=wait_seconds)
    try:
        daemon.teach(document(1))
        said, pid, before = scores(daemon, PINNED), daemon.engine()["pid"], used_mib()
        adaptation: str = daemon.post("/v1/documents", document(2)).json()["adaptation"]
        with Watch(daemon.engine) as watch:
            answer = asked_in_its_sleep(daemon, adaptation)
            assert daemon.finish(adaptation)["status"] == "promoted"
        asleep = [used for used, engine in watch.samples if "sleeping" in engine["detail"]]
        print(f"\nGPU memory awake {before} MiB, asleep {min(asleep)} to {max(asleep)} MiB")
        assert all(not engine["ready"] for _, engine in watch.samples if "sleeping" in engine["detail"])
        assert min(asleep) < before / 2
        assert answer.status_code in statuses
        assert answer.status_code == 200 or "retry-after" in answer.headers
        daemon.wait_ready()
        assert daemon.engine()["pid"] == pid
        assert scores(daemon, PINNED) == pytest.approx(said, abs=0.05)
        assert first_token(daemon, "seald")[1] == "default@2"
    finally:
        assert daemon.stop() == 0


def asked_in_its_sleep(daemon: DaemonProcess, adaptation: str) -> httpx.Response:
    """Wait until the engine sleeps and ask it something."""
    while "sleeping" not in daemon.engine()["detail"]:
        assert daemon.get(f"/v1/adaptations/{adaptation}")["status"] not in FINAL, "the engine never slept"
        time.sleep(POLL_SECONDS)
    body = {"model": PINNED, "prompt": "Hello", "max_tokens": 4}
    return daemon.post("/v1/completions", body, timeout=600)


def shown(seconds: list[float]) -> str:
    return f"{min(seconds) * 1000:.0f} to {max(seconds) * 1000:.0f} ms"
