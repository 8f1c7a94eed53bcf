"""What a person can do now about an adaptation: commands, each with the route that does the same."""

from __future__ import annotations

from seald.domain.adaptation import Adaptation, AdaptationKind, AdaptationStatus
from seald.domain.task import LINEAGE

S = AdaptationStatus
STOPPABLE = (S.QUEUED, S.EDITING, S.TRAINING, S.GUARDING)
LIST = "`seald adapters list` shows which versions are live and what they know (GET /v1/adapters)."
TRAINED_TOO_HARD = ("diverged", "trainer_failed")


def next_moves(adaptation: Adaptation) -> list[str]:
    """One sentence a move, the likeliest first; empty when there is nothing to do but wait."""
    if adaptation.status is S.HELD:
        return _held(adaptation)
    if adaptation.status is S.PROMOTED:
        return _promoted(adaptation)
    if adaptation.status in (S.FAILED, S.CANCELLED):
        return _again(adaptation)
    if adaptation.status is S.REJECTED:
        return _rejected(adaptation)
    if adaptation.status in STOPPABLE and not adaptation.cancel_requested:
        return [_watch(adaptation.id), _act(adaptation.id, "cancel", "stops it")]
    return [_watch(adaptation.id)]


def _held(adaptation: Adaptation) -> list[str]:
    id, code = adaptation.id, (adaptation.error or {}).get("code")
    reject = _act(id, "reject", "gives the candidate up")
    if code == "parent_not_live":
        # Approved, it would be held again.
        if adaptation.kind is AdaptationKind.TASK:
            return [_act(id, "cancel", "gives it up; the task, sent again, is then learned on top of what is live")]
        if adaptation.kind is not AdaptationKind.LEARN:
            return [reject, _compact(adaptation.collection)]
        return [_act(id, "cancel", "gives it up; the documents, sent again, are then learned on top of what is live")]
    if code == "canary_mismatch":
        verify = f"`seald adapters verify {adaptation.collection}` hashes the files of its versions."
        return [verify, _act(id, "approve", "tries again; the engine is checked again before anything changes"), reject]
    goes_on = "has it learned" if adaptation.version is None else "lets it go on all the same"
    return [_act(id, "approve", goes_on), reject]


def _promoted(adaptation: Adaptation) -> list[str]:
    if adaptation.version is None:
        return [LIST]
    name, model = adaptation.collection, _model(adaptation)
    solve = [_solve(adaptation, "predicts outputs by it")] if adaptation.kind is AdaptationKind.TASK else []
    return [
        *solve,
        f"`seald chat --model {model}` asks it (the model `{model}` of POST /v1/chat/completions).",
        f"`seald adapters rollback {name}` goes back to the version before (POST /v1/adapters/{name}/rollback).",
    ]


def _again(adaptation: Adaptation) -> list[str]:
    if adaptation.kind is AdaptationKind.TASK:
        return _task_again(adaptation)
    if adaptation.kind is not AdaptationKind.LEARN:
        return [LIST, _compact(adaptation.collection)]
    code = (adaptation.error or {}).get("code")
    if code == "taken_up_again":
        return ["Follow the adaptation that its message names: it learns the same documents."]
    if code == "nothing_to_learn":
        return ["Send the document with more text, in whole sentences: the same content would end the same way."]
    moves = ["Send the same document again (`seald ingest`, POST /v1/documents): it is then taken up anew."]
    if code in TRAINED_TOO_HARD:
        moves.insert(0, "Lower the recipe's learning_rate if the message says so, and start the daemon again.")
    if code == "integrity_error":
        moves.insert(0, f"`seald adapters verify {adaptation.collection}` says which files are not what they were.")
    return moves


def _task_again(adaptation: Adaptation) -> list[str]:
    code = (adaptation.error or {}).get("code")
    if code == "task_deleted":
        return ["`seald tasks list` shows the tasks that are there (GET /v1/tasks); this one's was deleted."]
    moves = ["Send the same task again (`seald tasks add`, POST /v1/tasks): it is then taken up anew."]
    if code in TRAINED_TOO_HARD:
        moves.insert(0, "Lower tasks.bounds or the recipe's learning_rate, and start the daemon again.")
    return moves


def _rejected(adaptation: Adaptation) -> list[str]:
    if adaptation.kind is AdaptationKind.TASK:
        name = adaptation.collection.removeprefix(LINEAGE)
        delete = f"delete it first (`seald tasks delete {name}`, DELETE /v1/tasks/{name})"
        return [
            _solve(adaptation, "predicts outputs by the base, with the examples before each input"),
            f"Send it with other examples: take another name, or {delete}. The same task would be judged the same.",
        ]
    if adaptation.kind is not AdaptationKind.LEARN:
        return [LIST]
    moves = ["Send a changed document: the same content would be judged the same, and is not taken up again."]
    if (adaptation.error or {}).get("code") == "guard_failed" and adaptation.parent is not None:
        moves.append(_compact(adaptation.collection))
    return moves


def _compact(name: str) -> str:
    return (
        f"`seald adapters compact {name}` rebuilds the live adapter from the base (POST /v1/adapters/{name}/compact)."
    )


def _solve(adaptation: Adaptation, effect: str) -> str:
    name = adaptation.collection.removeprefix(LINEAGE)
    return f"`seald tasks solve {name}` {effect} (POST /v1/tasks/{name}/solve)."


def _watch(id: str) -> str:
    return f"`seald adaptations watch {id}` follows it (GET /v1/adaptations/{id}/events)."


def _act(id: str, action: str, effect: str) -> str:
    return f"`seald adaptations {action} {id}` {effect} (POST /v1/adaptations/{id}/{action})."


def _model(adaptation: Adaptation) -> str:
    return f"seald:{adaptation.collection}@{adaptation.version}"
