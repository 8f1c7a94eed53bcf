"""ReST-EM (arXiv 2312.06585): of what the policy wrote, what it learns from, and what becomes of its mix.

The paper keeps every sample whose reward is 1. Rewards here are measured with noise, so what is kept must beat its
context's mean by more than the noise explains: a policy that learns from luck learns nothing, and narrows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean

import numpy as np

from seald.config.retraining import Retrain, Rewards
from seald.domain.episode import PASSAGE_ARM, Episode
from seald.domain.policy import Form, MixedForm, Policy
from seald.domain.self_edit import Line
from seald.policy.directives import head_of
from seald.policy.forms import joined
from seald.policy.registry import BY_RULE
from seald.policy.rewards import rewards

TINY = 1e-9
"""Rewards that differ by less are equal: what is left is rounding."""
MOST_SAMPLES = 16
"""Of one form in a mix, as MixedForm bounds it."""


def winners(groups: Mapping[str, Sequence[Episode]], settings: Retrain, noise: float | None) -> list[Episode]:
    """The self-edits to learn from, context by context, the best first. `noise`: standard deviation of one training's
    reward (`Reliability.noise`); None, and no one wins, since nothing tells a difference from luck then.

    A self-edit wins that is among the `settings.winners` best of its context by mean reward and beats the mean of all n
    by more than `settings.noise` standard errors: with variances v = noise² / trainings of the means, the variance of
    the difference is (1 - 1/n)² v of its own and v/n² of each other. Where all are alike, each one's chance to win is
    at most that of a normal deviate beyond so many standard errors (5% for 1.645); of n, the best one's is up to n
    times as great. Self-edits with the same text are one; where rewards are equal the one that was sampled first is
    better. Where the passage alone is among them (`PASSAGE_ARM`), it must be beaten by as many standard errors, too:
    the best of bad ones teaches nothing.
    """
    if noise is None or not has_signal(groups, settings.rewards):
        return []
    return [episode for episodes in groups.values() for episode in _best(distinct(episodes), settings, noise)]


def has_signal(groups: Mapping[str, Sequence[Episode]], weights: Rewards) -> bool:
    """Whether any reward is not zero, and the self-edits of some context differ in theirs."""
    paid = [[rewards(episode, weights) for episode in distinct(episodes)] for episodes in groups.values()]
    is_zero = all(abs(reward) < TINY for context in paid for edit in context for reward in edit)
    spreads = (np.ptp([fmean(edit) for edit in context]) for context in paid if context)
    return not is_zero and any(spread > TINY for spread in spreads)


def distinct(episodes: Sequence[Episode]) -> list[Episode]:
    """Scored episodes in the order of sampling; of those with the same text the one that was trained most often."""
    scored = sorted((e for e in episodes if e.scores), key=lambda e: (-len(e.scores), e.sample, e.key))
    first = {episode.raw.strip(): episode for episode in reversed(scored)}
    return sorted(first.values(), key=lambda e: (e.sample, e.key))


def _best(episodes: Sequence[Episode], settings: Retrain, noise: float) -> list[Episode]:
    n = len(episodes)
    if n < 2:
        return []
    means = np.array([fmean(rewards(episode, settings.rewards)) for episode in episodes])
    variances = np.array([noise**2 / len(episode.scores) for episode in episodes])
    errors = np.sqrt((1 - 1 / n) ** 2 * variances + (variances.sum() - variances) / n**2)
    ahead = means - means.mean() > settings.noise * errors + TINY
    for alone in (i for i, episode in enumerate(episodes) if episode.arm == PASSAGE_ARM):
        ahead &= means - means[alone] > settings.noise * np.sqrt(variances + variances[alone]) + TINY
    best = sorted(range(n), key=lambda i: -round(float(means[i]), 9))[: settings.winners]
    return [episodes[i] for i in best if ahead[i]]


def reweighted(policy: Policy, won: Sequence[Episode], *, smoothing: float = 4.0) -> Policy:
    """The policy with as many samples in all, given to its sampled forms by what they won.

    The M-step for the mix: the most probable shares are those of the wins, since a form's wins already are in
    proportion to how often it was drawn. The old mix is the prior: each sample in it counts as `smoothing` wins, and a
    form without any as one sample. Shares become whole numbers by largest remainders, up to 16 each, ties going to the
    smaller share. Every form stays in the mix, be it with no sample (a later retraining still draws it now and then);
    those written by rule keep theirs. Wins of forms that are not in the mix count for nothing; without any win nothing
    changes.
    """
    wins = Counter(episode.form for episode in won)
    sampled = [mixed for mixed in policy.mix if mixed.form != BY_RULE]
    if not any(wins[mixed.form] for mixed in sampled):
        return policy
    weights = {mixed.form: wins[mixed.form] + smoothing * max(mixed.samples, 1) for mixed in sampled}
    samples = _apportioned(weights, sum(mixed.samples for mixed in sampled))
    mix = (MixedForm(form=m.form, samples=samples.get(m.form, m.samples)) for m in policy.mix)
    return policy.model_copy(update={"mix": tuple(mix)})


def _apportioned(weights: Mapping[str, float], total: int) -> dict[str, int]:
    """`total` by largest remainders (Hamilton's method); what one form cannot hold goes to the others."""
    if not weights or total <= 0:
        return dict.fromkeys(weights, 0)
    quotas = {form: total * weight / sum(weights.values()) for form, weight in weights.items()}
    full = {form: MOST_SAMPLES for form, quota in quotas.items() if quota > MOST_SAMPLES}
    if full:
        rest = {form: weight for form, weight in weights.items() if form not in full}
        return full | _apportioned(rest, total - sum(full.values()))
    whole = {form: int(quota) for form, quota in quotas.items()}
    by_remainder = sorted(quotas, key=lambda form: (-round(quotas[form] - whole[form], 9), quotas[form]))
    for form in by_remainder[: total - sum(whole.values())]:
        whole[form] += 1
    return whole


def lessons_of(won: Sequence[Episode], forms: Mapping[str, Form]) -> tuple[Line, ...]:
    """What the policy is trained on: the prompt that it was given, and of its answer the directives and the lines that
    were kept, since these are what was paid for. By context and sample, each once; what is empty teaches nothing."""
    ordered = sorted(won, key=lambda e: (e.context_id, e.sample, e.key))
    told = ((e.prompt, _told(e, forms[e.form])) for e in ordered)
    return tuple(dict.fromkeys(Line(prompt=prompt, text=text) for prompt, text in told if text))


def temperature_of(won: Sequence[Episode], forms: Mapping[str, Form]) -> float:
    """At which they were sampled, in the mean."""
    return fmean(forms[episode.form].temperature for episode in won)


def _told(episode: Episode, form: Form) -> str:
    """A configuration stands as it was written."""
    if form.subject == "task":
        return episode.raw.strip()
    return "\n".join(filter(None, (head_of(episode.raw), joined(form, episode.lines))))
