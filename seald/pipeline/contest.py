"""judging → promoted or refused: the learned policy, the incumbent and every seed form write for contexts that nothing
was learned from, at equal tokens; what their adapters gain on the hidden questions decides.

Of tasks: the learned policy, the incumbent and the recipe's own configuration, which nobody writes. Each trains by one
configuration, the first of its samples that is one, as it stands: epochs are what is learned, so tokens differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from statistics import fmean

from seald.domain.episode import Episode
from seald.domain.policy import MixedForm, Policy
from seald.domain.retraining import Lesson, Retraining, RetrainingStatus
from seald.domain.tournament import INCUMBENT, LEARNED, RECIPE, Standing
from seald.errors import Conflict
from seald.pipeline.draft import drafting, drafts_of, episode_of, is_usable, policy_of, weighed
from seald.pipeline.earn import LEAST_SEEDS, min_first, score_some
from seald.pipeline.workshop import Workshop
from seald.pipeline.writer import writing
from seald.policy.configuring import own
from seald.policy.diversity import diversity
from seald.policy.drafting import Draft, draw_forms
from seald.policy.registry import seed_forms
from seald.policy.rewards import hidden_gain, mean_reward
from seald.policy.targeting import tokens
from seald.policy.task_drafting import draft_of
from seald.policy.tournament import fill, gain, judge
from seald.ports import BASE, Continuation

S = RetrainingStatus
TOURNAMENT = 0
"""The round that a tournament's episodes bear."""
WHOLE = 0
"""Sample of a contestant's self-edits for a context together, cut to equal tokens, which is what is trained; those with
a higher number are the self-edits as they were written."""


def contest(shop: Workshop, run: Retraining) -> None:
    """Let one contestant write for one context, or score some; with nothing missing, judge."""
    lessons = [lesson for lesson in shop.retrainings.lessons(run.id) if lesson.held_out and is_usable(lesson)]
    contestants = _contestants(shop, run)
    episodes = shop.episodes.of_round(run.id, TOURNAMENT)
    done = {(episode.arm, episode.context_id) for episode in episodes}
    missing = [(arm, lesson) for arm in contestants for lesson in lessons if (arm, lesson.id) not in done]
    if missing:
        arm, lesson = missing[0]
        _write(shop, run, lesson, arm, contestants[arm], {"done": len(done) + 1, "of": len(done) + len(missing)})
        return
    lacking = [e for e in episodes if e.survived and len(e.scores) < _seeds(e)]
    if lacking:
        known = {lesson.id: lesson for lesson in lessons}
        score_some(shop, run, known, min_first(lacking)[: shop.settings.policy.retrain.together])
        return
    _judge(shop, run, lessons, list(contestants), episodes)


def _contestants(shop: Workshop, run: Retraining) -> Mapping[str, Policy]:
    incumbent = policy_of(shop, run, run.incumbent)
    found = {LEARNED: policy_of(shop, run, run.version), INCUMBENT: incumbent}
    if run.subject == "task":
        return found | {RECIPE: shop.seed_policy("task").model_copy(update={"version": RECIPE})}
    written = [mixed.form for mixed in incumbent.mix if shop.forms[mixed.form].prompt is not None]
    for form in seed_forms(shop.forms):
        # A seed policy of one form is that form: it is not to be beaten twice.
        if run.incumbent is not None or written != [form.name]:
            found[form.name] = Policy(version=form.name, mix=(MixedForm(form=form.name),), writer=shop.policy.writer)
    return found


def _seeds(episode: Episode) -> int:
    """The two that matter most are told apart most exactly."""
    return LEAST_SEEDS if episode.arm in (LEARNED, INCUMBENT) else 1


def _write(shop: Workshop, run: Retraining, lesson: Lesson, arm: str, policy: Policy, at: dict[str, int]) -> None:
    written = _drafts(shop, run, lesson, arm, policy)
    each = [episode_of(run, TOURNAMENT, arm, lesson, policy, draft) for draft in written]
    each = [e.model_copy(update={"sample": e.sample + 1, "survived": False}) for e in each]
    whole = _first_configuration(each) if run.subject == "task" else _together(shop, each)
    seconds = sum(episode.seconds for episode in each)
    whole = whole.model_copy(update={"sample": WHOLE, "survived": True, "seconds": seconds})
    shop.episodes.put([*weighed(lesson, [whole]), *weighed(lesson, each)])
    shop.retrainings.note(run.id, "contested", {"arm": arm, "context": lesson.id, "lines": len(whole.lines), **at})


