"""Editing with real stores and an engine that replies from a list: what becomes an event, and what a figure."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from seald.config import Settings
from seald.domain.adaptation import Adaptation, AdaptationStatus
from seald.domain.document import Document, Passage, content_hash, document_id
from seald.domain.probe import AnswerScore
from seald.errors import EngineUnavailable, IntegrityError, StoreError
from seald.pipeline.edit import begin, edit
from seald.pipeline.workshop import Workshop
from seald.policy.registry import load_policy
from seald.ports import BASE, Continuation, Sampling
from seald.store import Stores, open_stores
from tests.unit.pipeline.learned import MemoryPolicies, learned

PASSAGES = (
    "The Orvale mill was built in 1847 by Tove Brandt with stone from a closed quarry.",
    "The Orvale mill has a wheel of nine metres. The flour leaves through a narrow door.",
)


class ListedEngine:
    """Answers everything with one sentence; breaks off at the call that `breaks_at` counts down to."""

    def __init__(self, breaks_at: int = -1) -> None:
        self.breaks_at = breaks_at
        self.models: list[str] = []

    def ask(self, questions: Sequence[str], sampling: Sampling, *, model: str) -> list[str]:
        self.models.append(model)
        self.breaks_at -= 1
        if self.breaks_at == 0:
            raise EngineUnavailable("gone")
        return ["The mill of Orvale stands."] * len(questions)

    def score(self, items: Sequence[Continuation], *, model: str) -> list[AnswerScore]:
        return [AnswerScore(logprobs=(-3.0,), greedy=False) for _ in items]


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    opened = open_stores(Settings(data_dir=tmp_path))
    yield opened
    opened.close()


def taken_up(stores: Stores) -> Adaptation:
    text = "\n".join(PASSAGES)
    starts = (0, len(PASSAGES[0]) + 1)
    document = Document(
        id=document_id("default", content_hash(text)),
        collection="default",
        title="The Orvale mill",
        text=text,
        sha256=content_hash(text),
        passages=tuple(
            Passage(index=n, text=piece, start=start, end=start + len(piece))
            for n, (piece, start) in enumerate(zip(PASSAGES, starts, strict=True))
        ),
        created=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return stores.documents.add(document, [])[1]


def workshop(
    stores: Stores, tmp_path: Path, engine: ListedEngine, policies: MemoryPolicies | None = None, named: str = "none"
) -> Workshop:
    policy, forms = load_policy(named)
    unused: Any = None
    learned_ones: Any = policies or MemoryPolicies()
    return Workshop(
        settings=Settings(data_dir=tmp_path),
        base=unused,
        engine=engine,  # type: ignore[arg-type]
        serving=unused,
        trials=learned_ones,
        trainer=unused,
        documents=stores.documents,
        adaptations=stores.adaptations,
        probes=stores.probes,
        ledger=stores.ledger,
        adapters=stores.adapters,
        forgetting=stores.forgetting,
        collections=stores.collections,
        files=unused,
        tasks=unused,
        retrainings=unused,
        episodes=unused,
        policies=learned_ones,
        policy_files=learned_ones,
        writers=unused,
        clock=unused,
        policy=policy,
        forms=forms,
        work=tmp_path / "work",
        cache=tmp_path / "cache",
        stopping=threading.Event(),
        pointer=threading.Lock(),
    )


def edited(stores: Stores, shop: Workshop, adaptation: Adaptation) -> Adaptation:
    edit(shop, stores.adaptations.get(adaptation.id))
    return stores.adaptations.get(adaptation.id)


def test_coverage_is_an_event_of_each_passage_and_a_figure(stores: Stores, tmp_path: Path) -> None:
    shop, adaptation = workshop(stores, tmp_path, ListedEngine()), taken_up(stores)
    begin(shop, adaptation)
    done = edited(stores, shop, adaptation)
    assert done.status is AdaptationStatus.TRAINING
    figures = done.figures["self_edits"]["coverage"]
    events = [e.data for e in stores.adaptations.events(adaptation.id) if e.type == "coverage"]
    assert [event["passage"] for event in events] == [0, 1]
    assert figures["facts"] == sum(event["facts"] for event in events) == 7
    assert figures["covered"] == 1
    assert 0 < figures["both_directions"] <= 1
    assert 0 < figures["diversity"] < 1
    (of_document,) = figures["documents"].values()
    assert of_document == {key: value for key, value in figures.items() if key != "documents"}
    forms = {e.data["form"] for e in stores.adaptations.events(adaptation.id) if e.type == "self_edit"}
    assert forms == {"none", "targeted"}


@pytest.mark.parametrize("calls_left", [0, 1])
def test_an_engine_that_goes_in_the_middle_changes_nothing(stores: Stores, tmp_path: Path, calls_left: int) -> None:
    (tmp_path / "other").mkdir()
    other = open_stores(Settings(data_dir=tmp_path / "other"))
    whole = taken_up(other)
    counted = ListedEngine()
    begin(workshop(other, tmp_path, counted), whole)
    edited(other, workshop(other, tmp_path, counted), whole)
    wanted = [(e.passage_index, e.form, e.sample, e.lines) for e in other.ledger.of_adaptation(whole.id)]
    other.close()

    adaptation = taken_up(stores)
    begin(workshop(stores, tmp_path, counted), adaptation)
    breaks_at = -counted.breaks_at - 1 - calls_left
    with pytest.raises(EngineUnavailable):
        edited(stores, workshop(stores, tmp_path, ListedEngine(breaks_at)), adaptation)
    assert 0 < len(stores.ledger.of_adaptation(adaptation.id)) < len(wanted)
    edited(stores, workshop(stores, tmp_path, ListedEngine()), adaptation)
    edits = stores.ledger.of_adaptation(adaptation.id)
    assert [(e.passage_index, e.form, e.sample, e.lines) for e in edits] == wanted


def test_a_learned_policy_writes_under_its_own_weights_loaded_once_for_all_passages(
    stores: Stores, tmp_path: Path
) -> None:
    policies, engine = MemoryPolicies(), ListedEngine()
    version = policies.put(learned(3), live=True)
    shop, adaptation = workshop(stores, tmp_path, engine, policies), taken_up(stores)
    begin(shop, adaptation)
    edited(stores, shop, adaptation)
    of_the_probes, *of_the_passages = engine.models
    assert of_the_probes == BASE
    assert set(of_the_passages) == {version.engine_name}
    assert len(of_the_passages) > len(PASSAGES)
    assert (policies.loads, policies.loaded) == ([version.engine_name], set())
    assert {edit.policy for edit in stores.ledger.of_adaptation(adaptation.id)} == {"learned@3"}


def test_weights_that_nobody_asks_are_not_loaded(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policies, adaptation = MemoryPolicies(), taken_up(stores)
    policies.put(learned(3), live=True)
    shop = workshop(stores, tmp_path, ListedEngine(), policies)
    begin(shop, adaptation)

    def killed(*_: object, **__: object) -> None:
        raise StoreError("killed when all was written")

    with monkeypatch.context() as broken, pytest.raises(StoreError):
        broken.setattr(stores.adaptations, "move", killed)
        edited(stores, shop, adaptation)
    assert len(policies.loads) == 1
    assert edited(stores, shop, adaptation).status is AdaptationStatus.TRAINING
    assert len(policies.loads) == 1


def test_a_torn_policy_writes_nothing_and_no_other_does_in_its_place(stores: Stores, tmp_path: Path) -> None:
    policies, engine, adaptation = MemoryPolicies(torn={3}), ListedEngine(), taken_up(stores)
    policies.put(learned(3), live=True)
    shop = workshop(stores, tmp_path, engine, policies)
    begin(shop, adaptation)
    with pytest.raises(IntegrityError, match="learned@3"):
        edited(stores, shop, adaptation)
    assert (engine.models, policies.loads) == ([BASE], []), "the probes alone were made"


def test_the_policy_that_began_an_adaptation_writes_it_to_its_end(stores: Stores, tmp_path: Path) -> None:
    policies, adaptation = MemoryPolicies(), taken_up(stores)
    began = policies.put(learned(3), live=True)
    shop = workshop(stores, tmp_path, ListedEngine(breaks_at=3), policies)
    begin(shop, adaptation)
    with pytest.raises(EngineUnavailable):
        edited(stores, shop, adaptation)
    assert policies.loaded == set()
    policies.put(learned(4, form="self-qa"), live=True)
    engine = ListedEngine()
    edited(stores, workshop(stores, tmp_path, engine, policies), adaptation)
    edits = stores.ledger.of_adaptation(adaptation.id)
    assert {edit.policy for edit in edits} == {"learned@3"}
    assert {edit.form for edit in edits} == {"none", "rewrite", "targeted"}
    assert set(engine.models) == {began.engine_name}


def test_a_policy_that_knew_what_was_taken_back_does_not_write_to_the_end(stores: Stores, tmp_path: Path) -> None:
    policies, adaptation = MemoryPolicies(), taken_up(stores)
    policies.put(learned(3), live=True)
    shop = workshop(stores, tmp_path, ListedEngine(breaks_at=3), policies)
    begin(shop, adaptation)
    with pytest.raises(EngineUnavailable):
        edited(stores, shop, adaptation)
    policies.knowing, policies.writes = {3}, None
    edited(stores, workshop(stores, tmp_path, ListedEngine(), policies), adaptation)
    assert {edit.policy for edit in stores.ledger.of_adaptation(adaptation.id)} == {"learned@3", "none"}


def test_a_seed_policy_that_began_goes_on_although_a_learned_one_is_live_by_now(stores: Stores, tmp_path: Path) -> None:
    policies, adaptation = MemoryPolicies(), taken_up(stores)
    shop = workshop(stores, tmp_path, ListedEngine(breaks_at=2), policies, named="rewrite")
    begin(shop, adaptation)
    with pytest.raises(EngineUnavailable):
        edited(stores, shop, adaptation)
    policies.put(learned(4), live=True)
    engine = ListedEngine()
    edited(stores, workshop(stores, tmp_path, engine, policies, named="default"), adaptation)
    assert {edit.policy for edit in stores.ledger.of_adaptation(adaptation.id)} == {"rewrite"}
    assert set(engine.models) == {BASE}
    assert policies.loads == []
