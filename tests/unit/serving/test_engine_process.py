from __future__ import annotations

import sys
import time
from pathlib import Path

import structlog

from seald.serving.command import EngineCommand
from seald.serving.engine_process import EngineProcess


def run(folder: Path, source: str) -> EngineProcess:
    argv = (sys.executable, "-c", source)
    process = EngineProcess(EngineCommand(kind="local", url="", key=None, argv=argv), folder / "logs" / "engine.log")
    deadline = time.monotonic() + 10
    while process.exit_code() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.end(patience=1.0)
    return process


def test_what_it_says_is_in_its_log_and_its_warnings_in_ours(tmp_path: Path) -> None:
    said = "print('INFO all well'); print('(EngineCore pid=7) WARNING 11-21 [x.py:1] low'); print('ERROR gone: INFO')"
    with structlog.testing.capture_logs() as ours:
        process = run(tmp_path, said)
    assert process.exit_code() == 0
    assert (tmp_path / "logs" / "engine.log").read_text().count("\n") == 3
    assert [(entry["log_level"], entry["line"].split()[-1]) for entry in ours] == [
        ("warning", "low"),
        ("error", "INFO"),
    ]


def test_of_a_message_of_many_lines_the_first_is_enough(tmp_path: Path) -> None:
    lines = [f"(Worker pid=7) ERROR 11-21 23:51:19 [core.py:1750] {word}" for word in ("failed", "Traceback", "boom")]
    said = "\n".join([*lines, "(Worker pid=7) ERROR 11-21 23:51:20 [core.py:1750] again"])
    with structlog.testing.capture_logs() as ours:
        run(tmp_path, f"print({said!r})")
    assert [entry["line"].split()[-1] for entry in ours] == ["failed", "again"]


def test_lines_of_any_bytes_do_not_stop_the_reading(tmp_path: Path) -> None:
    said = "import sys; sys.stdout.buffer.write(b'\\xff\\xfe' * 200_000 + b'\\nlast\\n')"
    assert run(tmp_path, said).exit_code() == 0
    assert (tmp_path / "logs" / "engine.log").read_text().endswith("\nlast\n")


def test_a_server_of_somebody_else_is_neither_started_nor_ended(tmp_path: Path) -> None:
    process = EngineProcess(EngineCommand(kind="external", url="http://there", key=None), tmp_path / "engine.log")
    assert (process.pid, process.exit_code()) == (None, None)
    process.end(patience=0.0)