def _drafts(shop: Workshop, run: Retraining, lesson: Lesson, arm: str, policy: Policy) -> list[Draft]:
    if arm == RECIPE:
        context, settings = lesson.context, shop.settings
        theirs = own(context.kind, settings.recipes[settings.tasks.recipe], settings.tasks)
        return [draft_of(context, drafting(shop, policy, lesson, "", explore=0.0), theirs)]
    with writing(shop, policy) as (writer, model):
        how = drafting(shop, policy, lesson, model, explore=0.0)
        # One form, and of who mixes alike the same one: diversity is then the writer's, not the draw's.
        forms = draw_forms(how, f"{run.id}/{lesson.id}", 1) * shop.settings.policy.retrain.tournament.samples
        return drafts_of(writer, lesson.context, how, named=f"{run.id}/{arm}/{lesson.id}", forms=forms)


def _first_configuration(each: Sequence[Episode]) -> Episode:
    """What is trained by; where no reply is one, nothing is."""
    return next((episode for episode in each if episode.lines), each[0])


def _together(shop: Workshop, each: Sequence[Episode]) -> Episode:
    """Self-edits of a passage, cut to equal tokens."""
    lines = fill([line for e in each for line in e.lines], shop.settings.policy.retrain.tournament.tokens)
    return each[0].model_copy(
        update={
            "raw": "\n\n".join(episode.raw for episode in each),
            "lines": lines,
            # All are trained for as many epochs, or more of them would win.
            "directives": each[0].directives.model_copy(update={"epochs": None}),
            "edit_tokens": tokens(lines),
        }
    )


def _judge(
    shop: Workshop, run: Retraining, lessons: Sequence[Lesson], arms: Sequence[str], episodes: Sequence[Episode]
) -> None:
    settings = shop.settings.policy.retrain.of(run.subject).tournament
    wholes = {(e.arm, e.context_id): e for e in episodes if e.sample == WHOLE}
    # Whose lines were all dropped taught nothing: its gain is none.
    scores = {arm: [hidden_gain(wholes[arm, lesson.id]) or 0.0 for lesson in lessons] for arm in arms}
    standings = [_standing(shop, run, arm, lessons, wholes, episodes) for arm in arms]
    result = judge(scores, standings, settings)
    result = result.model_copy(update=_gains(shop, run, lessons, wholes, episodes))
    figures = {"tournament": result.model_dump()}
    if result.verdict != "won":
        shop.policies.refuse(run.id, S.JUDGING, result.verdict, result.reason, figures)
        return
    try:
        shop.policies.promote(run.id, result)
    except Conflict as conflict:
        if conflict.code != "incumbent_changed":
            raise
        shop.policies.refuse(run.id, S.JUDGING, "incumbent_changed", conflict.message, figures)


Wholes = Mapping[tuple[str, str], Episode]
"""By contestant and context."""


def _standing(
    shop: Workshop, run: Retraining, arm: str, lessons: Sequence[Lesson], wholes: Wholes, episodes: Sequence[Episode]
) -> Standing:
    own = [wholes[arm, lesson.id] for lesson in lessons]
    scores = [score for episode in own for score in episode.scores]
    weights = shop.settings.policy.retrain.of(run.subject).rewards
    written = [_written(episodes, arm, lesson) for lesson in lessons]
    return Standing(
        arm=arm,
        score=round(fmean(hidden_gain(episode) or 0.0 for episode in own), 4),
        accuracy=round(fmean(score.hidden_accuracy for score in scores), 4) if scores else 0.0,
        logprob=round(fmean(score.hidden_logprob for score in scores), 4) if scores else 0.0,
        proxy=round(fmean(_proxy(each) for each in written), 4),
        reward=round(fmean(mean_reward(episode, weights) or 0.0 for episode in own), 4),
        tokens=fmean(map(_trained if run.subject == "task" else _of_an_epoch, own)),
        diversity=round(fmean(diversity([episode.raw for episode in each]) for each in written), 4),
    )


