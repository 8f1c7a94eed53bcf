"""`seald bench policy`: SEAL's outer loop on a file of passages, by the very code that the daemon runs.

A store, a fleet of engines, the trainer's process; killed, it goes on from its folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any

from seald.bench.passages import BenchPassage
from seald.bench.report import Figures, arm_name
from seald.bench.workroom import WAIT_SECONDS, workroom
from seald.config import Settings
from seald.domain.episode import Episode
from seald.domain.retraining import TERMINAL, Context, LabelledQuestion, Retraining, RetrainingAsk, RetrainingEvent
from seald.pipeline.contest import TOURNAMENT, WHOLE
from seald.pipeline.lessons import spread
from seald.pipeline.retrain import Retrainer, ask_for_retraining
from seald.pipeline.workshop import Workshop
from seald.policy.coverage import Tally

KEY = "bench"
PAGE = 1000
Watch = Callable[[Retraining, RetrainingEvent], None]


def measure(settings: Settings, passages: Sequence[BenchPassage], ask: RetrainingAsk, watch: Watch) -> Figures:
    """Run a retraining over the passages to its end. `settings.data_dir` is where everything lies.

    Raises:
        EngineUnavailable: no engine answered. Whatever a retraining of the daemon would fail with is in the figures'
            settings as `error`.
    """
    asked = ask.contexts if isinstance(ask.contexts, int) else settings.policy.retrain.contexts
    contexts = spread(map(as_context, passages), asked + settings.policy.retrain.tournament.contexts, KEY)
    with workroom(settings) as shop:
        run, _ = ask_for_retraining(shop, ask.model_copy(update={"contexts": contexts}), KEY)
        run = to_its_end(shop, run, watch)
        return _figures(shop, run)


def as_context(passage: BenchPassage) -> Context:
    """A passage of a bench's file as what a policy learns from."""
    questions = tuple(LabelledQuestion(question=q.question, answer=q.answer) for q in passage.questions)
    return Context(title=passage.title, context=passage.context, questions=questions, edits=passage.edits)


def to_its_end(shop: Workshop, run: Retraining, watch: Watch) -> Retraining:
    """Step until it has ended; whoever watches is told of every event."""
    retrainer, seen = Retrainer(shop), 0
    while run.status not in TERMINAL:
        if not retrainer.step():
            shop.stopping.wait(WAIT_SECONDS)
        run = shop.retrainings.get(run.id)
        for event in shop.retrainings.events(run.id, after=seen, limit=PAGE):
            seen = event.seq
            watch(run, event)
    return run


def _figures(shop: Workshop, run: Retraining) -> Figures:
    figures = Figures("policy", settings={"status": run.status, "model": shop.base.name})
    figures.settings |= {"rounds": run.spec.rounds, "contexts": run.spec.contexts, "samples": run.spec.samples}
    if run.error is not None:
        figures.settings["error"] = f"{run.error['code']}: {run.error['message']}"
    figures.add("promoted", int(run.status == "promoted"))
    figures.add("seconds", round(((run.finished or shop.clock.now()) - run.created).total_seconds(), 1))
    for found in run.figures.get("rounds", []):
        _add_round(figures, found)
    if "tournament" in run.figures:
        _add_tournament(figures, run.figures["tournament"], _forms(shop, run))
    return figures


def _add_round(figures: Figures, found: dict[str, Any]) -> None:
    """`reward_reliability` is that of the first round, of one seed with another: what SEAL published is .32."""
    number = found["round"]
    known = found["reliability"]
    if number == 1:
        figures.add("reward_reliability", known["single"] or 0.0)
    named = {"single": "reliability", "mean": "reliability_of_means", "noise": "noise"}
    for key, name in named.items():
        if known[key] is not None:
            figures.add(f"{name}_round_{number}", known[key])
    for key in ("reward", "hidden"):
        if found[key] is not None:
            figures.add(f"{key}_round_{number}", found[key]["mean"])
            figures.add(f"{key}_round_{number}_low", found[key]["low"])
            figures.add(f"{key}_round_{number}_high", found[key]["high"])
    for key in ("proxy_mean", "diversity", "winners", "scored", "tokens", "seconds"):
        figures.add(f"{key}_round_{number}", found[key])
    trainings = found["scored"] * found["seeds"]
    if trainings:
        figures.add(f"seconds_a_candidate_round_{number}", found["seconds"] / trainings)


def _add_tournament(figures: Figures, found: dict[str, Any], forms: dict[str, tuple[float, float, float]]) -> None:
    figures.add("tournament_contexts", max(duel["n"] for duel in found["duels"]))
    for name, gained in found["gains"].items():
        figures.add(f"{name}_gain", gained["difference"])
        figures.add(f"{name}_gain_low", gained["low"])
        figures.add(f"{name}_gain_high", gained["high"])
    for standing in found["standings"]:
        arm = arm_name(standing["arm"])
        accuracy, coverage, seconds = forms[standing["arm"]]
        figures.add(f"accuracy_{arm}", accuracy)
        for key in ("score", "tokens", "diversity"):
            figures.add(f"{key}_{arm}", standing[key])
        figures.add(f"coverage_{arm}", coverage)
        figures.add(f"seconds_{arm}", seconds)
    for duel in found["duels"]:
        name = f"learned_over_{arm_name(duel['against'])}"
        figures.add(name, duel["difference"])
        figures.add(f"{name}_low", duel["low"])
        figures.add(f"{name}_high", duel["high"])


def _forms(shop: Workshop, run: Retraining) -> dict[str, tuple[float, float, float]]:
    """Contestant → right answers after adaptation to all questions that judge, as a share; share of the passages' facts
    that its lines say; seconds of writing and training."""
    lessons = {lesson.id: lesson for lesson in shop.retrainings.lessons(run.id)}
    wholes = [e for e in shop.episodes.of_round(run.id, TOURNAMENT) if e.sample == WHOLE]
    found = {}
    for arm in dict.fromkeys(episode.arm for episode in wholes):
        own = [episode for episode in wholes if episode.arm == arm]
        contexts = [lessons[episode.context_id] for episode in own]
        exams = [lesson.exam for lesson in contexts if lesson.exam is not None]
        before = [fmean(exam.base[probe.id].correct for probe in exam.hidden) for exam in exams]
        gained = [fmean(s.hidden_accuracy for s in e.scores) if e.scores else 0.0 for e in own]
        covered = [_coverage(lesson.context, episode) for lesson, episode in zip(contexts, own, strict=True)]
        seconds = sum(e.seconds + sum(score.seconds for score in e.scores) for e in own)
        found[arm] = fmean(before) + fmean(gained), fmean(covered), round(seconds, 1)
    return found


def _coverage(context: Context, episode: Episode) -> float:
    tally = Tally(context.title, context.context, 1)
    tally.take(episode.lines)
    return tally.coverage().covered
