"""Live versions put to their probes again: real stores, files, canaries and routing; the engine is scripted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from seald.domain.adaptation import AdaptationStatus as S
from seald.domain.adapter import AdapterStatus, AdapterVersion
from seald.domain.training import Canary
from seald.domain.watch import Watch
from seald.pipeline.promote import promote, roll_back
from seald.pipeline.standing import standing
from seald.pipeline.watch import Watching
from tests.unit.pipeline.conftest import Site
from tests.unit.store.conftest import document
from tests.unit.store.test_adapter_files import draft, manifest
from tests.unit.store.test_adapters import live
from tests.unit.store.test_probes import probe

SETTINGS = {"watch": {"general": 10, "max_rollbacks": 2}, "compaction": {"every": 0}}
PATH = (S.QUEUED, S.EDITING, S.TRAINING, S.GUARDING, S.PROMOTING)


class LaterClock:
    """The system's, put forward."""

    ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def forward(self, **by: float) -> None:
        self.ahead += timedelta(**by)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path, tmp_path, SETTINGS)
    for name in ("adapters", "feedback", "answers", "adaptations"):
        getattr(site.stores, name)._clock = CLOCK
    CLOCK.ahead = timedelta()
    site.shop = replace(site.shop, clock=CLOCK)
    yield site
    site.stores.close()


CLOCK = LaterClock()


@pytest.fixture
def watching(site: Site) -> Watching:
    return Watching(site.shop, site.stores.watches, site.stores.feedback)


def learned(site: Site, text: str) -> AdapterVersion:
    """A version with files of its own, promoted; its document has ten clozes."""
    made = document(text)
    clozes = [probe(made.id, f"How does it go on, {n}?", "cloze") for n in range(10)]
    adaptation = site.stores.documents.add(made, clozes)[1]
    for before, after in pairwise(PATH):
        site.stores.adaptations.move(adaptation.id, before, after)
    version = site.stores.adapters.allot(site.stores.adaptations.get(adaptation.id))
    files = site.stores.adapter_files
    folder = draft(files, adaptation.id)
    (folder / "adapter_model.safetensors").write_text(text)
    canary = Canary(token_ids=(1, 2), base_logprobs=(-1.0,), adapter_logprobs=(-0.5,))
    vouches = manifest(files, folder, version.version).model_copy(update={"canaries": (canary,)})
    weights = vouches.files["adapter_model.safetensors"]
    site.stores.adapters.record_weights("default", version.version, weights, files.publish(folder, vouches))
    promote(site.shop, site.stores.adaptations.get(adaptation.id))
    return site.stores.adapters.get("default", version.version)


def lineage(site: Site, watching: Watching, n: int) -> list[AdapterVersion]:
    """`n` versions, one after another, each with its baseline."""
    versions = [learned(site, f"text {number}") for number in range(n)]
    for version in versions:
        watching.watch(version)
    return versions


def watches(site: Site) -> list[tuple[int, str, str]]:
    found = site.stores.watches.page("default", after=0, limit=100).data
    return [(watch.version, watch.outcome, watch.action) for watch in found]


def look(watching: Watching) -> None:
    """An hour later."""
    CLOCK.forward(minutes=61)
    watching.look()


def found(watching: Watching, version: AdapterVersion) -> Watch:
    watch = watching.watch(version)
    assert watch is not None
    return watch


def stands(site: Site) -> dict[str, Any]:
    return standing(site.stores.watches, "default", site.settings.watch)


def test_the_first_watch_is_the_baseline_and_what_stays_as_it_was_is_left_alone(site: Site, watching: Watching) -> None:
    learned(site, "one")
    watching.look()
    assert watches(site) == [], "the engine is left to those who waited for the promotion"
    CLOCK.forward(minutes=3)
    for _ in range(2):
        watching.look()
    assert watches(site) == [(1, "baseline", "none")]
    look(watching)
    assert watches(site)[1:] == [(1, "kept", "none")]
    assert (live(site.stores), stands(site)["state"]) == (1, "watching")
    later = site.stores.watches.last("default")
    assert later is not None and later.probes == {}
    assert [later.figures[name]["n"] for name in ("documents", "general")] == [10, 10]


def test_a_clock_that_was_set_back_does_not_stop_it(site: Site, watching: Watching) -> None:
    learned(site, "one")
    look(watching)
    CLOCK.forward(days=-1)
    watching.look()
    assert watches(site) == [(1, "baseline", "none"), (1, "kept", "none")]


def test_an_adaptation_that_waits_comes_before_a_baseline_but_not_for_ever(site: Site, watching: Watching) -> None:
    learned(site, "one")
    site.stores.documents.add(document("two"), [])
    CLOCK.forward(minutes=3)
    watching.look()
    assert watches(site) == []
    look(watching)
    assert watches(site) == [(1, "baseline", "none")]


