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
from seald.errors import EngineUnavailable
from seald.pipeline.edit import begin, edit
from seald.pipeline.workshop import Workshop
from seald.policy.registry import load_policy
from seald.ports import Continuation, Sampling
from seald.store import Stores, open_stores

PASSAGES = (
    "The Orvale mill was built in 1847 by Tove Brandt with stone from a closed quarry.",
    "The Orvale mill has a wheel of nine metres. The flour leaves through a narrow door.",
)


class ListedEngine:
    """Answers everything with one sentence; breaks off at the call that `breaks_at` counts down to."""

    def __init__(self, breaks_at: int = -1) -> None:
        self.breaks_at = breaks_at

    def ask(self, questions: Sequence[str], sampling: Sampling, *, model: str) -> list[str]:
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


def workshop(stores: Stores, tmp_path: Path, engine: ListedEngine) -> Workshop:
    policy, forms = load_policy("none")
    unused: Any = None
    return Workshop(
        settings=Settings(data_dir=tmp_path),
        base=unused,
        engine=engine,  # type: ignore[arg-type]
        serving=unused,
        trainer=unused,
        documents=stores.documents,
        adaptations=stores.adaptations,
        probes=stores.probes,
        ledger=stores.ledger,
        adapters=stores.adapters,
        forgetting=stores.forgetting,
        collections=stores.collections,
        files=unused,
        policies=unused,
        policy_files=unused,
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
