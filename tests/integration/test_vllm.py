"""What could go wrong with vLLM: mixed batches, its prefix cache, a death in the middle, files tampered with."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from tests.daemon_process import DaemonProcess
from tests.integration.conftest import taught_daemon

VERSIONS = (1, 2, 3)
MODELS = ("base", *(f"seald:default@{n}" for n in VERSIONS))
LONG = "The mill of Karn stands by the river, and whoever asks about it is told the same story. " * 4


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[DaemonProcess]:
    environment = {"SEALD_ENGINE__KIND": "vllm", "SEALD_ENGINE__KEEP_LOADED": "2"}
    with taught_daemon(tmp_path_factory.mktemp("vllm"), tiny_model, VERSIONS, environment) as daemon:
        yield daemon


def scores(daemon: DaemonProcess, model: str, text: str = LONG) -> list[float]:
    """Log-probabilities of the text's tokens: they tell versions apart where greedy words may not."""
    body = {"model": model, "prompt": text, "max_tokens": 0, "echo": True, "logprobs": 0}
    answer = daemon.post("/v1/completions", body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-seald-adapter"] == model.removeprefix("seald:")
    found: list[float] = answer.json()["choices"][0]["logprobs"]["token_logprobs"][1:]
    return found


def said(daemon: DaemonProcess, model: str) -> tuple[str, list[float]]:
    """The words of a greedy answer behind a long prompt, which the prefix cache keeps, and their log-probabilities."""
    body = {"model": model, "prompt": LONG, "max_tokens": 12, "temperature": 0, "logprobs": 1, "ignore_eos": True}
    answer = daemon.post("/v1/completions", body)
    assert answer.status_code == 200, answer.text
    choice = answer.json()["choices"][0]
    return choice["text"], choice["logprobs"]["token_logprobs"]


def test_versions_in_one_batch_say_what_each_says_alone(taught: DaemonProcess) -> None:
    alone = {model: scores(taught, model) for model in MODELS}
    assert len({round(sum(values), 2) for values in alone.values()}) == len(MODELS)
    with ThreadPoolExecutor(16) as pool:
        mixed = list(pool.map(lambda model: (model, scores(taught, model)), MODELS * 6))
    for model, found in mixed:
        assert found == pytest.approx(alone[model], abs=1e-3), model


def test_the_prefix_cache_keeps_versions_apart(taught: DaemonProcess) -> None:
    """Behind a prompt that is cached under every version, each goes on as it does where the prompt is read anew."""
    for model in (*MODELS, *reversed(MODELS)):
        text, cached = said(taught, model)
        read_anew = scores(taught, model, LONG + text)[-len(cached) :]
        assert cached == pytest.approx(read_anew, abs=1e-3), model


def test_a_pinned_version_is_loaded_on_demand(taught: DaemonProcess) -> None:
    for n in VERSIONS:
        scores(taught, f"seald:default@{n}")
    loaded = taught.engine()["loaded"]
    assert f"default@{VERSIONS[-1]}" in loaded
    assert len(loaded) <= 3  # the live one, and two idle ones


def test_tampered_weights_never_reach_the_engine(taught: DaemonProcess) -> None:
    file = taught.data_dir / "adapters" / "default" / "1" / "adapter_model.safetensors"
    for n in (2, 3):
        scores(taught, f"seald:default@{n}")
    taught.post("/v1/adapters/default/rollback", {"to": 2})
    taught.post("/v1/adapters/default/rollback", {"to": 3})
    whole = file.read_bytes()
    restart_engine(taught)
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        answer = taught.post("/v1/completions", {"model": "seald:default@1", "prompt": "x", "max_tokens": 1})
        assert answer.status_code >= 500
        assert "default@1" not in taught.engine()["loaded"]
    finally:
        file.write_bytes(whole)
    scores(taught, "seald:default@1")


def test_an_engine_that_dies_comes_back_as_it_was(taught: DaemonProcess) -> None:
    before = {model: scores(taught, model) for model in ("base", "seald:default@3")}
    restart_engine(taught)
    for model, found in before.items():
        assert scores(taught, model) == pytest.approx(found, abs=1e-3)


def test_the_engine_leaves_with_the_daemon(tmp_path: Path, tiny_model: Path) -> None:
    daemon = DaemonProcess(tmp_path, {"SEALD_MODEL__NAME": str(tiny_model), "SEALD_ENGINE__KIND": "vllm"}).start()
    assert daemon.process is not None
    children = psutil.Process(daemon.process.pid).children(recursive=True)
    daemon.kill()
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not alive


def restart_engine(daemon: DaemonProcess) -> None:
    """Kill it, see that the daemon says so and lives on, and wait until it is back."""
    psutil.Process(daemon.engine()["pid"]).kill()
    deadline = time.monotonic() + 20
    while httpx.get(f"{daemon.url}/readyz").status_code == 200 and time.monotonic() < deadline:
        time.sleep(0.05)
    refused = daemon.post("/v1/completions", {"model": "seald", "prompt": "x", "max_tokens": 1})
    assert (refused.status_code, refused.headers.get("retry-after") is not None) == (503, True)
    assert httpx.get(f"{daemon.url}/livez").status_code == 200
    daemon.wait_ready()
