"""learning → sampling (the next round) or judging: the policy is fine-tuned on the self-edits that won (ReST-EM's
M-step, arXiv 2312.06585), or the run is refused where there is nothing to believe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seald import __version__
from seald.domain.adapter import WEIGHTS
from seald.domain.episode import POLICY_ARM, Episode
from seald.domain.policy_version import PolicyManifest, PolicyVersion
from seald.domain.retraining import RefusalCode, Retraining, RetrainingStatus
from seald.domain.training import TrainingJob
from seald.pipeline.draft import policy_of
from seald.pipeline.earn import agreement_of_seeds, by_context, compared, is_over, rivals
from seald.pipeline.round_figures import figures_of, means, parseable
from seald.pipeline.score import train
from seald.pipeline.workshop import Workshop
from seald.policy.hacking import parted
from seald.policy.reinforce import has_signal, lessons_of, reweighted, temperature_of, winners
from seald.policy.rewards import mean_reward

S = RetrainingStatus
PARTED_ALPHA = 0.05
FEW = 3
"""Contexts without a winner in fewer than which a round teaches no policy: it would learn them by heart."""


def learn(shop: Workshop, run: Retraining) -> None:
    """Refuse, or train the round's policy, put its files in place, and go on."""
    episodes, settings = compared(shop, run), shop.settings.policy.retrain.of(run.subject)
    # One that speaks to the model, in lines that were dropped, is no example of writing.
    judged = rivals(shop, run, episodes)
    groups = by_context([e for e in judged if e.scores and not e.dropped.get("instruction")])
    if not has_signal(groups, settings.rewards):
        message = "no self-edit was worth more than another: all rewards are the same; the policy stays as it is"
        _without_winners(shop, run, [], "no_signal", message)
        return
    why = _parted(shop, run)
    if why is not None:
        shop.policies.refuse(run.id, S.LEARNING, "reward_hacking", why, _reported(shop, run, [], None))
        return
    # Where nothing that could be trained on was best, there is nothing to learn from.
    won = [e for e in winners(groups, settings, agreement_of_seeds(shop, run, judged).noise) if e.lines]
    if len(by_context(won)) < min(FEW, len(groups)):
        found = f"in {len(by_context(won))} of {len(groups)} contexts a self-edit beat the others by more than noise"
        message = f"{found}: too few to learn from; the policy stays as it is"
        _without_winners(shop, run, won, "nothing_won", message)
        return
    version = _policy(shop, run, won)
    _mark(shop, run, episodes, won)
    _go_on(shop, run, _reported(shop, run, won, version))


def _mark(shop: Workshop, run: Retraining, episodes: Sequence[Episode], won: Sequence[Episode]) -> None:
    """What each self-edit was paid, and which were learned from: the examples of the policy."""
    weights, keys = shop.settings.policy.retrain.of(run.subject).rewards, {episode.key for episode in won}
    marked = [
        episode.model_copy(update={"reward": mean_reward(episode, weights), "learned": episode.key in keys})
        for episode in episodes
    ]
    shop.episodes.put(marked)


def draft_name(run: Retraining, round: int) -> str:
    """Of the folder in which a round's policy is trained."""
    return f"{run.id}-{round}"


def _without_winners(shop: Workshop, run: Retraining, won: Sequence[Episode], code: RefusalCode, message: str) -> None:
    """What earlier rounds have learned may still be better than what there was: also where it is always right now, so
    that nothing is better than anything else."""
    figures = _reported(shop, run, won, None)
    if run.version is not None:
        shop.retrainings.move(run.id, S.LEARNING, S.JUDGING, figures=figures)
    else:
        shop.policies.refuse(run.id, S.LEARNING, code, message, figures)


def _go_on(shop: Workshop, run: Retraining, figures: dict[str, Any]) -> None:
    if run.round < run.spec.rounds and not is_over(shop, run):
        shop.retrainings.move(run.id, S.LEARNING, S.SAMPLING, round=run.round + 1, figures=figures)
    else:
        shop.retrainings.move(run.id, S.LEARNING, S.JUDGING, figures=figures)


