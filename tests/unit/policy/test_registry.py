from __future__ import annotations

import pytest

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
