"""What is asked of a task that the policy learns from: its tests whose outputs are known, dealt in turn; some pay, some
judge. No teacher asks for more, and nothing is held against an adapter but what comes out wrong.

Before: the base with the examples in its prompt. After: the adapter, the input alone and behind the examples, which are
two attempts, as ARC allows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import get_args

from seald.domain.episode import Score
from seald.domain.probe import Probe, ProbeResult, Split, probe_id
from seald.domain.retraining import Context, Exam
from seald.domain.task import Asking, Pair
from seald.pipeline.task_ask import asked, marks
from seald.pipeline.workshop import Workshop
from seald.policy.augmenting import shown
from seald.ports import BASE

ASKINGS: tuple[Asking, ...] = get_args(Asking)
Found = Mapping[Asking, Mapping[str, ProbeResult]]
"""What came of each way of asking, by probe id."""


def prepare_task(shop: Workshop, context: Context) -> Exam:
    """The task's exam with what the base makes of it in context.

    Raises:
        EngineUnavailable, EngineRefused: the engine did not answer.
    """
    return Exam(
        rewarded=_probes(context, context.tests[::2], "reward"),
        hidden=_probes(context, context.tests[1::2], "guard"),
        base=_results(shop, context, "among", BASE),
    )


def examined(shop: Workshop, context: Context, exam: Exam, model: str) -> dict[str, float]:
    """What an adapter gained over the base: of a `Score` the rise in right answers and in log-probability, of what is
    paid for and of what is hidden. Right is what is right by either way of asking; the log-probability is that of the
    way which is the better one.

    Raises:
        EngineUnavailable, EngineRefused: the engine did not answer.
    """
    found = {how: _results(shop, context, how, model) for how in ASKINGS}
    return {
        "accuracy": _accuracy(exam, exam.rewarded, found),
        "logprob": _logprob(exam, exam.rewarded, found),
        "hidden_accuracy": _accuracy(exam, exam.hidden, found),
        "hidden_logprob": _logprob(exam, exam.hidden, found),
    }


def nothing_right(exam: Exam, *, seed: int) -> Score:
    """The worst score there is: of a reply that is no configuration, or of one by which nothing can be trained."""
    return Score(
        seed=seed,
        accuracy=_accuracy(exam, exam.rewarded, {}),
        logprob=0.0,
        hidden_accuracy=_accuracy(exam, exam.hidden, {}),
        hidden_logprob=0.0,
        heldout=0.0,
        retention=0.0,
        norm=0.0,
        tokens=0,
        seconds=0.0,
    )


def _probes(context: Context, tests: Sequence[Pair], split: Split) -> tuple[Probe, ...]:
    return tuple(
        Probe(
            id=_id(context, test),
            collection="",
            document_id=context.document,
            kind="question",
            question=shown(test.input),
            answer=shown(test.output),
            origin="client",
            split=split,
        )
        for test in tests
    )


def _id(context: Context, test: Pair) -> str:
    return probe_id(context.id, shown(test.input), shown(test.output))


def _results(shop: Workshop, context: Context, how: Asking, model: str) -> dict[str, ProbeResult]:
    prompts = [asked(how, context.examples, test.input) for test in context.tests]
    found = marks(shop, prompts, context.tests, model)
    results = zip(context.tests, found.correct, found.logprobs, strict=True)
    return {
        (id := _id(context, test)): ProbeResult(probe_id=id, correct=right, logprob=logprob)
        for test, right, logprob in results
    }


def _accuracy(exam: Exam, probes: Sequence[Probe], found: Found) -> float:
    after = [any(results[probe.id].correct for results in found.values()) for probe in probes]
    before = [exam.base[probe.id].correct for probe in probes]
    return round(fmean(map(float, after)) - fmean(map(float, before)), 4) if probes else 0.0


def _logprob(exam: Exam, probes: Sequence[Probe], found: Found) -> float:
    if not probes:
        return 0.0
    before = fmean(exam.base[probe.id].logprob for probe in probes)
    return round(max(fmean(results[p.id].logprob for p in probes) for results in found.values()) - before, 4)
