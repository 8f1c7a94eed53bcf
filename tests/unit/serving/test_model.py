from __future__ import annotations

from pathlib import Path

import pytest

from seald.config import Model
from seald.errors import ModelUnavailable
from seald.serving.model import resolve_model


def test_a_local_folder(tiny_model: Path, tmp_path: Path) -> None:
    found = resolve_model(Model(name=str(tiny_model)), tmp_path)
    assert found.folder == tiny_model.resolve()
    assert len(found.sha256) == 64


def test_the_hash_follows_the_content(tiny_model: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in tiny_model.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    same = resolve_model(Model(name=str(copy)), tmp_path).sha256
    assert same == resolve_model(Model(name=str(tiny_model)), tmp_path).sha256
    (copy / "config.json").write_text((copy / "config.json").read_text() + " ")
    assert resolve_model(Model(name=str(copy)), tmp_path).sha256 != same


def test_a_torn_memory_of_hashes_is_computed_again(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "hashes.json").write_text('{"a": ')
    assert resolve_model(Model(name=str(tiny_model)), tmp_path).sha256


@pytest.mark.parametrize(
    ("name", "says"),
    [("/no/such/folder", "no such folder"), ("nobody/nothing", "offline"), ("word", "no such folder")],
)
def test_a_wrong_name_says_what_to_do(name: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=says) as error:
        resolve_model(Model(name=name), tmp_path)
    assert error.value.param == "model.name"


def test_an_incomplete_folder_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelUnavailable, match=r"tokenizer\.json, \*\.safetensors"):
        resolve_model(Model(name=str(tmp_path)), tmp_path)
