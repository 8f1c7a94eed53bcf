from __future__ import annotations

from pathlib import Path

import pytest

from seald.config.retraining import Subject
from seald.domain.policy import OtherWriter
from seald.errors import ConfigError
from seald.policy.registry import load_policy, seed_policies


@pytest.mark.parametrize(
    "name", ["default", "none", "rewrite", "implications", "implications-long", "self-qa", "targeted"]
)
def test_every_seed_policy_loads_and_holds_the_passage_itself(name: str) -> None:
    policy, forms = load_policy(name)
    assert policy.version == name
    assert policy.mix[0].form == "none"
    assert forms["none"].prompt is None
    assert all(mixed.form in forms for mixed in policy.mix)


def test_all_seed_policies_are_those_that_load_by_name() -> None:
    policies = seed_policies()
    assert {"default", "none", "rewrite"} <= {policy.version for policy in policies}
    assert policies == sorted((load_policy(p.version)[0] for p in policies), key=lambda policy: policy.version)


def test_every_sampled_form_shows_the_passage() -> None:
    _, forms = load_policy("default")
    for form in forms.values():
        assert form.prompt is None or ("{passage}" in form.prompt and "{title}" in form.prompt)


def test_an_unknown_policy_says_which_there_are() -> None:
    with pytest.raises(ConfigError, match="default") as error:
        load_policy("nothing")
    assert error.value.param == "policy.name"


FORM = 'prompt = "{title} {passage}"\nsplitting = "lines"\n'


def test_a_file_may_name_another_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seald.policy.registry._PLACES", (tmp_path / "none", tmp_path))
    (tmp_path / "none.toml").write_text('[form]\nsplitting = "sentences"\n')
    writer = '[writer]\nurl = "https://api.example.com/v1"\nmodel = "m"\nkey_env = "A_KEY"\n'
    (tmp_path / "far.toml").write_text(f"{writer}[form]\n{FORM}")
    policy, forms = load_policy("far")
    assert policy.writer == OtherWriter(url="https://api.example.com/v1", model="m", key_env="A_KEY")
    assert set(forms) == {"none", "far"}
    assert load_policy("none")[0].writer is None


def test_a_writer_that_does_not_fit_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seald.policy.registry._PLACES", (tmp_path, tmp_path))
    (tmp_path / "none.toml").write_text('[form]\nsplitting = "sentences"\n')
    (tmp_path / "far.toml").write_text(f'[writer]\nurl = "ftp://x/v1"\nmodel = "m"\n[form]\n{FORM}')
    with pytest.raises(ConfigError, match=r"far\.toml: writer\.url"):
        load_policy("far")


def test_a_policy_writes_about_passages_or_about_tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [load_policy(name)[0].subject for name in ("default", "configuration")] == ["passage", "task"]
    wrong: tuple[tuple[str, Subject], ...] = (("configuration", "passage"), ("default", "task"))
    for name, subject in wrong:
        with pytest.raises(ConfigError, match=f"policy '{name}' writes .* not "):
            load_policy(name, subject)
    monkeypatch.setattr("seald.policy.registry._PLACES", (tmp_path, tmp_path))
    (tmp_path / "none.toml").write_text('[form]\nsplitting = "sentences"\n')
    (tmp_path / "how.toml").write_text(f'[form]\nsubject = "task"\n{FORM}')
    (tmp_path / "both.toml").write_text('[[mix]]\nform = "how"\n[[mix]]\nform = "none"\n')
    with pytest.raises(ConfigError, match="mixes forms for passages with forms for tasks"):
        load_policy("both")
    (tmp_path / "both.toml").write_text('subject = "task"\n[[mix]]\nform = "how"\n')
    with pytest.raises(ConfigError, match="subject is not for a file to say"):
        load_policy("both")
    (tmp_path / "both.toml").write_text('[[mix]]\nform = "how"\nsamples = 3\n')
    assert [(m.form, m.samples) for m in load_policy("both", "task")[0].mix] == [("how", 3)]
