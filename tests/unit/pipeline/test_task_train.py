"""Configurations that break their training: the others go on."""

from __future__ import annotations

import pytest

from seald.domain.adaptation import AdaptationStatus as A
from seald.domain.task_explained import practised
from seald.domain.training import TrainingJob
from seald.pipeline.task_train import trained_on_all
from tests.unit.pipeline.apprentice import Apprentice
from tests.unit.pipeline.conftest import Site
from tests.unit.pipeline.test_tasks import GOOD, WORDS, Sites, practice, taught
from tests.unit.pipeline.test_tasks import sites as sites

FAST = 0.002
OWN = pytest.mark.parametrize("code", ["diverged", "out_of_memory"])


def with_two(sites: Sites, *, only_fast: bool = False) -> Site:
    """The recipe's own configuration, and one by the policy, which is faster."""
    return sites(Apprentice(learns=lambda rate: rate == FAST or not only_fast, writes=[GOOD]), drawn=0)


def is_fast(job: TrainingJob) -> bool:
    return job.recipe.learning_rate == FAST


def notes(site: Site, id: str, type: str) -> list[dict[str, object]]:
    return [event.data for event in site.stores.adaptations.events(id) if event.type == type]


@OWN
def test_one_that_breaks_its_training_is_left_out(sites: Sites, code: str) -> None:
    site = with_two(sites)
    site.trainer.fails = lambda job: code if is_fast(job) else None
    _, adaptation = taught(site)
    assert adaptation.status is A.PROMOTED, adaptation.error
    own, policys = practice(adaptation).tried
    assert (own.failure, policys.failure, policys.marks) == (None, code, None)
    assert practice(adaptation).best[0] == own
    assert notes(site, adaptation.id, "tried")[1] == {
        "place": 2,
        "of": 2,
        "by": "policy",
        "seconds": 0.0,
        "failure": code,
    }
    (said,) = practised(adaptation.figures)
    assert said.startswith("Of 2 configurations 1 were tried on examples left out, 1 could not be trained; the best")


@OWN
def test_one_that_breaks_on_all_examples_gives_way_to_the_next_best(sites: Sites, code: str) -> None:
    site = with_two(sites)
    site.trainer.fails = lambda job: code if not is_fast(job) and ", fold " not in job.id else None
    task, adaptation = taught(site)
    assert adaptation.status is A.PROMOTED, adaptation.error
    assert [tried.failure for tried in practice(adaptation).tried] == [code, None]
    assert practice(adaptation).tried[0].marks is not None
    assert is_fast(site.trainer.jobs[-1])
    assert notes(site, adaptation.id, "untrainable") == [{"by": "recipe", "code": code}]
    whole = trained_on_all(site.shop, adaptation, task, practice(adaptation).tried)
    assert whole[0] is None and whole[1] is not None and (whole[1] / "result.json").exists()


@pytest.mark.parametrize(("code", "tried"), [("diverged", 2), ("bad_job", 1)])
def test_where_nothing_can_be_trained_the_adaptation_fails(sites: Sites, code: str, tried: int) -> None:
    site = with_two(sites)
    asked: list[str] = []
    site.trainer.fails = lambda job: asked.append(job.id) or code  # type: ignore[func-returns-value]
    _, adaptation = taught(site)
    assert (adaptation.status, (adaptation.error or {}).get("code"), len(asked)) == (A.FAILED, code, tried)


def test_folds_that_do_not_fit_into_memory_together_are_trained_one_by_one(sites: Sites) -> None:
    site = with_two(sites)
    broken: list[str] = []

    def fails(job: TrainingJob) -> str | None:
        is_first = is_fast(job) and "fold 1" in job.id and not broken
        broken.extend([job.id] if is_first else [])
        return "out_of_memory" if is_first else None

    site.trainer.fails = fails
    _, adaptation = taught(site)
    assert [tried.failure for tried in practice(adaptation).tried] == [None, None]
    assert sorted(map(len, site.trainer.calls)) == [1, 1, 1, 1, 3]
    marks = practice(adaptation).tried[1].marks
    assert marks is not None and len(marks["alone"].correct) == len(WORDS)


def test_whole_ones_are_left_out_where_they_break(sites: Sites) -> None:
    site = with_two(sites)
    task, adaptation = taught(site)
    site.trainer.fails = lambda job: "diverged" if is_fast(job) else None
    first, second = trained_on_all(site.shop, adaptation, task, practice(adaptation).tried)
    assert first is not None and second is None
