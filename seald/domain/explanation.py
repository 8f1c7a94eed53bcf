"""An adaptation as a person would want to read it: what became of it, why, and what can be done now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from seald.domain.adaptation import Adaptation, AdaptationKind, AdaptationStatus
from seald.domain.explained_verdict import in_words, objections, warnings
from seald.domain.next_moves import next_moves
from seald.domain.task_explained import practised
from seald.domain.verdict import Verdict

S = AdaptationStatus
SHOWN = 5
"""Contradictions that are quoted; the figures hold more."""
REBUILT = {"compact": "from the base", "forget": "from the base, without a document that was taken back"}
"""What kinds of adaptation, other than the one that learns, do."""
HELD = {
    "inconclusive": "the guards could not show that it does no harm",
    "not_learned": "it could not be shown that it has learned what it was to learn",
    "needs_approval": "the collection asks for a person's approval",
    "needs_review": "its source is one whose documents a person is to look at first",
    "addresses_model": "some of what its document says is said to the model",
    "quarantined": "its source is in quarantine",
    "parent_not_live": "another version has become live while it was made",
    "canary_mismatch": "the engine computes other numbers with it than the trainer recorded",
}
IN_CONTEXT = "in_context"
"""The guard of a task: its adapter must beat the base that sees the examples."""
UNDECIDED = ("inconclusive", "not_learned")
"""Held by guards, for want of evidence."""
FAILED = {
    "nothing_to_learn": "no line that was written about it may be trained on",
    "trainer_killed": "the trainer was killed from outside again and again",
    "trainer_failed": "the trainer gave up",
    "diverged": "its training ran away",
    "out_of_memory": "the trainer ran out of memory",
    "integrity_error": "a file is not what its manifest says",
    "engine_refused": "the engine refused it",
    "internal_error": "seald itself broke",
}


class Explanation(BaseModel):
    """`summary` is one sentence, `why` a sentence a reason, `next` one a thing that can be done now."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    summary: str
    why: list[str]
    next: list[str]


def explain(adaptation: Adaptation, verdicts: Sequence[Verdict]) -> Explanation:
    """Of the adaptation and the verdicts on its candidate; those that object are said first."""
    against = [*objections(list(verdicts)), *warnings(list(verdicts))]
    why = [*_error(adaptation), *(in_words(v) for v in [*against, *(v for v in verdicts if v not in against)])]
    why += [*_studied(adaptation.figures), *practised(adaptation.figures), *_contradictions(adaptation.figures)]
    return Explanation(
        summary=SUMMARIES[adaptation.status](adaptation, list(verdicts)), why=why, next=next_moves(adaptation)
    )


def _queued(adaptation: Adaptation, _: list[Verdict]) -> str:
    return f"It waits for its turn: {_aim(adaptation)}."


def _editing(adaptation: Adaptation, _: list[Verdict]) -> str:
    if adaptation.kind is AdaptationKind.TASK:
        return f"The model is asked how {adaptation.collection} may be learned from its examples."
    if adaptation.kind is not AdaptationKind.LEARN:
        return f"The ledger is being gathered: {_aim(adaptation)}."
    return f"The model is writing what is to be learned of {_documents(adaptation)}."


def _training(adaptation: Adaptation, _: list[Verdict]) -> str:
    if adaptation.kind is AdaptationKind.TASK and adaptation.version is None:
        return f"Ways to learn {adaptation.collection} are tried, each on examples that it has not seen."
    return f"{_candidate(adaptation)} is being trained; what is live answers meanwhile."


def _guarding(adaptation: Adaptation, verdicts: list[Verdict]) -> str:
    return f"{_candidate(adaptation)} is trained and put to the guards; {_count(len(verdicts), 'verdict')} so far."


def _promoting(adaptation: Adaptation, _: list[Verdict]) -> str:
    return f"{_candidate(adaptation)} may serve, and is being loaded and checked before it becomes live."


def _promoted(adaptation: Adaptation, verdicts: list[Verdict]) -> str:
    if adaptation.version is None:
        return "It is done, and nothing had to be trained for it."
    rebuilt = REBUILT.get(str(adaptation.kind))
    what = f"was rebuilt {rebuilt}" if rebuilt else f"has learned {_subject(adaptation)}"
    said = f"{_candidate(adaptation)} {what} and was promoted"
    if objections(verdicts):
        return f"{said}, although {_named(objections(verdicts))} objected: a person or the configuration let it pass."
    if warnings(verdicts):
        return f"{said}, with {_count(len(warnings(verdicts)), 'warning')}: {_named(warnings(verdicts))}."
    return f"{said}: no guard objected."


