"""When a compaction queues itself: by number, by the way the verdicts go, and never twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from seald.config import Settings
from seald.domain.adaptation import AdaptationKind
from seald.domain.adaptation import AdaptationStatus as S
from seald.domain.verdict import Verdict
from seald.pipeline.compact import Figures, is_due, queue_if_due, request_compaction, trend
from tests.unit.pipeline.conftest import Site
from tests.unit.store.test_adapters import promoted
from tests.unit.store.test_compactions import rebuilt

SETTINGS = Settings()


def figures(*, kept: float | None = None, drop: float = 0.0) -> Figures:
    """Of one version: the accuracy on earlier documents (None: there were none), and the general drop."""
    retention = {"n": 0, "accuracy_after": 0.0} if kept is None else {"n": 12, "accuracy_after": kept}
    return {"retention": retention, "general": {"n": 264, "drop": drop}}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path, tmp_path, {"compaction": {"every": 4}})
    yield site
    site.stores.close()


def learn(site: Site, texts: str, *, drop: float = 0.0) -> None:
    """A promoted version for each letter, with a general verdict, and nobody who looks whether that is enough."""
    for text in texts:
        version = promoted(site.stores, text).version
        verdict = Verdict(guard="general", verdict="pass", figures=figures(drop=drop)["general"], reason="r")
        site.stores.adapters.add_verdict("default", version, verdict)


def compactions(site: Site) -> list[str]:
    page = site.stores.adaptations.page(collection=None, status=None, after=None, limit=100)
    return [adaptation.id for adaptation in page.data if adaptation.kind is AdaptationKind.COMPACT]


@pytest.mark.parametrize(
    ("kept", "reason"),
    [
        ([0.9, 0.85, 0.8], "retention_trend"),
        ([None, 0.9, 0.85, 0.8], "retention_trend"),
        ([0.9, 0.2, 0.9, 0.9], None),
        ([0.9, 0.88, 0.86], None),
        ([0.9, 0.1], None),
        ([None, 0.9, 0.1], None),
        ([0.8, 0.85, 0.9], None),
        ([], None),
    ],
)
def test_a_falling_retention(kept: Sequence[float | None], reason: str | None) -> None:
    assert trend([figures(kept=value) for value in kept], SETTINGS) == reason


@pytest.mark.parametrize(
    ("drops", "reason"),
    [
        ([0.04], "general_trend"),
        ([0.03, 0.095], "general_trend"),
        ([0.0399], None),
        ([0.09, 0.02], None),
        ([-0.1], None),
    ],
)
def test_a_general_budget_that_is_used_up(drops: list[float], reason: str | None) -> None:
    assert trend([figures(drop=drop) for drop in drops], SETTINGS) == reason


def test_a_version_that_no_guard_judged_says_nothing() -> None:
    assert trend([{}, {}, {}], SETTINGS) is None


def test_so_many_versions_make_one_due(site: Site) -> None:
    assert is_due(site.shop, "default") is None
    learn(site, "abc")
    assert is_due(site.shop, "default") is None
    learn(site, "d")
    assert is_due(site.shop, "default") == "every"


def test_no_number_makes_one_due_where_that_is_switched_off(tmp_path: Path) -> None:
    site = Site(tmp_path, tmp_path, {"compaction": {"every": 0}})
    learn(site, "abcdefgh")
    assert is_due(site.shop, "default") is None
    learn(site, "i", drop=0.09)
    assert is_due(site.shop, "default") == "general_trend"
    site.stores.close()


@pytest.mark.parametrize(
    ("compaction", "first", "too_few"),
    [({"every": 4}, "abcd", "efg"), ({"every": 2, "growth": 0.5}, "abcdefgh", "ijk")],
    ids=["every", "growth"],
)
def test_versions_count_from_the_last_rebuild_and_more_must_come_the_more_that_took_in(
    tmp_path: Path, compaction: dict[str, float], first: str, too_few: str
) -> None:
    site = Site(tmp_path, tmp_path, {"compaction": compaction})
    learn(site, first)
    site.stores.adapters.promote(rebuilt(site.stores).adaptation_id)
    learn(site, too_few)
    assert is_due(site.shop, "default") is None
    learn(site, "z")
    assert is_due(site.shop, "default") == "every"
    site.stores.close()


def test_what_was_rolled_back_does_not_count(site: Site) -> None:
    learn(site, "abcd")
    site.stores.adapters.roll_back("default", 2, reason=None)
    assert is_due(site.shop, "default") is None
    learn(site, "ef")
    assert is_due(site.shop, "default") == "every"
    site.stores.adapters.roll_back("default", 0, reason=None)
    assert is_due(site.shop, "default") is None


def test_one_that_did_not_help_is_not_tried_again_after_every_document(site: Site) -> None:
    learn(site, "ab", drop=0.09)
    queue_if_due(site.shop, "default")
    (first,) = compactions(site)
    site.stores.adaptations.move(first, S.QUEUED, S.FAILED)
    for text in "cd":
        learn(site, text, drop=0.09)
        queue_if_due(site.shop, "default")
    assert compactions(site) == [first]
    learn(site, "e", drop=0.09)
    queue_if_due(site.shop, "default")
    assert len(compactions(site)) == 2


def test_looking_again_queues_no_second_one(site: Site) -> None:
    learn(site, "abcd")
    for _ in range(3):
        queue_if_due(site.shop, "default")
    (made,) = compactions(site)
    assert site.stores.adaptations.events(made)[-1].data == {"reason": "every"}
    again, new = request_compaction(site.shop, "default", "asked")
    assert (again.id, new) == (made, False)
    assert len(site.stores.adaptations.events(made)) == 2


def test_a_kill_before_the_look_is_made_good_at_the_next_start(site: Site) -> None:
    learn(site, "abcd")
    assert compactions(site) == []
    site.runner.sweep()
    assert len(compactions(site)) == 1
