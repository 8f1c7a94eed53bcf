"""What a self-edit is worth: an adapter is trained on it alone, from the base, and put to the context's exam.

Several are trained side by side in one process, each is loaded under a name of its own, asked, and thrown away.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp
from pathlib import Path
from statistics import fmean, median

from seald.config import Recipe
from seald.domain.episode import Episode, Score
from seald.domain.probe import Probe, ProbeResult
from seald.domain.retraining import Context, Exam, Lesson, Retraining
from seald.domain.self_edit import Directives, Line
from seald.domain.training import TrainingJob, TrainingResult
from seald.guards import probing, suite
from seald.pipeline.attended import attended
from seald.pipeline.exam import heldout
from seald.pipeline.known_results import results
from seald.pipeline.sampling import stratified
from seald.pipeline.task_exam import examined
from seald.pipeline.task_size import affordable
from seald.pipeline.trial import on_trial
from seald.pipeline.workshop import Workshop


def score(shop: Workshop, run: Retraining, lessons: Mapping[str, Lesson], episodes: Sequence[Episode]) -> list[Episode]:
    """The episodes, each with one score more, of the seed that comes next for it.

    What holds nothing to train on leaves the base as it is, and its score says so.

    Raises:
        TrainerKilled, TrainerFailed, TrainerStopped, EngineUnavailable, EngineRefused: nothing is scored.
    """
    if run.subject == "task" or not shop.settings.policy.retrain.passage:
        empty = [_unchanged(shop, episode) for episode in episodes if not episode.lines]
        return empty + _trained(shop, run, lessons, [e for e in episodes if e.lines])
    return _trained(shop, run, lessons, episodes)


def _unchanged(shop: Workshop, episode: Episode) -> Episode:
    gains = dict.fromkeys(("accuracy", "logprob", "hidden_accuracy", "hidden_logprob", "heldout", "retention"), 0.0)
    nothing = Score(seed=_seed(shop, episode), norm=0.0, tokens=0, seconds=0.0, **gains)
    return episode.model_copy(update={"scores": (*episode.scores, nothing)})


def _trained(
    shop: Workshop, run: Retraining, lessons: Mapping[str, Lesson], episodes: Sequence[Episode]
) -> list[Episode]:
    if not episodes:
        return []
    jobs = [_job(shop, run, lessons[episode.context_id].context, episode) for episode in episodes]
    begun = time.monotonic()
    trained = train(shop, run, jobs)
    # What the trainer's process took besides its steps is everybody's.
    overhead = (time.monotonic() - begun - sum(result.seconds for result in trained)) / len(jobs)
    scored = []
    for episode, job, result in zip(episodes, jobs, trained, strict=True):
        exam = lessons[episode.context_id].exam
        assert exam is not None, "a lesson has its exam before anything is sampled for it"
        found = _examine(shop, lessons[episode.context_id].context, exam, job, result, overhead)
        scored.append(episode.model_copy(update={"scores": (*episode.scores, found)}))
    return scored


def train(shop: Workshop, run: Retraining, jobs: Sequence[TrainingJob]) -> tuple[TrainingResult, ...]:
    """Train jobs side by side, on from their checkpoints; progress becomes events, a wish to cancel a stop."""

    return attended(shop, shop.retrainings, run.id, lambda tell, stop: shop.trainer.train_together(jobs, tell, stop))


def forget_work(shop: Workshop, run: Retraining, episodes: Sequence[Episode]) -> None:
    """Delete what was trained for the last score of each, once the score is stored."""
    for episode in episodes:
        shutil.rmtree(_folder(shop, run, episode, len(episode.scores) - 1), ignore_errors=True)


def with_directives(recipe: Recipe, asked: Directives) -> Recipe:
    """The recipe with what a self-edit asks for; the directives are within their bounds already."""
    return recipe.model_copy(update=asked.model_dump(exclude_none=True))


def _job(shop: Workshop, run: Retraining, context: Context, episode: Episode) -> TrainingJob:
    settings, folder = shop.settings, _folder(shop, run, episode, len(episode.scores))
    is_task = context.subject == "task"
    named = settings.tasks.recipe if is_task else settings.policy.retrain.recipe
    beside = settings.policy.retrain.passage and not is_task
    passage = (Line(text=f"{context.title}\n{context.context}"),) if beside else ()
    recipe = with_directives(settings.recipes[named], episode.directives)
    lines = episode.lines
    if is_task:
        # As an adaptation would train it: what pays is what users get.
        lines = affordable(shop, lines, len(context.examples), recipe.epochs)
    return TrainingJob(
        id=f"{run.id}, {context.title}, {episode.form} {episode.sample}",
        model=str(shop.base.folder),
        recipe=recipe,
        seed=_seed(shop, episode),
        fresh=(*lines, *passage),
        output=str(folder / "adapter"),
        checkpoint=str(folder / "checkpoint"),
    )


def _seed(shop: Workshop, episode: Episode) -> int:
    """Of the score that comes next."""
    return shop.settings.training.seed + len(episode.scores)


def _folder(shop: Workshop, run: Retraining, episode: Episode, seed: int) -> Path:
    named = hashlib.sha256(f"{episode.key}/{seed}".encode()).hexdigest()[:20]
    return shop.work_folder(run.id) / named


def _examine(
    shop: Workshop, context: Context, exam: Exam, job: TrainingJob, result: TrainingResult, overhead: float
) -> Score:
    begun = time.monotonic()
    with on_trial(shop, Path(job.output)) as model:
        if context.subject == "task":
            gains = {**examined(shop, context, exam, model), "heldout": 0.0, "retention": 0.0}
        else:
            gains = _of_passage(shop, context, exam, model)
    return Score(
        seed=job.seed,
        norm=round(result.weight_norm, 4),
        tokens=result.tokens,
        seconds=round(result.seconds + overhead + time.monotonic() - begun, 2),
        **gains,
    )


def _of_passage(shop: Workshop, context: Context, exam: Exam, model: str) -> dict[str, float]:
    found = {r.probe_id: r for r in probing.put(shop.engine, [*exam.rewarded, *exam.hidden], model)}
    paid, hidden = _Gains.of(exam, exam.rewarded, found), _Gains.of(exam, exam.hidden, found)
    return {
        "accuracy": paid.accuracy,
        "logprob": median(paid.logprobs) if paid.logprobs else 0.0,
        "hidden_accuracy": hidden.accuracy,
        "hidden_logprob": fmean(hidden.logprobs) if hidden.logprobs else 0.0,
        "heldout": round(heldout(shop.engine, context, model) - exam.base_heldout, 4),
        "retention": _retention(shop, model),
    }


def _retention(shop: Workshop, model: str) -> float:
    """Mean fall in the probability of the answers to a sample of the general questions; the same for all."""
    most = shop.settings.policy.retrain.general
    asked = stratified(suite.load(shop.settings.guards.general.file), most, "retrain")
    if not asked:
        return 0.0
    pairs = zip(results(shop, asked, None), probing.put(shop.engine, asked, model), strict=True)
    return round(fmean(exp(before.logprob) - exp(after.logprob) for before, after in pairs), 4)


@dataclass(frozen=True)
class _Gains:
    """Over some probes: rise in right answers, as a share, and of each answer's log-probability, nats per token."""

    accuracy: float
    logprobs: list[float]

    @classmethod
    def of(cls, exam: Exam, probes: Sequence[Probe], after: Mapping[str, ProbeResult]) -> _Gains:
        pairs = [(exam.base[probe.id], after[probe.id]) for probe in probes]
        right = [float(a.correct) - float(b.correct) for b, a in pairs]
        rises = [round(a.logprob - b.logprob, 4) for b, a in pairs]
        return cls(round(fmean(right), 4) if right else 0.0, rises)
