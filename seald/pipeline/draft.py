"""sampling → scoring: exams first, then self-edits of every lesson, one lesson a call, weighed by proxy."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from seald.domain.episode import PASSAGE_ARM, POLICY_ARM, Episode
from seald.domain.policy import Form, Policy
from seald.domain.retraining import Context, Lesson, Retraining, RetrainingStatus
from seald.errors import InvalidRequest
from seald.pipeline.earn import FIRST
from seald.pipeline.exam import prepare
from seald.pipeline.lessons import LEAST
from seald.pipeline.task_exam import nothing_right
from seald.pipeline.workshop import Workshop
from seald.pipeline.writer import writing
from seald.policy.diversity import diversity
from seald.policy.drafting import Draft, Drafting, drafts, draw_forms, imported
from seald.policy.proxy import proxy
from seald.policy.registry import BY_RULE
from seald.policy.task_drafting import UNPARSEABLE, configurations, ready_made
from seald.ports import Writer

S = RetrainingStatus


def sample(shop: Workshop, run: Retraining) -> None:
    """Prepare one exam, or sample one lesson's self-edits; with nothing missing, scoring begins."""
    lessons = shop.retrainings.lessons(run.id)
    unexamined = [lesson for lesson in lessons if lesson.exam is None]
    if unexamined:
        _examine(shop, run, unexamined[0], {"done": len(lessons) - len(unexamined) + 1, "of": len(lessons)})
        return
    _require_enough(lessons)
    done = {episode.context_id for episode in shop.episodes.of_round(run.id, run.round, POLICY_ARM)}
    missing = [lesson for lesson in taught(lessons) if lesson.id not in done]
    if missing:
        _sample(shop, run, missing[0], {"done": len(done) + 1, "of": len(done) + len(missing)})
    else:
        shop.retrainings.move(run.id, S.SAMPLING, S.SCORING)


def taught(lessons: Sequence[Lesson]) -> list[Lesson]:
    """Those that the policy learns from: not held out, and with something to be asked on both sides."""
    return [lesson for lesson in lessons if not lesson.held_out and is_usable(lesson)]


def _require_enough(lessons: Sequence[Lesson]) -> None:
    """Said before hours are spent on what cannot be judged. Raises InvalidRequest, code `too_few_contexts`."""
    usable = [lesson for lesson in lessons if is_usable(lesson)]
    for held_out, called in ((False, "to learn from"), (True, "held out")):
        these = sum(lesson.held_out is held_out for lesson in usable)
        if these < LEAST:
            raise InvalidRequest(
                f"{these} of the contexts {called} have questions on both sides, one that pays and one that judges; "
                f"at least {LEAST} must",
                code="too_few_contexts",
            )


def is_usable(lesson: Lesson) -> bool:
    """Whether its exam can pay and judge."""
    return lesson.exam is not None and bool(lesson.exam.rewarded) and bool(lesson.exam.hidden)


def policy_of(shop: Workshop, run: Retraining, version: int | None) -> Policy:
    """A learned policy, or (None) the seed policy of what the run is about."""
    return shop.policies.get(version).policy if version is not None else shop.seed_policy(run.subject)


def drafting(shop: Workshop, policy: Policy, lesson: Lesson, model: str, *, explore: float) -> Drafting:
    """How self-edits of a lesson are sampled: the questions of its exam are not to be trained on."""
    exam = lesson.exam
    asked = (*exam.rewarded, *exam.hidden) if exam is not None else ()
    questions = tuple(probe.question for probe in asked if probe.kind == "question")
    return Drafting(
        policy=policy,
        forms=shop.forms,
        settings=shop.settings.policy,
        model=model,
        explore=explore,
        questions=questions,
        tasks=shop.settings.tasks,
        seed=shop.settings.training.seed,
    )


def drafts_of(writer: Writer, context: Context, how: Drafting, *, named: str, forms: Sequence[Form]) -> list[Draft]:
    """Self-edits of a passage, one of each form, or as many configurations of a task.

    Raises:
        EngineUnavailable, EngineRefused: the writer did not answer.
    """
    write = configurations if context.subject == "task" else drafts
    return write(writer, context, how, named=named, forms=forms)


def episode_of(run: Retraining, round: int, arm: str, lesson: Lesson, policy: Policy, draft: Draft) -> Episode:
    """A draft as the episode that it begins."""
    return Episode(
        retraining_id=run.id,
        round=round,
        arm=arm,
        context_id=lesson.id,
        document=lesson.context.document,
        sample=draft.sample,
        policy=policy.version,
        form=draft.form,
        prompt=draft.prompt,
        raw=draft.raw,
        directives=draft.directives,
        explored=draft.explored,
        lines=draft.lines,
        dropped=draft.dropped,
        edit_tokens=draft.edit_tokens,
        seconds=draft.seconds,
    )


