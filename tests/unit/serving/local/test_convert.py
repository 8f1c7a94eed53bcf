from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seald.errors import ModelUnavailable
from seald.serving.local.convert import convert


def test_what_is_no_gguf_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    junk = tmp_path / "junk.gguf"
    junk.write_bytes(b"not a model")
    out = tmp_path / "models" / "out"
    with pytest.raises(ModelUnavailable, match="cannot be read as a model"):
        convert(junk, out)
    assert list(out.parent.iterdir()) == []


def test_what_a_killed_conversion_left_is_cleared(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    stale, under_way = tmp_path / f".out.{ended.pid}", tmp_path / f".out.{os.getppid()}"
    stale.mkdir()
    under_way.mkdir()
    junk = tmp_path / "junk.gguf"
    junk.write_bytes(b"not a model")
    with pytest.raises(ModelUnavailable):
        convert(junk, tmp_path / "out")
    assert not stale.exists()
    assert under_way.exists()


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "seald.serving.local.convert", "--gguf", str(tmp_path / "no.gguf")]
    done = subprocess.run([*argv, "--out", str(tmp_path / "out")], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "is not there" in done.stderr
