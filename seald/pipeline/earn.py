"""scoring → learning: every surviving self-edit is trained and examined, and again with another seed, until the ranking
within the contexts is stable or the budget ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from seald.domain.episode import PASSAGE_ARM, POLICY_ARM, Episode, Score
from seald.domain.retraining import Lesson, Retraining, RetrainingStatus
from seald.errors import TrainerFailed
from seald.pipeline.score import forget_work, score
from seald.pipeline.task_exam import nothing_right
from seald.pipeline.workshop import Workshop
from seald.policy.reliability import Reliability, reliability
from seald.policy.rewards import rewards

S = RetrainingStatus
OWN_FAULT = ("diverged", "out_of_memory")
"""What a self-edit's own directives or length may do to its training."""
FIRST_EVENTS = 10
"""Among so many is the one that says when a run began."""
FIRST = 1
"""The round that the passages alone are scored in."""
LEAST_SEEDS = 2
"""With one training of each there is no telling what is noise."""


def earn(shop: Workshop, run: Retraining) -> None:
    """Score the next few; with no further seed wanted, learning begins."""
    survivors = surviving(shop, run)
    lacking = [episode for episode in survivors if len(episode.scores) < _seeds(shop, run, survivors)]
    if not lacking:
        _pay_the_empty(shop, run)
        shop.retrainings.move(run.id, S.SCORING, S.LEARNING)
        return
    lessons = {lesson.id: lesson for lesson in shop.retrainings.lessons(run.id)}
    next_ones = min_first(lacking)[: shop.settings.policy.retrain.together]
    score_some(shop, run, lessons, next_ones)
    done = len(survivors) - len(lacking) + len(next_ones)
    shop.retrainings.note(run.id, "progress", {"round": run.round, "done": done, "of": len(survivors)})


def score_some(shop: Workshop, run: Retraining, lessons: Mapping[str, Lesson], episodes: Sequence[Episode]) -> None:
    """One score more for each of these, stored, and what was trained for it deleted.

    One that cannot be trained, by the directives that it asks for, is left out from then on.
    """
    try:
        scored = score(shop, run, lessons, episodes)
    except TrainerFailed as failure:
        if len(episodes) > 1:
            for episode in episodes:
                score_some(shop, run, lessons, [episode])
        else:
            # A configuration that breaks its training is as bad as one can be; of a passage nothing is known then.
            exam = lessons[episodes[0].context_id].exam if _is_paid(run, episodes[0]) else None
            worst = (nothing_right(exam, seed=shop.settings.training.seed),) if exam is not None else ()
            _leave_out(shop, run, episodes[0], failure, worst)
        return
    shop.episodes.put(scored)
    forget_work(shop, run, scored)
    for episode in scored:
        last = episode.scores[-1]
        told = last.model_dump(exclude={"tokens"}) | {"arm": episode.arm, "context": episode.context_id}
        shop.retrainings.note(run.id, "scored", {"round": episode.round, "sample": episode.sample, **told})


def _is_paid(run: Retraining, episode: Episode) -> bool:
    return run.subject == "task" and episode.arm == POLICY_ARM


def _leave_out(
    shop: Workshop, run: Retraining, episode: Episode, failure: TrainerFailed, scores: tuple[Score, ...]
) -> None:
    if failure.code not in OWN_FAULT:
        raise failure
    shop.episodes.put([episode.model_copy(update={"survived": False, "scores": scores})])
    shop.retrainings.note(run.id, "untrainable", {"context": episode.context_id, "code": failure.code})


def surviving(shop: Workshop, run: Retraining) -> list[Episode]:
    """The episodes of the round that an adapter is trained on, in the first one the passage alone among them."""
    return [episode for episode in shop.episodes.of_round(run.id, run.round) if episode.survived]


def alone(shop: Workshop, run: Retraining) -> list[Episode]:
    """Of each context what its passage alone gave, where passages are trained beside self-edits."""
    return shop.episodes.of_round(run.id, FIRST, PASSAGE_ARM)


def rivals(shop: Workshop, run: Retraining, episodes: Sequence[Episode]) -> list[Episode]:
    """Those of the round's episodes that are weighed against each other: of passages what holds lines, and beside it
    the passage alone, once."""
    passages = alone(shop, run)
    return [episode for episode in episodes if episode.lines] + passages if passages else list(episodes)


def _pay_the_empty(shop: Workshop, run: Retraining) -> None:
    """A self-edit without lines adds nothing: it is worth what its passage alone is."""
    found = {episode.context_id: episode.scores for episode in alone(shop, run)}
    empty = [e for e in shop.episodes.of_round(run.id, run.round, POLICY_ARM) if not e.lines and not e.scores]
    shop.episodes.put([e.model_copy(update={"scores": found[e.context_id]}) for e in empty if e.context_id in found])


def compared(shop: Workshop, run: Retraining) -> list[Episode]:
    """The episodes of the round that are set beside each other: those that survived, and of tasks what was no
    configuration, or none that can be trained by, with the worst score that there is."""
    return [e for e in shop.episodes.of_round(run.id, run.round, POLICY_ARM) if e.survived or e.scores]


def by_context(episodes: Sequence[Episode]) -> dict[str, list[Episode]]:
    """Context → its episodes."""
    groups: dict[str, list[Episode]] = {}
    for episode in episodes:
        groups.setdefault(episode.context_id, []).append(episode)
    return groups


def agreement_of_seeds(shop: Workshop, run: Retraining, episodes: Sequence[Episode]) -> Reliability:
    """How far the ranking of self-edits would be found again."""
    weights = shop.settings.policy.retrain.of(run.subject).rewards
    groups = by_context([episode for episode in episodes if episode.scores])
    return reliability([[rewards(episode, weights) for episode in group] for group in groups.values()])


def min_first(episodes: Sequence[Episode]) -> list[Episode]:
    """Those with fewest scores first, so that every one has its first before any has its second."""
    return sorted(episodes, key=lambda episode: len(episode.scores))


def is_over(shop: Workshop, run: Retraining) -> bool:
    """Whether the time that a run may take, from its beginning, is spent."""
    minutes = shop.settings.policy.retrain.minutes
    if minutes is None:
        return False
    started = (e.at for e in shop.retrainings.events(run.id, limit=FIRST_EVENTS) if e.data.get("to") == S.SAMPLING)
    return shop.clock.now() - next(started, run.created) > timedelta(minutes=minutes)


def _seeds(shop: Workshop, run: Retraining, survivors: Sequence[Episode]) -> int:
    """How many scores each survivor is to have: so many as all have, and one more while that is worth it."""
    settings = shop.settings.policy.retrain
    done = min((len(episode.scores) for episode in survivors), default=settings.seeds)
    begun = max((len(episode.scores) for episode in survivors), default=done)
    if begun > done or done == 0:  # what was begun is finished
        return done + 1
    if done >= settings.seeds:
        return done
    if done < LEAST_SEEDS:  # without a second there is no winner, and what was spent is lost
        return done + 1
    if is_over(shop, run):
        return done
    found = agreement_of_seeds(shop, run, survivors).mean
    return done if found is not None and found >= settings.reliability else done + 1
