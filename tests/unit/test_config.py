from __future__ import annotations

from pathlib import Path

import pytest

from seald.config import SEAL_V1, Recipe, load_settings
from seald.errors import ConfigError


def write(folder: Path, text: str) -> Path:
    file = folder / "seald.toml"
    file.write_text(text)
    return file


def test_the_command_line_goes_over_variables_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path, "[server]\nport = 1\nhost = '127.0.0.2'")
    assert load_settings(file).server.port == 1
    monkeypatch.setenv("SEALD_SERVER__PORT", "2")
    assert load_settings(file).server.port == 2
    settings = load_settings(file, server__port=3)
    assert (settings.server.port, settings.server.host) == (3, "127.0.0.2")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[server]\nprot = 1", "server.prot"),
        ("[server]\nport = 'x'", "server.port"),
        ("nonsense = 1", "nonsense"),
        ("[training]\nrecipe = 'none'", "training.recipe"),
        ("[recipes.default]\nepochs = 0", "recipes.default.epochs"),
        ("[compaction]\nevery = -1", "compaction.every"),
        ("[compaction]\ngeneral_share = 0", "compaction.general_share"),
        ("[engine]\nreplicas = 2\ndevices = ['0']", "engine"),
        ("[engine]\nkind = 'external'\n[training]\nshare = 'sleep'", "training.share"),
        ("[policy.retrain]\nschedule = '0 3 * *'", "policy.retrain.schedule"),
        ("[policy.retrain]\nschedule = '0 3 * * 0'", "weekdays go by name"),
        ("[server\n", "not valid TOML"),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(ConfigError, match=key):
        load_settings(write(tmp_path, text))


def test_an_external_engine_is_one_address_or_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    several = load_settings(write(tmp_path, "[engine]\nurl = ['http://a:1/', 'http://b:1']"))
    assert several.engine.urls == ("http://a:1", "http://b:1")
    monkeypatch.setenv("SEALD_ENGINE__URL", "http://c:1")
    assert load_settings(None).engine.urls == ("http://c:1",)
    monkeypatch.setenv("SEALD_ENGINE__URL", '["http://c:1", "http://d:1"]')
    assert load_settings(None).engine.urls == ("http://c:1", "http://d:1")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no\.toml"):
        load_settings(tmp_path / "no.toml")


def test_a_folder_and_a_file_that_cannot_be_read_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=f"{tmp_path} cannot be read"):
        load_settings(tmp_path)

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(ConfigError, match="Permission denied"):
        load_settings(tmp_path / "seald.toml")


def test_the_shipped_file_loads() -> None:
    assert load_settings(Path(__file__).parent.parent.parent / "seald.toml").recipe.rank == 16


def test_recipes_are_presets_that_a_file_changes_or_adds_to(tmp_path: Path) -> None:
    file = tmp_path / "seald.toml"
    file.write_text("[recipes.seal-v1]\nepochs = 3\n[recipes.long]\nepochs = 9\n[training]\nrecipe = 'long'\n")
    settings = load_settings(file)
    assert settings.recipe == Recipe(epochs=9)
    assert settings.recipes["default"] == Recipe()
    changed = settings.recipes["seal-v1"]
    assert changed == SEAL_V1.model_copy(update={"epochs": 3})
    assert (changed.target_modules, changed.pad_to) == (("q_proj", "v_proj"), 2048)


def test_a_wrong_key_of_a_preset_is_named(tmp_path: Path) -> None:
    file = tmp_path / "seald.toml"
    file.write_text("[recipes.seal-v1]\nepoch = 3\n")
    with pytest.raises(ConfigError, match=r"recipes\.seal-v1\.epoch"):
        load_settings(file)


def test_a_repair_keeps_the_proportion_of_replay_and_replies_and_is_all_replies_without_replay() -> None:
    recipe = Recipe(replay_fraction=0.4, general_fraction=0.1, repair_fraction=0.75, learning_rate=1e-3)
    repair, alone = recipe.for_repair(), recipe.for_repair(replays=False)
    assert (repair.replay_fraction, repair.general_fraction) == pytest.approx((0.6, 0.15))
    assert (alone.replay_fraction, alone.general_fraction) == (0.0, 0.75)
    assert (repair.epochs, alone.epochs, alone.learning_rate) == (1, 1, 5e-4)


@pytest.mark.parametrize(
    ("host", "url"), [("127.0.0.1", "http://127.0.0.1:8000"), ("::1", "http://[::1]:8000"), ("::", "http://[::]:8000")]
)
def test_an_ipv6_address_has_brackets(host: str, url: str) -> None:
    assert load_settings(None, server__host=host).server.url == url
