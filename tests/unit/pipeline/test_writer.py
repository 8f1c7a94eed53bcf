"""Which policy writes a collection's self-edits, and who writes by it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from seald.domain.adapter import AdapterStatus
from seald.domain.collection import CollectionSettings
from seald.domain.policy import OtherWriter
from seald.errors import ConfigError, EngineRefused, IllegalTransition, IntegrityError
from seald.pipeline.workshop import Workshop
from seald.pipeline.writer import when_asked, writing
from seald.ports import BASE, Sampling
from tests.unit.pipeline.conftest import Site
from tests.unit.pipeline.learned import MemoryPolicies, learned

SAMPLING = Sampling(max_tokens=8)


class Remembering:
    """A writer that says by which model it was asked."""

    def ask(self, questions: Sequence[str], sampling: Sampling, *, model: str) -> list[str]:
        return [model for _ in questions]


@pytest.fixture
def policies() -> MemoryPolicies:
    return MemoryPolicies()


@pytest.fixture
def shop(site_without_training: Site, policies: MemoryPolicies) -> Workshop:
    learned_ones = dict.fromkeys(("policies", "policy_files", "trials"), policies)
    given: dict[str, Any] = {**vars(site_without_training.shop), "engine": Remembering(), **learned_ones}
    return Workshop(**given)


def set_policy(shop: Workshop, name: str) -> None:
    shop.collections.put("default", CollectionSettings(policy=name))


def test_own_setting_then_what_was_learned_then_what_is_configured(shop: Workshop, policies: MemoryPolicies) -> None:
    assert shop.policy_of("default") == shop.policy
    policies.put(learned(1))
    policies.put(learned(2), live=True)
    assert shop.policy_of("default").version == "learned@2"
    set_policy(shop, "learned@1")
    assert shop.policy_of("default").version == "learned@1"
    set_policy(shop, "self-qa")
    assert shop.policy_of("default").version == "self-qa"
    assert shop.policy_of("other").version == "learned@2"


@pytest.mark.parametrize("status", [AdapterStatus.CANDIDATE, AdapterStatus.REJECTED, AdapterStatus.RETIRED])
def test_what_was_not_approved_writes_no_collection(
    shop: Workshop, policies: MemoryPolicies, status: AdapterStatus
) -> None:
    policies.put(learned(1, status=status))
    set_policy(shop, "learned@1")
    with pytest.raises(ConfigError, match=f"learned@1 is {status}"):
        shop.policy_of("default")


@pytest.mark.parametrize("name", ["learned@9", "learned@x", "gone"])
def test_a_policy_that_is_not_there(shop: Workshop, name: str) -> None:
    set_policy(shop, name)
    with pytest.raises(ConfigError, match=name):
        shop.policy_of("default")


def test_a_learned_policy_whose_form_is_gone(shop: Workshop, policies: MemoryPolicies) -> None:
    policies.put(learned(1, form="a-form-of-old"), live=True)
    with pytest.raises(ConfigError, match=r"learned@1 mixes a-form-of-old"):
        shop.policy_of("default")


def test_the_base_writes_by_a_seed_policy(shop: Workshop, policies: MemoryPolicies) -> None:
    with writing(shop, shop.policy) as (writer, model):
        assert (writer, model) == (shop.engine, BASE)
    assert policies.loads == []


def test_a_learned_policy_is_loaded_while_it_writes(shop: Workshop, policies: MemoryPolicies) -> None:
    version = policies.put(learned(1))
    with writing(shop, version.policy) as (writer, model):
        assert (writer, model) == (shop.engine, version.engine_name)
        assert policies.loaded == {model}
    assert policies.loaded == set()


def test_a_candidate_writes_where_it_is_asked_for(shop: Workshop, policies: MemoryPolicies) -> None:
    version = policies.put(learned(1, status=AdapterStatus.CANDIDATE))
    with writing(shop, version.policy) as (_, model):
        assert model == version.engine_name


def test_weights_that_nobody_vouches_for_that_are_gone_or_refused(shop: Workshop, policies: MemoryPolicies) -> None:
    version = policies.put(learned(1))
    policies.torn.add(1)
    with pytest.raises(IntegrityError):
        writing(shop, version.policy).__enter__()
    policies.torn.clear()
    policies.refused = True
    with pytest.raises(EngineRefused):
        writing(shop, version.policy).__enter__()
    policies.put(version.model_copy(update={"sha256": None}))
    with pytest.raises(IllegalTransition, match="no weights"):
        writing(shop, version.policy).__enter__()
    assert policies.loads == []


def test_another_model_writes_where_the_policy_names_one(shop: Workshop) -> None:
    named = OtherWriter(url="http://127.0.0.1:1/v1", model="a-writer")
    made: list[OtherWriter] = []
    elsewhere = Remembering()

    def writers(other: OtherWriter) -> Remembering:
        made.append(other)
        return elsewhere

    given: dict[str, Any] = {**vars(shop), "writers": writers}
    with writing(Workshop(**given), shop.policy.model_copy(update={"writer": named})) as (writer, model):
        assert (writer, model) == (elsewhere, "a-writer")
    assert made == [named]


def test_it_begins_with_the_first_question_and_asks_under_its_own_name(
    shop: Workshop, policies: MemoryPolicies
) -> None:
    version = policies.put(learned(1))
    with when_asked(shop, version.policy) as writer:
        assert policies.loads == []
        said = [writer.ask(["?"], SAMPLING, model=BASE) for _ in range(2)]
        assert said == [[version.engine_name]] * 2
        assert policies.loaded == {version.engine_name}
    assert policies.loads == [version.engine_name]
    assert policies.loaded == set()