def weighed(lesson: Lesson, episodes: Sequence[Episode]) -> list[Episode]:
    """The episodes of one lesson with their proxies: of a task whether there is a configuration at all, for the rubric
    is about texts."""
    if lesson.context.subject == "task":
        return [episode.model_copy(update={"proxy": {"total": float(bool(episode.lines))}}) for episode in episodes]
    title, passage = lesson.context.title, lesson.context.context
    return [
        episode.model_copy(
            update={"proxy": proxy(title, passage, episode, [other for other in episodes if other is not episode])}
        )
        for episode in episodes
    ]


def _examine(shop: Workshop, run: Retraining, lesson: Lesson, at: dict[str, int]) -> None:
    exam = prepare(shop, lesson)
    shop.retrainings.set_exam(run.id, lesson.id, exam)
    asked = {"rewarded": len(exam.rewarded), "hidden": len(exam.hidden)}
    shop.retrainings.note(run.id, "exam", {"context": lesson.id, "place": lesson.place, **asked, **at})


def _sample(shop: Workshop, run: Retraining, lesson: Lesson, at: dict[str, int]) -> None:
    policy = policy_of(shop, run, run.start if run.round == 1 else run.version)
    written = _written(shop, run, lesson, policy)
    episodes = weighed(lesson, [episode_of(run, run.round, POLICY_ARM, lesson, policy, draft) for draft in written])
    beside = run.subject == "passage" and shop.settings.policy.retrain.passage
    episodes = _with_survivors(episodes, shop.settings.policy.retrain.survivors, empty=not beside)
    kept = episodes if run.subject == "passage" else _without_failed(shop, lesson, episodes)
    shop.episodes.put([*kept, *([_alone(run, lesson)] if beside and run.round == FIRST else [])])
    told: dict[str, float] = {"written": len(episodes), "lines": sum(len(episode.lines) for episode in episodes), **at}
    told["diversity"] = round(diversity([episode.raw for episode in episodes]), 4)
    if run.subject == "task":
        told[UNPARSEABLE] = sum(episode.dropped.get(UNPARSEABLE, 0) for episode in episodes)
    shop.retrainings.note(run.id, "sampled", {"round": run.round, "context": lesson.id, **told})


def _written(shop: Workshop, run: Retraining, lesson: Lesson, policy: Policy) -> list[Draft]:
    settings, named = shop.settings.policy.retrain, f"{run.id}/{run.round}/{lesson.id}"
    if run.spec.writer is not None and run.round == 1:
        how = drafting(shop, policy, lesson, "", explore=settings.explore)
        take = ready_made if run.subject == "task" else imported
        return take(lesson.context, run.spec.writer, how, count=run.spec.samples)
    with writing(shop, policy) as (writer, model):
        how = drafting(shop, policy, lesson, model, explore=settings.explore)
        forms = draw_forms(how, named, run.spec.samples)
        return drafts_of(writer, lesson.context, how, named=named, forms=forms)


def _alone(run: Retraining, lesson: Lesson) -> Episode:
    """The passage without any self-edit, which is trained once a run."""
    return Episode(
        retraining_id=run.id,
        round=FIRST,
        arm=PASSAGE_ARM,
        context_id=lesson.id,
        document=lesson.context.document,
        sample=0,
        policy="",
        form=BY_RULE,
        prompt="",
        raw="",
    )


def _with_survivors(episodes: Sequence[Episode], share: float, *, empty: bool) -> list[Episode]:
    """The best by proxy survive: they are scored. Of those that would be trained alike one does, what comes of the
    others is known then; nothing at all is among them if `empty`."""
    ranked = sorted(episodes, key=lambda e: e.proxy.get("total", 0.0), reverse=True)
    ranked = [episode for episode in ranked if episode.lines or empty]
    alike = {(e.lines, e.directives): e for e in reversed(ranked)}
    ranked = [e for e in ranked if alike[e.lines, e.directives] is e]
    survivors = {episode.key for episode in ranked[: ceil(share * len(episodes))]}
    return [episode.model_copy(update={"survived": episode.key in survivors}) for episode in episodes]


def _without_failed(shop: Workshop, lesson: Lesson, episodes: Sequence[Episode]) -> list[Episode]:
    """A reply that is no configuration is not trained: it is paid as though nothing had come out right, so that it is
    the worst of its context."""
    assert lesson.exam is not None, "a lesson has its exam before anything is sampled for it"
    worst = {"survived": False, "scores": (nothing_right(lesson.exam, seed=shop.settings.training.seed),)}
    return [episode if episode.lines else episode.model_copy(update=worst) for episode in episodes]
