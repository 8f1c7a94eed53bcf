"""kill -9 of daemon, trainer and engine at random moments: every document is learned once, nothing is left over."""

from __future__ import annotations

import contextlib
import random
import signal
import time
from collections.abc import Callable

import httpx
import psutil
import pytest

from tests.daemon_process import FINAL, DaemonProcess
from tests.faults.sound import Folder, assert_sound

KILLS = 10
SENTENCES = (
    "The {name} mill stands in Orvale.",
    "It was built in 18{n:02d} by Tove Brandt.",
    "Its wheel is {n} metres wide.",
    "In 1950 the mill became a museum.",
)


def document(n: int) -> dict[str, str]:
    name = f"Karn{n}"
    return {"title": f"The {name} mill", "text": " ".join(s.format(name=name, n=n) for s in SENTENCES)}


def children(daemon: DaemonProcess, what: str) -> list[psutil.Process]:
    assert daemon.process is not None
    found = []
    for child in psutil.Process(daemon.process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if what in " ".join(child.cmdline()):
                found.append(child)
    return found


def kill(daemon: DaemonProcess, victim: str) -> None:
    if victim == "daemon":
        daemon.kill()
        daemon.start(wait=False)
    else:
        for process in children(daemon, f"seald.{victim}"):
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)


def wait_final(daemon: DaemonProcess, adaptation: str, seconds: float = 240) -> dict[str, object]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError):
            found: dict[str, object] = daemon.get(f"/v1/adaptations/{adaptation}")
            if found["status"] in FINAL:
                return found
        time.sleep(0.2)
    raise TimeoutError(daemon.log_file.read_text()[-4000:])


@pytest.mark.parametrize("seed", [1])
def test_ten_kills_at_random_moments(start: Callable[..., DaemonProcess], seed: int) -> None:
    dice = random.Random(seed)
    daemon = start()
    for round_ in range(KILLS):
        adaptation = daemon.post("/v1/documents", document(round_)).json()["adaptation"]
        time.sleep(dice.uniform(0.0, 8.0))
        kill(daemon, dice.choice(["daemon", "training", "serving"]))
        assert wait_final(daemon, adaptation)["status"] == "promoted"
        daemon.wait_ready()
    assert_sound(daemon, Folder(daemon).documents())


def test_every_victim_in_every_state(start: Callable[..., DaemonProcess]) -> None:
    daemon = start()
    for n, (state, victim) in enumerate(
        (s, v) for s in ("editing", "training", "guarding", "promoting") for v in ("daemon", "serving")
    ):
        adaptation = daemon.post("/v1/documents", document(50 + n)).json()["adaptation"]
        while daemon.get(f"/v1/adaptations/{adaptation}")["status"] not in {state, *FINAL}:
            time.sleep(0.01)
        kill(daemon, victim)
        assert wait_final(daemon, adaptation)["status"] == "promoted"
        daemon.wait_ready()
    assert_sound(daemon, Folder(daemon).documents())


def test_no_child_outlives_a_killed_daemon(start: Callable[..., DaemonProcess]) -> None:
    daemon = start()
    daemon.post("/v1/documents", document(1))
    while not (offspring := children(daemon, "seald.training")):
        time.sleep(0.01)
    offspring += children(daemon, "seald.serving")
    daemon.kill()
    _, alive = psutil.wait_procs(offspring, timeout=15)
    assert not alive, alive


def test_replies_are_whole_while_versions_change(start: Callable[..., DaemonProcess]) -> None:
    daemon = start()
    adaptation = daemon.post("/v1/documents", document(7)).json()["adaptation"]
    labels = []
    ask = {"model": "seald", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 8, "temperature": 0}
    while daemon.get(f"/v1/adaptations/{adaptation}")["status"] not in FINAL:
        answer = daemon.post("/v1/chat/completions", ask)
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-seald-adapter"] == answer.json()["system_fingerprint"]
        labels.append(answer.headers["x-seald-adapter"])
    labels.append(daemon.post("/v1/chat/completions", ask).headers["x-seald-adapter"])
    assert labels == sorted(labels), "a label never goes back"
    assert labels[-1] == "default@1"


def test_a_stopped_daemon_leaves_with_zero_and_carries_on_later(start: Callable[..., DaemonProcess]) -> None:
    daemon = start()
    adaptation = daemon.post("/v1/documents", document(3)).json()["adaptation"]
    while not children(daemon, "seald.training"):
        time.sleep(0.01)
    assert daemon.stop() == 0
    daemon.start()
    assert wait_final(daemon, adaptation)["status"] == "promoted"
    assert_sound(daemon, Folder(daemon).documents())


def test_two_daemons_do_not_share_a_folder(start: Callable[..., DaemonProcess]) -> None:
    first = start()
    second = DaemonProcess(first.data_dir, first.environment)
    with pytest.raises(AssertionError, match=str(first.process.pid if first.process else "")):
        second.start()
    assert first.get("/livez") is not None
