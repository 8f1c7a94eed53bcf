"""Which vLLM is found, what is wrong with it, and how it is started."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from seald.config import Settings
from seald.errors import ConfigError
from seald.serving.command import engine_commands
from seald.serving.vllm.command import Found, find_vllm, problems, require_vllm

ON_CPU = Found(Path("/opt/vllm/bin/python"), "0.32.0", on_cpu=True)
ON_GPU = Found(Path("/opt/vllm/bin/python"), "0.33.1", on_cpu=False)


def settings(tmp_path: Path, **engine: Any) -> Settings:
    return Settings(data_dir=tmp_path, engine={"kind": "vllm", **engine})


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """An interpreter that says it has vLLM."""
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho \'{"vllm": "0.33.1"}\'\n')
    python.chmod(0o755)
    return python


def test_the_command_names_the_interpreter(tmp_path: Path, installed: Path) -> None:
    assert find_vllm(settings(tmp_path, command=[str(installed)])) == Found(installed, "0.33.1", on_cpu=False)


def test_an_interpreter_without_it(tmp_path: Path) -> None:
    assert find_vllm(settings(tmp_path, command=[sys.executable])) is None
    assert find_vllm(settings(tmp_path, command=["/nowhere/python"])) is None
    wrong = settings(tmp_path, command=[sys.executable])
    with pytest.raises(ConfigError, match="make vllm") as refused:
        require_vllm(wrong, find_vllm(wrong))
    assert refused.value.param == "engine.command"


@pytest.mark.parametrize(
    ("version", "engine", "says"),
    [
        ("0.29.4", {}, "older than 0.30"),
        ("0.32.0", {"max_lora_rank": 48}, "must be one of"),
        ("0.32.0", {"max_lora_rank": 8}, "rank 16 is over"),
        ("1.0.0", {}, None),
        ("0.30rc1", {}, None),
        ("main", {}, None),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, version: str, engine: dict[str, int], says: str | None) -> None:
    found = problems(settings(tmp_path, **engine), Found(Path("python"), version, on_cpu=False))
    assert [says in problem for problem, _ in found] == ([True] if says else [])  # type: ignore[operator]


@pytest.mark.parametrize("found", [ON_CPU, ON_GPU], ids=["cpu", "gpu"])
def test_how_it_is_started(tmp_path: Path, found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seald.serving.command.find_vllm", lambda _: found)
    (made,) = engine_commands(settings(tmp_path, args=["--swap-space", "2"]), Path("/models/m"))
    line = " ".join(made.argv)
    assert line.startswith("/opt/vllm/bin/python -m seald_in_vllm --enable-lora --model /models/m")
    assert line.endswith("--swap-space 2")
    assert "--host 127.0.0.1" in line
    assert ("--dtype float32" in line, "--gpu-memory-utilization 0.6" in line) == (found.on_cpu, not found.on_cpu)
    assert "trust" not in line
    assert made.key
    assert made.key not in line
    environment = dict(made.environment)
    assert environment["VLLM_API_KEY"] == made.key
    assert environment["VLLM_PLUGINS"] == "seald_adapters_on_cpu,seald_adapters_read_again"
    assert environment["HF_HUB_OFFLINE"] == "1"
    assert (Path(environment["PYTHONPATH"]) / "seald_in_vllm" / "__main__.py").is_file()


@pytest.mark.parametrize(
    ("gpu", "there", "kind"), [(True, True, "vllm"), (True, False, "local"), (False, True, "local")]
)
def test_auto_takes_vllm_where_it_is_and_a_gpu(
    tmp_path: Path, gpu: bool, there: bool, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = ON_GPU if there else None
    monkeypatch.setattr("seald.serving.command.has_gpu", lambda: gpu)
    monkeypatch.setattr("seald.serving.command.find_vllm", lambda _: found)
    (made,) = engine_commands(settings(tmp_path, kind="auto"), Path("/models/m"))
    assert made.kind == kind


def test_replicas_are_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has its key, its port, and its device or cores."""
    monkeypatch.setattr("seald.serving.command.find_vllm", lambda _: ON_GPU)
    on_gpus = engine_commands(settings(tmp_path, replicas=2, devices=["2", "3"]), Path("/models/m"))
    assert [dict(made.environment)["CUDA_VISIBLE_DEVICES"] for made in on_gpus] == ["2", "3"]
    assert len({made.key for made in on_gpus}) == len({made.url for made in on_gpus}) == 2
    monkeypatch.setattr("seald.serving.command.find_vllm", lambda _: ON_CPU)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    on_cpu = engine_commands(settings(tmp_path, replicas=2), Path("/models/m"))
    assert [dict(made.environment)["VLLM_CPU_OMP_THREADS_BIND"] for made in on_cpu] == ["0,2", "1,3"]


@pytest.mark.parametrize(
    ("found", "share", "sleeps"), [(ON_GPU, "sleep", True), (ON_GPU, "colocate", False), (ON_CPU, "sleep", False)]
)
def test_it_sleeps_where_it_is_to_and_can(
    tmp_path: Path, found: Found, share: str, sleeps: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seald.serving.command.find_vllm", lambda _: found)
    wanted = Settings.model_validate({"data_dir": tmp_path, "engine": {"kind": "vllm"}, "training": {"share": share}})
    (made,) = engine_commands(wanted, Path("/models/m"))
    assert made.sleeps is sleeps
    assert ("--enable-sleep-mode" in made.argv) is sleeps