def test_a_regression_goes_back_to_the_version_before_and_is_not_promoted_again(site: Site, watching: Watching) -> None:
    _, second = lineage(site, watching, 2)
    site.engine.forgets = {second.engine_name}
    look(watching)
    assert watches(site)[2:] == [(2, "regression", "rollback")]
    assert live(site.stores) == 1
    route = site.residency.take("default", None, "seald")
    site.residency.give_back(route)
    assert route.label == "default@1"
    last = site.stores.watches.last("default")
    assert last is not None
    assert "of 20 its documents' probes 20 lost" in last.reason and "rolled back to default@1" in last.reason
    for _ in range(3):
        look(watching)
        site.walk()
    assert live(site.stores) == 1
    assert site.stores.adapters.get("default", 2).status is AdapterStatus.APPROVED
    assert {action for _, _, action in watches(site)[3:]} == {"none"}


def test_after_so_many_rollbacks_it_pauses_and_says_so(site: Site, watching: Watching) -> None:
    versions = lineage(site, watching, 4)
    site.engine.forgets = {version.engine_name for version in versions}
    for _ in range(5):
        look(watching)
    assert watches(site)[4:] == [
        (4, "regression", "rollback"),
        (3, "regression", "rollback"),
        (2, "regression", "paused"),
        (2, "regression", "none"),
        (2, "regression", "none"),
    ]
    assert (live(site.stores), stands(site)["state"]) == (2, "paused")


def test_a_promotion_ends_the_pause_but_gives_no_more_rollbacks(site: Site, watching: Watching) -> None:
    versions = lineage(site, watching, 3)
    site.engine.forgets = {version.engine_name for version in versions}
    for _ in range(3):
        look(watching)
    assert (live(site.stores), stands(site)["state"]) == (1, "paused")
    CLOCK.forward(minutes=1)
    fourth = learned(site, "four")
    assert stands(site)["state"] == "watching"
    watching.watch(fourth)
    site.engine.forgets.add(fourth.engine_name)
    look(watching)
    assert watches(site)[-1] == (4, "regression", "paused")
    assert live(site.stores) == 4
    CLOCK.forward(hours=25)
    fifth = learned(site, "five")
    watching.watch(fifth)
    site.engine.forgets.add(fifth.engine_name)
    look(watching)
    assert watches(site)[-1] == (5, "regression", "rollback"), "a day later the count is over"


def test_a_persons_rollback_ends_the_pause_and_begins_the_count_anew(site: Site, watching: Watching) -> None:
    versions = lineage(site, watching, 4)
    site.engine.forgets = {version.engine_name for version in versions}
    for _ in range(3):
        look(watching)
    assert stands(site)["state"] == "paused"
    roll_back(site.shop, "default", 4, "it was the engine")
    assert stands(site)["state"] == "watching"
    look(watching)
    assert watches(site)[-1] == (4, "regression", "rollback")
    site.engine.forgets = set()
    look(watching)
    assert watches(site)[-1][1:] == ("kept", "none")


def test_what_a_person_took_back_meanwhile_is_not_taken_back_further(site: Site, watching: Watching) -> None:
    _, _, third = lineage(site, watching, 3)
    site.engine.forgets = {third.engine_name}
    roll_back(site.shop, "default", 2, "by hand")
    watch = found(watching, third)
    assert (watch.outcome, watch.action) == ("regression", "none")
    assert "not live any more" in watch.reason
    assert live(site.stores) == 2


def rate(site: Site, version: int, *, up: int, down: int) -> None:
    for n in range(up + down):
        site.stores.answers.note(f"{version}-{n}", "seald", f"default@{version}")
        site.stores.feedback.rate(site.stores.answers.find(f"{version}-{n}"), 1 if n < up else -1, None)


def test_a_version_that_is_rated_worse_than_its_predecessor_goes_back(site: Site, watching: Watching) -> None:
    _, second = lineage(site, watching, 2)
    rate(site, 1, up=19, down=2)
    rate(site, 2, up=5, down=14)
    assert found(watching, second).outcome == "kept", "19 ratings are too few"
    site.stores.answers.note("one-more", "seald", "default@2")
    site.stores.feedback.rate(site.stores.answers.find("one-more"), -1, None)
    watch = found(watching, second)
    assert (watch.outcome, watch.action, live(site.stores)) == ("regression", "rollback", 1)
    assert "rated down 15 of 20 times, its predecessor 2 of 21" in watch.reason
    assert watch.figures["feedback"]["p"] < 0.01


def test_a_daemon_that_stops_writes_nothing_down(site: Site, watching: Watching) -> None:
    first = learned(site, "one")
    site.shop.stopping.set()
    assert watching.watch(first) is None
    assert watches(site) == []
