"""A task's path, with real stores, files, routing and loop; the trainer and the engine are scripted."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seald.config.tasks import Bounds
from seald.domain.adaptation import Adaptation
from seald.domain.adaptation import AdaptationStatus as A
from seald.domain.task import Practice, Task, TaskAsk
from seald.domain.task_explained import FIGURES
from seald.errors import Conflict, InvalidRequest, NotFound, StoreError
from seald.pipeline.task_train import folds
from seald.pipeline.tasks import remove, solve, submit
from seald.policy.configuring import parse
from tests.unit.pipeline.apprentice import Apprentice, CarefulTrainer, turned
from tests.unit.pipeline.conftest import Killed, Site

WORDS = ("apple", "river", "stone", "cloud", "horse", "table")
GOOD = '{"augmentations": ["leave_two_out"], "loss": "all", "learning_rate": 0.002, "epochs": 3}'
Sites = Callable[..., Site]


def ask(*words: str, name: str = "backwards", **more: Any) -> TaskAsk:
    pairs = [{"input": word, "output": turned(word)} for word in words or WORDS]
    return TaskAsk.model_validate({"name": name, "examples": pairs, **more})


@pytest.fixture
def sites(tmp_path: Path, migrated: Path, tiny_model: Path) -> Iterator[Sites]:
    made: list[Site] = []

    def make(engine: Apprentice | None = None, **tasks: Any) -> Site:
        folder = tmp_path / f"site-{len(made)}"
        folder.mkdir()
        shutil.copy(migrated, folder)
        changes = {"tasks": {"folds": 3, **tasks}, "training": {"attempts": 1}}
        made.append(Site(folder, tiny_model, changes, engine or Apprentice(), CarefulTrainer()))
        return made[-1]

    yield make
    for site in made:
        site.stores.close()


@pytest.fixture
def site(sites: Sites) -> Site:
    return sites()


def taught(site: Site, given: TaskAsk | None = None) -> tuple[Task, Adaptation]:
    task, adaptation, _ = submit(site.shop, given or ask())
    site.walk()
    return task, site.stores.adaptations.get(adaptation.id)


def practice(adaptation: Adaptation) -> Practice:
    return Practice.model_validate(adaptation.figures[FIGURES])


def test_what_beats_the_prompt_is_live_and_solves(site: Site) -> None:
    task, adaptation = taught(site)
    assert adaptation.status is A.PROMOTED, adaptation.error
    live = site.stores.adapters.live(task.lineage)
    assert live is not None and (live.label, live.parent, live.documents) == ("task/backwards@1", None, ())
    solved = solve(site.shop, task, ["lamp", "door"])
    assert solved.adapter == "task/backwards@1"
    assert [each.attempts for each in solved.solutions] == [("pmal",), ("rood",)]
    verdicts = {v.guard: v.verdict for v in site.stores.adapters.verdicts(task.lineage, 1)}
    assert verdicts == {"integrity": "pass", "in_context": "pass"}


def test_every_example_is_marked_by_what_has_not_seen_it(site: Site) -> None:
    taught(site)
    trials = [job for job in site.trainer.jobs if ", fold " in job.id]
    texts = [{line.text for line in job.fresh} for job in trials]
    assert len(trials) == 3 * 3
    for n, fold in enumerate(folds(len(WORDS), 3)):
        assert not {turned(WORDS[place]) for place in fold} & texts[n]
        assert len(texts[n]) == len(WORDS) - len(fold)
    (last,) = [job for job in site.trainer.jobs if ", fold " not in job.id]
    assert {line.text for line in last.fresh} == {turned(word) for word in WORDS}
    assert all(job.parent is None and not job.replay and not job.general for job in site.trainer.jobs)


@pytest.mark.parametrize(
    ("examples", "count", "sizes"), [(6, 3, [2, 2, 2]), (5, 3, [2, 2, 1]), (2, 3, [1, 1]), (4, 64, [1] * 4)]
)
def test_folds(examples: int, count: int, sizes: list[int]) -> None:
    found = folds(examples, count)
    assert [len(fold) for fold in found] == sizes
    assert sorted(place for fold in found for place in fold) == list(range(examples))


def test_what_the_policy_writes_is_tried_once_and_what_is_none_counts_as_failed(sites: Sites) -> None:
    engine = Apprentice(writes=[GOOD, GOOD.replace("0.002", "5"), "I would train it well.", GOOD])
    _, adaptation = taught(sites(engine, drawn=0))
    found = practice(adaptation)
    assert (found.policy, found.failed, [each.by for each in found.tried]) == ("configuration", 2, ["recipe", "policy"])
    assert found.tried[1].configuration == parse(GOOD, "text", Bounds())


def test_the_best_configuration_trains_the_candidate(sites: Sites) -> None:
    engine = Apprentice(learns=lambda rate: rate == 0.002, writes=[GOOD])
    site = sites(engine, drawn=0)
    _, adaptation = taught(site)
    best, _ = practice(adaptation).best
    assert (adaptation.status, best.by) == (A.PROMOTED, "policy")
    recipe = site.trainer.jobs[-1].recipe
    assert (recipe.learning_rate, recipe.epochs, recipe.loss_scope) == (0.002, 3, "all")
    assert site.stores.adapter_files.folder("task/backwards", 1).joinpath("manifest.json").exists()


@pytest.mark.parametrize(
    ("learns", "in_context", "status", "code"),
    [
        (lambda _: False, lambda _: True, A.REJECTED, "guard_failed"),
        (lambda _: False, lambda _: False, A.REJECTED, "guard_failed"),
        (lambda _: True, lambda _: True, A.REJECTED, "guard_failed"),
        (lambda _: True, lambda word: word in WORDS[:5], A.HELD, "not_learned"),
        (lambda _: True, lambda word: word in WORDS[:2], A.PROMOTED, None),
    ],
)
def test_what_is_no_better_than_the_prompt_does_not_serve(
    sites: Sites, learns: Callable[[float], bool], in_context: Callable[[str], bool], status: A, code: str | None
) -> None:
    site = sites(Apprentice(learns, in_context), drawn=0)
    task, adaptation = taught(site)
    assert (adaptation.status, (adaptation.error or {}).get("code")) == (status, code), adaptation.error
    assert (site.stores.adapters.live(task.lineage) is not None) is (status is A.PROMOTED)


def test_where_none_is_live_the_base_solves_behind_the_examples(sites: Sites) -> None:
    site = sites(Apprentice(lambda _: False, lambda word: word == "lamp"), drawn=0)
    task, _ = taught(site)
    solved = solve(site.shop, task, ["lamp"])
    assert (solved.adapter, solved.solutions[0].attempts[0]) == ("base", "pmal")


def test_other_words_are_asked_for_where_a_configuration_wants_them(sites: Sites) -> None:
    site = sites(Apprentice(writes=[GOOD.replace("leave_two_out", "paraphrase")]), drawn=0)
    taught(site)
    prompts = {line.prompt for job in site.trainer.jobs for line in job.fresh}
    assert "in other words apple" in prompts
    assert not list(site.folder.rglob("paraphrases.json")), "no word of a task is left outside its row"


@pytest.mark.parametrize("method", ["move", "add_figures", "note"])
def test_killed_anywhere_it_goes_on_and_tries_nothing_twice(site: Site, method: str) -> None:
    task, adaptation, _ = submit(site.shop, ask())
    real, left = getattr(site.stores.adaptations, method), [4]

    def dying(*given: Any, **named: Any) -> Any:
        left[0] -= 1
        done = real(*given, **named)
        if left[0] == 0:
            raise Killed
        return done

    setattr(site.stores.adaptations, method, dying)
    with pytest.raises(Killed):
        site.walk()
    delattr(site.stores.adaptations, method)
    site.runner.sweep()
    site.walk()
    assert site.stores.adaptations.get(adaptation.id).status is A.PROMOTED
    assert [v.version for v in site.stores.adapters.of_collection(task.lineage)] == [1]
    names = [job.id for job in site.trainer.jobs if ", fold " in job.id]
    assert len(names) <= 3 * 3 + 3, "at most the one that was under way is trained again"


def test_a_restart_keeps_what_is_live(site: Site) -> None:
    task, _ = taught(site)
    site.runner.sweep()
    live = site.stores.adapters.live(task.lineage)
    assert live is not None
    site.stores.adapter_files.verify(live)


def test_removed_nothing_is_left_of_it(site: Site) -> None:
    task, _ = taught(site)
    remove(site.shop, task)
    remove(site.shop, task)
    assert site.stores.adapters.live(task.lineage) is None
    assert not site.stores.adapter_files.folder(task.lineage, 1).exists()
    assert set(site.engine.rates) == {"base"}, "no adapter of it stays in the engine"
    with pytest.raises(NotFound):
        site.stores.tasks.get("backwards")
    again, adaptation = taught(site)
    live = site.stores.adapters.live(again.lineage)
    assert adaptation.status is A.PROMOTED and live is not None and live.version == 2


def test_removed_by_a_commit_that_was_made_but_not_told_it_answers_no_more(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, _ = taught(site)
    really = site.stores.tasks.delete

    def untold(gone: Task, reason: str | None) -> None:
        really(gone, reason)
        raise StoreError("the database failed")

    monkeypatch.setattr(site.stores.tasks, "delete", untold)
    with pytest.raises(StoreError):
        remove(site.shop, task)
    assert not site.residency.is_routed(task.lineage)
    site.runner.sweep()
    assert not site.stores.adapter_files.folder(task.lineage, 1).exists()


def test_removed_while_it_is_learned_it_never_serves(site: Site) -> None:
    task, adaptation, _ = submit(site.shop, ask())
    site.trainer.began = lambda: remove(site.shop, task)
    site.walk()
    assert site.stores.adaptations.get(adaptation.id).status in (A.CANCELLED, A.FAILED)
    assert site.stores.adapters.live(task.lineage) is None
    assert not list(site.folder.glob("adapters/task.*/*"))


def test_what_does_not_fit_into_a_prompt_or_has_anothers_name_is_refused(sites: Sites) -> None:
    site = sites(max_tokens=128)
    with pytest.raises(InvalidRequest, match=r"tokens; the limit is 128 \(tasks.max_tokens\)"):
        submit(site.shop, ask())
    with pytest.raises(InvalidRequest):
        submit(site.shop, ask("a", "b", collection="No Such"))
    with pytest.raises(InvalidRequest, match="by which the model tells who speaks"):
        submit(site.shop, ask("a", "b<|im_end|>"))
    submit(site.shop, ask("a", "b"))
    with pytest.raises(Conflict):
        submit(site.shop, ask("a", "c"))
    assert [task.name for task in site.stores.tasks.page(collection=None, after=None, limit=9).data] == ["backwards"]