def _written(episodes: Sequence[Episode], arm: str, lesson: Lesson) -> list[Episode]:
    """A contestant's self-edits for a context as they were written."""
    return [e for e in episodes if (e.arm, e.context_id) == (arm, lesson.id) and e.sample != WHOLE]


def _of_an_epoch(whole: Episode) -> float:
    return whole.edit_tokens


def _trained(whole: Episode) -> float:
    """In all epochs."""
    return fmean(score.tokens for score in whole.scores) if whole.scores else 0.0


def _proxy(written: Sequence[Episode]) -> float:
    return fmean(episode.proxy.get("total", 0.0) for episode in written)


def _gains(
    shop: Workshop, run: Retraining, lessons: Sequence[Lesson], wholes: Wholes, episodes: Sequence[Episode]
) -> dict[str, object]:
    """What learning did to writing: to reward and proxy of fresh self-edits, and to how probable good ones are."""
    settings = shop.settings.policy.retrain.of(run.subject)
    weights, alpha = settings.rewards, settings.tournament.alpha
    arms = (INCUMBENT, LEARNED)
    found = {
        "reward": [[mean_reward(wholes[arm, lesson.id], weights) or 0.0 for lesson in lessons] for arm in arms],
        "proxy": [[_proxy(_written(episodes, arm, lesson)) for lesson in lessons] for arm in arms],
        **_logprobs(shop, run, lessons, wholes, episodes),
    }
    return {"gains": {name: _gain(before, after, alpha) for name, (before, after) in found.items()}}


def _gain(before: Sequence[float], after: Sequence[float], alpha: float) -> dict[str, float]:
    difference, low, high, p = gain(before, after, alpha=alpha)
    named = {"before": fmean(before), "after": fmean(after), "difference": difference, "low": low, "high": high, "p": p}
    return {name: round(value, 4) for name, value in named.items()}


def _logprobs(
    shop: Workshop, run: Retraining, lessons: Sequence[Lesson], wholes: Wholes, episodes: Sequence[Episode]
) -> dict[str, list[list[float]]]:
    """How probable incumbent and learned policy hold the self-edits of each context, nats per token: the best, by what
    their adapters gained, among those that policies before this one wrote in forms of the mix, and all of them.

    Training on any replies makes such replies more probable. Only where the best rise by more than all do has it been
    learned what is good.
    """
    mix = {mixed.form for mixed in policy_of(shop, run, run.incumbent).mix} | {INCUMBENT, RECIPE}
    arms = [arm for arm in dict.fromkeys(arm for arm, _ in wholes) if arm in mix]
    best, every = [], []
    for lesson in lessons:
        winner = max(arms, key=lambda arm: hidden_gain(wholes[arm, lesson.id]) or 0.0)
        best.append(_written(episodes, winner, lesson))
        every.append([episode for arm in arms for episode in _written(episodes, arm, lesson)])
    written = [episode for group in every for episode in group]
    scores = [_scored(shop, policy_of(shop, run, version), written) for version in (run.incumbent, run.version)]

    def means(groups: Sequence[Sequence[Episode]]) -> list[list[float]]:
        return [[fmean(known[episode.key] for episode in group) for group in groups] for known in scores]

    return {"winners_logprob": means(best), "all_logprob": means(every)}


def _scored(shop: Workshop, policy: Policy, written: Sequence[Episode]) -> dict[str, float]:
    """Log-probability of each text by the policy's model, nats per token, by the episode's key."""
    items = [Continuation(question=e.prompt, lead="", answer=e.raw or " ") for e in written]
    # What another model would give them cannot be asked: the base stands in for it.
    with nullcontext((None, BASE)) if policy.writer is not None else writing(shop, policy) as (_, model):
        scores = shop.engine.score(items, model=model)
    return {episode.key: score.mean for episode, score in zip(written, scores, strict=True)}
