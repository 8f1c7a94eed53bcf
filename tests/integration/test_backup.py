"""A backup is taken while clients ask and a document is learned; a daemon on what is restored answers the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.daemon_process import DaemonProcess
from tests.faults.conftest import start
from tests.faults.test_kills import document
from tests.integration.test_rollback_under_load import Load

__all__ = ["start"]
Start = Callable[..., DaemonProcess]


def seald(environment: dict[str, str], *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "seald", "db", *arguments, "--json"]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


def reply(daemon: DaemonProcess) -> tuple[str, str]:
    """Which version answered, and what."""
    asked = {"model": "seald:default@1", "messages": [{"role": "user", "content": "Where?"}], "temperature": 0}
    answer = daemon.post("/v1/chat/completions", {**asked, "max_tokens": 16})
    return answer.headers["x-seald-adapter"], answer.json()["choices"][0]["message"]["content"]


@pytest.fixture(params=["sqlite", "postgres"])
def databases(request: pytest.FixtureRequest) -> Iterator[list[dict[str, str]]]:
    """Two empty ones, as the settings of a daemon each."""
    if request.param == "sqlite":
        yield [{}, {}]
        return
    with ExitStack() as stack:
        make = request.getfixturevalue("postgres").database
        yield [{"SEALD_DATABASE": stack.enter_context(make())} for _ in range(2)]


def test_a_daemon_on_a_restored_backup_answers_the_same(
    start: Start, databases: list[dict[str, str]], tmp_path: Path
) -> None:
    first = start("data", **databases[0])
    first.teach(document(1))
    learning = first.post("/v1/documents", document(2)).json()["adaptation"]
    with Load(first) as load:
        made = seald(databases[0], "backup", str(tmp_path / "saved"), "--data-dir", str(first.data_dir))
    assert made["left_out"] == {} and made["files"] >= 4
    assert {status for status, _, _ in load.replies} == {200}
    told = reply(first)
    assert first.stop() == 0
    seald(databases[1], "restore", str(tmp_path / "saved"), "--data-dir", str(tmp_path / "again"))
    second = start("again", **databases[1])
    assert reply(second) == told
    assert told[0] == "default@1"
    assert second.finish(learning)["status"] == "promoted"
    versions = second.get("/v1/adapters/default")["data"]
    assert [(v["version"], v["live"]) for v in versions] == [(1, False), (2, True)]
    assert all(second.get(f"/v1/adapters/default/{n}", verify="true")["verified"] for n in (1, 2))
    back = second.post("/v1/adapters/default/rollback", {})
    assert back.json()["live"] == "default@1"
    assert second.stop() == 0
