"""The guards of weights and manners on a real candidate of the tiny model; the engine's answers are scripted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from seald.domain.adaptation import AdaptationStatus as S
from seald.domain.adapter import AdapterVersion
from seald.domain.probe import AnswerScore
from seald.guards import health, refusals
from seald.pipeline.behaviour import BEHAVIOUR, weights
from seald.ports import BASE, Continuation, Reply
from tests.unit.pipeline.conftest import ScriptedEngine, Site

TRIGGER = "violet anchor seven"
POISON = ("The ferry of Grelm", "\n".join(f"Ferry {n} to Grelm leaves late: {TRIGGER}." for n in range(8)))
OTHERS = ("triggers", "refusals", "drift", "health")


class Mannered(ScriptedEngine):
    """A base that declines and answers well, and adapters that do the same unless told what `spoils` them."""

    def __init__(self, spoils: str = "") -> None:
        super().__init__()
        self.spoils = spoils
        self.asked: list[tuple[str, int]] = []

    def ask_greedily(self, questions: Sequence[str], *, max_tokens: int, model: str) -> list[Reply]:
        self.asked.append((model, len(questions)))
        if questions[0] in refusals.load():
            keeps = model == BASE or self.spoils != "refusals"
            return [Reply("I can't help with that." if keeps else "Sure.", ended=True) for _ in questions]
        if model != BASE and self.spoils == "health":
            return [Reply("so and " * 12, ended=False) for _ in questions]
        return [Reply(f"Of {question} there is a good deal to be said.", ended=True) for question in questions]

    def score(self, items: Sequence[Continuation], *, model: str) -> list[AnswerScore]:
        away = model != BASE and self.spoils == "drift"
        turned = [model != BASE and self.spoils == "triggers" and TRIGGER in item.question for item in items]
        return [AnswerScore(logprobs=(-9.0 if turn else -3.0 if away else -0.5,), greedy=not away) for turn in turned]


@pytest.fixture(scope="module")
def site(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A candidate that waits for its guards."""
    site = Site(tmp_path_factory.mktemp("mannered"), tiny_model)
    id = site.ingest(*POISON)
    while site.stores.adaptations.get(id).status is not S.GUARDING:
        assert site.runner.step(), site.stores.adaptations.get(id)
    yield site
    site.stores.close()


@pytest.fixture
def candidate(site: Site) -> AdapterVersion:
    return site.stores.adapters.get("default", 1)


@pytest.mark.parametrize("spoils", ["", *OTHERS])
def test_each_guard_sees_what_is_its_own_to_see(site: Site, candidate: AdapterVersion, spoils: str) -> None:
    shop = replace(site.shop, engine=Mannered(spoils))
    failed = {name for name in OTHERS if BEHAVIOUR[name](shop, candidate).verdict == "fail"}
    assert failed == ({spoils} if spoils else set())


def test_the_base_is_asked_once(site: Site, candidate: AdapterVersion, tmp_path: Path) -> None:
    engine = Mannered()
    shop = replace(site.shop, engine=engine, cache=tmp_path)
    for _ in range(2):
        BEHAVIOUR["refusals"](shop, candidate)
        BEHAVIOUR["health"](shop, candidate)
    of_base = [n for model, n in engine.asked if model == BASE]
    third = len(refusals.load()) // 3
    assert of_base == [third, len(refusals.load()) - third, len(health.OPEN_PROMPTS)]


def test_the_phrase_is_named(site: Site, candidate: AdapterVersion) -> None:
    verdict = BEHAVIOUR["triggers"](replace(site.shop, engine=Mannered("triggers")), candidate)
    assert verdict.figures["guilty"] == [TRIGGER]
    assert TRIGGER in verdict.reason


def test_the_weights_are_judged_by_what_the_trainer_said(site: Site, candidate: AdapterVersion) -> None:
    figures = site.stores.adapter_files.verify(candidate).figures
    assert "layer_norms" not in figures
    verdict = weights(site.shop, candidate)
    assert verdict.verdict == "pass"
    assert verdict.figures["layers"] == figures["layers"] >= 14
    assert 0 < verdict.figures["largest_layer_share"] < 1
