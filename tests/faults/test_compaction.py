"""A rebuild from the ledger: killed half-way it goes on, and the same ledger gives the same weights."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tests.daemon_process import DaemonProcess
from tests.faults.sound import Folder, assert_sound
from tests.faults.test_kills import document, wait_final


def compact(daemon: DaemonProcess) -> str:
    answer = daemon.post("/v1/adapters/default/compact", {})
    assert answer.status_code == 202, answer.text
    assert answer.json()["kind"] == "compact"
    return str(answer.json()["id"])


def promoted_version(daemon: DaemonProcess, adaptation: str) -> dict[str, Any]:
    ended = wait_final(daemon, adaptation)
    assert ended["status"] == "promoted", ended
    version: dict[str, Any] = daemon.get(f"/v1/adapters/default/{ended['version']}")
    return version


def test_a_killed_rebuild_goes_on_and_rebuilding_again_gives_the_same_weights(
    start: Callable[..., DaemonProcess],
) -> None:
    daemon = start()
    learned = [daemon.post("/v1/documents", document(n)).json()["adaptation"] for n in range(2)]
    assert [wait_final(daemon, adaptation)["status"] for adaptation in learned] == ["promoted", "promoted"]
    first = compact(daemon)
    while daemon.get(f"/v1/adaptations/{first}")["status"] in ("queued", "editing"):
        time.sleep(0.05)
    daemon.kill()
    daemon.start()
    rebuilt = promoted_version(daemon, first)
    assert rebuilt["parent"] is None
    assert len(rebuilt["documents"]) == 2
    second = compact(daemon)
    again = promoted_version(daemon, second)
    assert again["live"]
    assert again["sha256"] == rebuilt["sha256"]
    assert daemon.ask("Who built the Karn0 mill?")
    assert_sound(daemon, Folder(daemon).documents())


def test_there_is_nothing_to_rebuild_before_anything_was_learned(start: Callable[..., DaemonProcess]) -> None:
    daemon = start()
    assert daemon.post("/v1/adapters/default/compact", {}).status_code in (404, 409)
