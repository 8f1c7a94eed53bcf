"""training → guarding, of a task: every configuration is tried on examples left out, the best one trains the candidate.

The examples are put into folds. For each configuration and fold an adapter is trained on the other folds, several side
by side, and asked for the outputs of its own; so every example is marked once, by what has not seen it.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, get_args

from pydantic import TypeAdapter

from seald.config import Recipe
from seald.domain.adaptation import Adaptation, AdaptationStatus
from seald.domain.task import Asking, Configuration, Marks, Pair, Practice, Task, Tried
from seald.domain.task_explained import FIGURES
from seald.domain.training import TrainingJob, TrainingResult
from seald.errors import TrainerFailed
from seald.pipeline.attended import attended
from seald.pipeline.earn import OWN_FAULT
from seald.pipeline.publish import CANARY_TEXTS, publish
from seald.pipeline.remembered import remembered
from seald.pipeline.task_ask import Prompt, asked, marks
from seald.pipeline.task_configure import task_of
from seald.pipeline.task_size import affordable
from seald.pipeline.trial import on_trial
from seald.pipeline.workshop import Workshop
from seald.policy.augmenting import lines, shown
from seald.ports import BASE, Sampling

ASKINGS: tuple[Asking, ...] = get_args(Asking)
PARAPHRASES = 2
"""Of each input of a text task, where a configuration asks for them."""
SAY_AGAIN = "Say the text above again in other words, with nothing before or after it."
SAYING = Sampling(max_tokens=120, temperature=0.7, top_p=0.95, seed=7)
_WORDS = TypeAdapter(dict[str, list[str]])


def train_task(shop: Workshop, adaptation: Adaptation) -> None:
    """Try what was not tried yet, choose, train, put the files in place.

    Raises:
        TrainerFailed: nothing can be trained, or what failed was no configuration's own fault.
    """
    task = task_of(shop, adaptation)
    practice = try_all(shop, adaptation, task)
    version = shop.adapters.allot(adaptation)
    if version.sha256 is None:
        chosen, job, result = _best_trained(shop, adaptation, task, practice)
        publish(shop, version, job, result, policy=practice.policy if chosen.by == "policy" else chosen.by)
    shop.adaptations.move(adaptation.id, AdaptationStatus.TRAINING, AdaptationStatus.GUARDING)


def try_all(shop: Workshop, adaptation: Adaptation, task: Task) -> Practice:
    """What the base makes of the examples in its context, and adapters of every configuration, each stored at once; of
    one that breaks its training, how.

    Raises:
        TrainerFailed: for another reason than the configuration's own.
    """
    practice = Practice.model_validate(shop.adaptations.get(adaptation.id).figures[FIGURES])
    if practice.in_context is None:
        practice = _stored(shop, adaptation, practice.model_copy(update={"in_context": _in_context(shop, task)}))
    for place, tried in enumerate(practice.tried):
        if tried.marks is None and tried.failure is None:
            found = _tried_or_failed(shop, adaptation, task, tried)
            practice = _replaced(shop, adaptation, practice, tried, found)
            told = {"place": place + 1, "of": len(practice.tried), "by": tried.by, "seconds": found.seconds}
            shop.adaptations.note(adaptation.id, "tried", told | _scores(found))
    return practice


def trained_on_all(shop: Workshop, adaptation: Adaptation, task: Task, tried: Sequence[Tried]) -> list[Path | None]:
    """Folders of an adapter for each configuration, trained on all examples, in the adaptation's work folder; None
    where that breaks its training.

    Raises:
        TrainerFailed: for another reason than a configuration's own.
    """
    work = shop.work_folder(adaptation.id) / "whole"
    jobs = [
        _job(shop, task, each.configuration, task.examples, work / str(n), f"{adaptation.id}, {n + 1}")
        for n, each in enumerate(tried)
    ]
    folders = _whole(shop, adaptation, [job for job, each in zip(jobs, tried, strict=True) if each.failure is None])
    return [folders.get(job.id) for job in jobs]


def _whole(shop: Workshop, adaptation: Adaptation, jobs: Sequence[TrainingJob]) -> dict[str, Path]:
    """Job → folder, of those that can be trained."""
    try:
        _trained(shop, adaptation, jobs)
    except TrainerFailed as failure:
        _require_own_fault(failure)
        return {} if len(jobs) == 1 else {k: v for job in jobs for k, v in _whole(shop, adaptation, [job]).items()}
    return {job.id: Path(job.output) for job in jobs}


def _best_trained(
    shop: Workshop, adaptation: Adaptation, task: Task, practice: Practice
) -> tuple[Tried, TrainingJob, TrainingResult]:
    """By the best configuration that can be trained on all examples."""
    while True:
        _require_trainable(practice)
        chosen, _ = practice.best
        job = _job(shop, task, chosen.configuration, task.examples, shop.files.draft(adaptation.id), adaptation.id)
        job = job.model_copy(update={"canary_prompts": CANARY_TEXTS})
        try:
            (result,) = _trained(shop, adaptation, [job])
        except TrainerFailed as failure:
            found = _failed(chosen, failure)
            shutil.rmtree(job.output, ignore_errors=True)
            shop.adaptations.note(adaptation.id, "untrainable", {"by": chosen.by, "code": failure.code})
            practice = _replaced(shop, adaptation, practice, chosen, found)
        else:
            return chosen, job, result


def _require_trainable(practice: Practice) -> None:
    if not practice.ways:
        codes = list(dict.fromkeys(tried.failure for tried in practice.tried if tried.failure is not None))
        raise TrainerFailed(f"no configuration can be trained: {', '.join(codes)}", code=codes[0])


def _failed(tried: Tried, failure: TrainerFailed) -> Tried:
    _require_own_fault(failure)
    return tried.model_copy(update={"failure": failure.code})


def _require_own_fault(failure: TrainerFailed) -> None:
    if failure.code not in OWN_FAULT:
        raise failure


def folds(examples: int, count: int) -> list[list[int]]:
    """Places of the examples, dealt into so many folds at most, none of them empty."""
    return [list(range(examples))[n :: min(count, examples)] for n in range(min(count, examples))]


def _replaced(shop: Workshop, adaptation: Adaptation, practice: Practice, old: Tried, new: Tried) -> Practice:
    tried = tuple(new if each is old else each for each in practice.tried)
    return _stored(shop, adaptation, practice.model_copy(update={"tried": tried}))


def _stored(shop: Workshop, adaptation: Adaptation, practice: Practice) -> Practice:
    shop.adaptations.add_figures(adaptation.id, {FIGURES: practice.model_dump(mode="json")})
    return practice


def _scores(tried: Tried) -> dict[str, Any]:
    if tried.failure is not None:
        return {"failure": tried.failure}
    return {how: round(marks.score[0], 4) for how, marks in (tried.marks or {}).items()}


def _in_context(shop: Workshop, task: Task) -> Marks:
    examples = task.examples
    chats: list[Prompt] = [()] * len(examples)
    for fold in folds(len(examples), shop.settings.tasks.folds):
        for n in fold:
            chats[n] = asked("among", _others(examples, fold), examples[n].input)
    return marks(shop, chats, examples, BASE)


def _others(examples: Sequence[Pair], fold: Sequence[int]) -> list[Pair]:
    return [pair for place, pair in enumerate(examples) if place not in fold]


def _tried_or_failed(shop: Workshop, adaptation: Adaptation, task: Task, tried: Tried) -> Tried:
    try:
        return _try(shop, adaptation, task, tried)
    except TrainerFailed as failure:
        found = _failed(tried, failure)
        # The next one's would be taken for done.
        shutil.rmtree(shop.work_folder(adaptation.id) / "trials", ignore_errors=True)
        return found


def _try(shop: Workshop, adaptation: Adaptation, task: Task, tried: Tried) -> Tried:
    parts, trials = folds(len(task.examples), shop.settings.tasks.folds), shop.work_folder(adaptation.id) / "trials"
    others = [_others(task.examples, fold) for fold in parts]
    named = [f"{adaptation.id}, fold {n + 1}" for n in range(len(parts))]
    jobs = [
        _job(shop, task, tried.configuration, pairs, trials / str(n), name)
        for n, (pairs, name) in enumerate(zip(others, named, strict=True))
    ]
    results = _trained(shop, adaptation, jobs)
    found = [
        _examined(shop, Path(job.output), pairs, [task.examples[n] for n in fold])
        for job, pairs, fold in zip(jobs, others, parts, strict=True)
    ]
    shutil.rmtree(trials, ignore_errors=True)
    order = [n for fold in parts for n in fold]
    return tried.model_copy(
        update={
            "marks": {how: _joined([each[how] for each in found], order) for how in ASKINGS},
            "tokens": sum(result.tokens for result in results),
            "seconds": round(sum(result.seconds for result in results), 2),
        }
    )


def _joined(found: Sequence[Marks], order: Sequence[int]) -> Marks:
    """Marks of all folds, in the order of the examples: `order` has the example of each."""
    correct = [right for each in found for right in each.correct]
    logprobs = [logprob for each in found for logprob in each.logprobs]
    places = sorted(range(len(order)), key=lambda place: order[place])
    return Marks(correct=tuple(correct[p] for p in places), logprobs=tuple(logprobs[p] for p in places))


def _examined(shop: Workshop, folder: Path, known: Sequence[Pair], left_out: Sequence[Pair]) -> dict[Asking, Marks]:
    with on_trial(shop, folder) as model:
        prompts = {how: [asked(how, known, pair.input) for pair in left_out] for how in ASKINGS}
        return {how: marks(shop, prompts[how], left_out, model) for how in ASKINGS}


def _trained(shop: Workshop, adaptation: Adaptation, jobs: Sequence[TrainingJob]) -> list[TrainingResult]:
    """In batches, side by side; one by one where memory does not suffice for a batch."""
    found: list[TrainingResult] = []
    for start in range(0, len(jobs), shop.settings.tasks.together):
        found += _together(shop, adaptation, jobs[start : start + shop.settings.tasks.together])
    return found


def _together(shop: Workshop, adaptation: Adaptation, batch: Sequence[TrainingJob]) -> list[TrainingResult]:
    try:
        return list(attended(shop, shop.adaptations, adaptation.id, partial(shop.trainer.train_together, batch)))
    except TrainerFailed as failure:
        if failure.code != "out_of_memory" or len(batch) == 1:
            raise
        return [result for job in batch for result in _together(shop, adaptation, [job])]


def _job(
    shop: Workshop, task: Task, wanted: Configuration, pairs: Sequence[Pair], output: Path, name: str
) -> TrainingJob:
    settings, folder = shop.settings, shop.work_folder(name.partition(",")[0])
    words = _otherwise(shop, task, folder) if "paraphrase" in wanted.augmentations else {}
    fresh = lines(pairs, wanted, most=settings.tasks.lines, seed=settings.training.seed, otherwise=words)
    return TrainingJob(
        id=name,
        model=str(shop.base.folder),
        recipe=recipe_of(settings.recipes[settings.tasks.recipe], wanted),
        seed=settings.training.seed,
        fresh=affordable(shop, fresh, len(pairs), wanted.epochs),
        output=str(output),
        checkpoint=str(folder / "checkpoints" / output.name),
    )


def recipe_of(recipe: Recipe, wanted: Configuration) -> Recipe:
    """The recipe with what a configuration says."""
    said = {"loss_scope": wanted.loss, "learning_rate": wanted.learning_rate, "epochs": wanted.epochs}
    return recipe.model_copy(update=said)


def _otherwise(shop: Workshop, task: Task, folder: Path) -> dict[str, list[str]]:
    """Input → the same in other words, by the base."""
    inputs = [shown(pair.input) for pair in task.examples]

    def paraphrase() -> dict[str, list[str]]:
        wanted = [f"{text}\n\n{SAY_AGAIN}" for text in inputs]
        rounds = [shop.engine.ask(wanted, SAYING.again(n), model=BASE) for n in range(PARAPHRASES)]
        said = ([reply.strip() for reply in each if reply.strip()] for each in zip(*rounds, strict=True))
        return {text: list(dict.fromkeys(each)) for text, each in zip(inputs, said, strict=True)}

    return remembered(folder / "paraphrases.json", _WORDS, paraphrase)