def _parted(shop: Workshop, run: Retraining) -> str | None:
    """Why the reward is no longer believed; None in the first round, which has nothing to be compared with."""
    if run.round == 1:
        return None
    weights = shop.settings.policy.retrain.of(run.subject).rewards
    first = [e for e in shop.episodes.of_round(run.id, 1, POLICY_ARM) if e.scores]
    latest = [e for e in compared(shop, run) if e.scores]
    return parted(means(first, weights), means(latest, weights), alpha=PARTED_ALPHA)


def _reported(shop: Workshop, run: Retraining, won: Sequence[Episode], version: PolicyVersion | None) -> dict[str, Any]:
    """The run's figures with those of this round in their place."""
    rounds = [found for found in run.figures.get("rounds", []) if found["round"] != run.round]
    return {"rounds": [*rounds, {**_figures(shop, run, won), "version": version.label if version else None}]}


def _figures(shop: Workshop, run: Retraining, won: Sequence[Episode]) -> dict[str, Any]:
    episodes = shop.episodes.of_round(run.id, run.round, POLICY_ARM)
    weights = shop.settings.policy.retrain.of(run.subject).rewards
    agreement = agreement_of_seeds(shop, run, rivals(shop, run, episodes))
    found = figures_of(episodes, won, agreement, weights)
    of_tasks = {"parseable": parseable(episodes)} if run.subject == "task" else {}
    return {"round": run.round, **found, **of_tasks}


def _policy(shop: Workshop, run: Retraining, won: Sequence[Episode]) -> PolicyVersion:
    """The round's policy version with its files in place; twice is once."""
    parent = run.start if run.round == 1 else _before(shop, run)
    policy = reweighted(policy_of(shop, run, parent), won).model_copy(update={"writer": None})
    version = shop.policies.allot(run.id, run.round, parent=parent, policy=policy)
    if version.sha256 is not None:
        return version
    job = _job(shop, run, parent, won)
    (result,) = train(shop, run, [job])
    figures = _figures(shop, run, won) | {"training": result.model_dump(exclude={"canaries", "layer_norms"})}
    weights, manifest = _publish(shop, run, version, job, figures)
    recorded = shop.policies.record_weights(version.version, weights, manifest, figures)
    shop.retrainings.note(run.id, "learned", {"round": run.round, "version": version.version, "winners": len(won)})
    return recorded


def _before(shop: Workshop, run: Retraining) -> int | None:
    """The policy that the round before has learned: also where this round's is allotted already."""
    rounds = {v.round: v.version for v in shop.policies.all() if v.retraining_id == run.id}
    return rounds.get(run.round - 1, run.start)


def _job(shop: Workshop, run: Retraining, parent: int | None, won: Sequence[Episode]) -> TrainingJob:
    settings, folder = shop.settings, None
    # What was sampled at a low temperature and learned at 1 is sharpened even where nothing was selected.
    recipe = settings.recipes[settings.policy.retrain.policy_recipe]
    if parent is not None:
        shop.policy_files.verify(shop.policies.get(parent))
        folder = str(shop.policy_files.folder(parent))
    return TrainingJob(
        id=f"{run.id}, policy of round {run.round}",
        model=str(shop.base.folder),
        parent=folder,
        recipe=recipe.model_copy(update={"temperature": temperature_of(won, shop.forms)}),
        seed=settings.training.seed,
        fresh=lessons_of(won, shop.forms),
        output=str(shop.policy_files.draft(draft_name(run, run.round))),
        checkpoint=str(shop.work_folder(run.id) / f"policy-{run.round}"),
    )


def _publish(
    shop: Workshop, run: Retraining, version: PolicyVersion, job: TrainingJob, figures: dict[str, Any]
) -> tuple[str, str]:
    """sha256 of the weights and of the manifest."""
    draft = shop.policy_files.draft(draft_name(run, run.round))
    manifest = PolicyManifest(
        seald=__version__,
        version=version.version,
        parent=version.parent,
        retraining=run.id,
        round=run.round,
        files=shop.policy_files.hashes(draft),
        base_model=shop.base.name,
        base_sha256=shop.base.sha256,
        policy=version.policy,
        recipe=job.recipe,
        seed=job.seed,
        documents=version.documents,
        figures=figures,
        created=shop.clock.now(),
    )
    return manifest.files[WEIGHTS], shop.policy_files.publish(draft, manifest)
