"""The engine as the supervisor starts it: a child process on a port."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
        return found


@pytest.fixture
def process(tiny_model: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, "-m", "seald.serving.local", "--model", str(tiny_model), "--port", str(port)]
    with subprocess.Popen(
        [*argv, "--threads", "1", "--max-loras", "2", "--exit-with-parent"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "SEALD_ENGINE_KEY": "k"},
    ) as child:
        yield child
        child.kill()


@pytest.fixture
def http(process: subprocess.Popen[bytes], port: int) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"authorization": "Bearer k"}, timeout=30) as client:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            try:
                client.get("/health").raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield client


def test_it_answers_ends_a_given_up_stream_and_exits_on_sigterm(
    process: subprocess.Popen[bytes], http: httpx.Client, adapters: dict[str, Path]
) -> None:
    assert httpx.get(http.base_url.join("/v1/models")).status_code == 401
    loaded = http.post("/v1/load_lora_adapter", json={"lora_name": "a", "lora_path": str(adapters["one"])})
    assert loaded.status_code == 200
    endless = {"model": "a", "prompt": "x", "max_tokens": 2000, "ignore_eos": True, "n": 16, "stream": True}
    with http.stream("POST", "/v1/completions", json=endless) as stream:
        next(stream.iter_lines())
    # All rows of the batch were taken: this one is only answered if those of the closed stream were freed.
    began = time.monotonic()
    answer = http.post("/v1/completions", json={"model": "base", "prompt": "y", "max_tokens": 2})
    assert answer.status_code == 200
    assert time.monotonic() - began < 10
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert process.stdout is not None
    assert b"Traceback" not in process.stdout.read()


def test_it_goes_when_its_parent_does(process: subprocess.Popen[bytes], http: httpx.Client) -> None:
    assert http.get("/version").status_code == 200
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(20) == 0
