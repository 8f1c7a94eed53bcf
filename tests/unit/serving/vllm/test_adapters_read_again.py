"""An adapter that is read again has to be the one that was read first."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pytest

from seald.serving.vllm.command import INSIDE

spec = importlib.util.spec_from_file_location("read_again", INSIDE / "seald_in_vllm" / "adapters_read_again.py")
assert spec is not None
assert spec.loader is not None
inside = importlib.util.module_from_spec(spec)
spec.loader.exec_module(inside)


def request(folder: Path, id: int) -> SimpleNamespace:
    return SimpleNamespace(lora_int_id=id, lora_name=f"seald-{id}", lora_path=str(folder))


@pytest.mark.parametrize("changed", inside.READ)
def test_it_is_not_loaded_when_a_file_is_another(tmp_path: Path, changed: str) -> None:
    for name in inside.READ:
        (tmp_path / name).write_text("honest")
    load = inside.held_to_the_first(lambda _, request: request.lora_name)
    assert [load(None, request(tmp_path, 1)) for _ in range(2)] == ["seald-1"] * 2
    (tmp_path / changed).write_text("tampered")
    with pytest.raises(RuntimeError, match="seald-1 changed"):
        load(None, request(tmp_path, 1))
    assert load(None, request(tmp_path, 2)) == "seald-2"