def _rejected(adaptation: Adaptation, verdicts: list[Verdict]) -> str:
    error = adaptation.error or {}
    end = "; what was live before answers on."
    if error.get("code") == "rejected_by_person":
        return f"A person rejected {_candidate(adaptation)}{end}"
    failed = [v for v in objections(verdicts) if v.verdict == "fail"] or objections(verdicts)
    by = f" by {_named(failed)}" if failed else ""
    if adaptation.kind is AdaptationKind.TASK:
        better = ": it is no better than the examples in the prompt" if _is_no_better(failed) else by
        return f"{_candidate(adaptation)} was rejected{better}; the base answers, with the examples before it."
    return f"{_candidate(adaptation)} was rejected{by}{end}"


def _held(adaptation: Adaptation, verdicts: list[Verdict]) -> str:
    error = adaptation.error or {}
    code = error.get("code")
    why = HELD.get(str(code)) or str(error.get("message") or "a person is to decide")
    if code in UNDECIDED and objections(verdicts):
        why += f" ({_named(objections(verdicts))})"
    return f"{_candidate(adaptation)} is held: {why}. What was live before answers on."


def _failed(adaptation: Adaptation, _: list[Verdict]) -> str:
    error = adaptation.error or {}
    why = FAILED.get(str(error.get("code"))) or str(error.get("message") or "no reason was recorded")
    return f"It failed: {why.rstrip('.')}. What was live before answers on."


def _cancelled(adaptation: Adaptation, _: list[Verdict]) -> str:
    what = "nothing was rebuilt" if str(adaptation.kind) in REBUILT else "nothing was learned"
    return f"It was cancelled: {what}, and what was live before answers on."


SUMMARIES: dict[AdaptationStatus, Callable[[Adaptation, list[Verdict]], str]] = {
    S.QUEUED: _queued,
    S.EDITING: _editing,
    S.TRAINING: _training,
    S.GUARDING: _guarding,
    S.PROMOTING: _promoting,
    S.PROMOTED: _promoted,
    S.REJECTED: _rejected,
    S.HELD: _held,
    S.FAILED: _failed,
    S.CANCELLED: _cancelled,
}


def _error(adaptation: Adaptation) -> list[str]:
    """The message of a failure. Those of guards are told by their verdicts, with more figures."""
    error = adaptation.error or {}
    message = str(error.get("message") or "")
    return [] if not message or error.get("code") in (*UNDECIDED, "guard_failed") else [_sentence(message)]


def _studied(figures: dict[str, Any]) -> list[str]:
    edits = figures.get("self_edits") or {}
    covered = edits.get("coverage") or {}
    said = []
    if "lines" in edits and "covered" in covered:
        facts = covered.get("facts", 0)
        said.append(
            f"It studied {_count(edits['lines'], 'line')}, which hold {round(covered['covered'] * facts)} of the "
            f"{_count(facts, 'fact')} that were found in the text."
        )
    if edits.get("dropped"):
        reasons = ", ".join(f"{n} {reason}" for reason, n in sorted(edits["dropped"].items()))
        said.append(f"Lines that were written and not trained on: {reasons}.")
    return said


def _contradictions(figures: dict[str, Any]) -> list[str]:
    # Of one that quoted a document that was forgotten, no word is left.
    found = [entry for entry in figures.get("contradictions") or [] if entry.get("sentence")]
    said = [_contradiction(entry) for entry in found[:SHOWN]]
    return [*said, f"So do {len(found) - SHOWN} more."] if len(found) > SHOWN else said


def _contradiction(entry: dict[str, Any]) -> str:
    kept = "both are kept, as the document asks" if entry.get("kept") else "the newer one counts"
    newer, older = (f'"{entry.get(side)}"' for side in ("sentence", "other_sentence"))
    return (
        f"Documents contradict each other: {newer} ({entry.get('document')}) against "
        f"{older} ({entry.get('other')}, older); {kept}."
    )


def _aim(adaptation: Adaptation) -> str:
    rebuilt = REBUILT.get(str(adaptation.kind))
    if rebuilt:
        return f"the adapter of {adaptation.collection} is to be rebuilt {rebuilt}"
    if adaptation.kind is AdaptationKind.TASK:
        return f"{adaptation.collection} is to be learned from its examples"
    return f"{_documents(adaptation)} {'is' if len(adaptation.documents) == 1 else 'are'} to be learned"


def _candidate(adaptation: Adaptation) -> str:
    return f"{adaptation.collection}@{adaptation.version}" if adaptation.version is not None else "It"


def _subject(adaptation: Adaptation) -> str:
    return "its task" if adaptation.kind is AdaptationKind.TASK else _documents(adaptation)


def _is_no_better(failed: list[Verdict]) -> bool:
    return [verdict.guard for verdict in failed] == [IN_CONTEXT]


def _documents(adaptation: Adaptation) -> str:
    n = len(adaptation.documents)
    return "its document" if n == 1 else f"its {n} documents"


def _named(verdicts: list[Verdict]) -> str:
    *first, last = [v.guard for v in verdicts]
    return f"{', '.join(first)} and {last}" if first else last


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
