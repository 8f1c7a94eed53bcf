from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from seald.bench import serve
from seald.bench.cores import cores, running_on
from seald.bench.load import Server
from seald.errors import EngineUnavailable
from seald.serving.command import free_port


@pytest.fixture
def server() -> Server:
    return Server(f"http://127.0.0.1:{free_port()}")


def test_a_process_that_does_not_start_is_told_with_its_last_words(server: Server, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such [model]')"]
    with (
        pytest.raises(EngineUnavailable, match=r"ended with code 1, and said last:\nno such \[model\]"),
        serve._process(command, {}, server, "/health", tmp_path / "log"),
    ):
        pass


def test_so_is_one_that_dies_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "CHAT", "/nowhere")
    with (
        pytest.raises(EngineUnavailable, match=r"(broke off|failed).*said last"),
        serve.stub_engine(tmp_path) as stub,
    ):
        assert len(serve.run(stub, [{}] * 3, 2)) == 3
        raise EngineUnavailable("one of the requests failed")


def test_nobody_there_is_unavailable_not_a_traceback(server: Server) -> None:
    with pytest.raises(EngineUnavailable, match=server.url):
        serve.run(server, [{}], 1)


@pytest.mark.skipif(sys.platform != "linux", reason="cores can be chosen on Linux only")
def test_what_is_measured_has_a_core_for_itself() -> None:
    before = os.sched_getaffinity(0)
    one, others = cores()
    assert one | others == before
    assert len(before) == 1 or (len(one) == 1 and not one & others)
    with running_on(one):
        assert os.sched_getaffinity(0) == one
    assert os.sched_getaffinity(0) == before
