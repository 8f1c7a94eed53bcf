"""What a person reads of an adaptation: every state and reason has words, and the words hold the figures."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from seald.domain.adaptation import Adaptation, AdaptationKind
from seald.domain.adaptation import AdaptationStatus as S
from seald.domain.explained_verdict import in_words
from seald.domain.explanation import FAILED, HELD, UNDECIDED, explain
from seald.domain.verdict import Verdict

KEPT = {"n": 40, "lost": 3, "won": 1, "drop": 0.05, "margin": 0.1, "p": 0.021, "level": 0.05, "mode": "block"}
LEARNED = {"n": 12, "accuracy_before": 1 / 6, "accuracy_after": 0.75, "gain": 1.35}


def adaptation(status: S, **more: Any) -> Adaptation:
    about = {"id": "adp-1", "collection": "ops", "documents": ("doc-2",), "created": datetime(2026, 1, 1, tzinfo=UTC)}
    return Adaptation.model_validate({**about, "status": status, **more})


def verdict(guard: str = "retention", outcome: str = "pass", **figures: Any) -> Verdict:
    return Verdict.model_validate({"guard": guard, "verdict": outcome, "figures": figures, "reason": "it is so"})


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            verdict(**KEPT),
            "Retention (has it kept the earlier documents?): yes. 3 of 40 probes of earlier documents lost, 1 won; "
            "the share that is right fell by 5 points, and the budget is 10 points; had it lost more than its budget, "
            "the chance of so much luck would be 2.1% (at most 5% is let pass).",
        ),
        (
            verdict("general", "inconclusive", **{**KEPT, "drop": -0.025, "p": 0.0004}),
            "General (has it kept what the base model knew?): not shown. 3 of 40 general questions lost, 1 won; the "
            "right answers' probability rose by 2.5 points, and the budget is 10 points; had it lost more than its "
            "budget, the chance of so much luck would be less than 0.1% (at most 5% is let pass).",
        ),
        (
            verdict(n=2, lost=1, won=0, by="nats", nats={"mean": 0.05}, max_nats=0.3, settled={**KEPT, "p": 0.6}),
            "Retention (has it kept the earlier documents?): yes. 1 of 2 probes of earlier documents lost, 0 won;"
            " these are too few to tell, but the right answers' log-probability fell by 0.05 nats a token, and "
            "the budget is 0.3 nats. Since each was learned or last rebuilt: 3 of 40 probes of earlier documents "
            "lost, 1 won; the share that is right fell by 5 points, and the budget is 10 points; had it lost more"
            " than its budget, the chance of so much luck would be 60% (at most 5% is let pass).",
        ),
        (
            verdict("acquisition", "pass", **LEARNED, p=0.03, alpha=0.05, min_accuracy=0.5, min_logprob_gain=0.5),
            "Acquisition (has it learned the new documents?): yes. 9 of 12 probes of the new documents answered right, "
            "2 before; 50% are asked for, or right answers that are 0.5 nats a token more probable (they are +1.35); "
            "had it learned nothing, the chance of so much luck would be 3% (at most 5% is let pass).",
        ),
        (
            verdict("retention", "pass", n=0, lost=0, won=0),
            "Retention (has it kept the earlier documents?): yes. It is so.",
        ),
        (
            verdict("retention", "fail", n=6, lost=float("nan"), won=0),
            "Retention (has it kept the earlier documents?): no. It is so.",
        ),
        (
            verdict("drift", "fail", mode="warn"),
            "Only a warning. Drift (does it stay near the base where nothing was taught?): no. It is so.",
        ),
    ],
)
def test_a_verdict_in_words(found: Verdict, said: str) -> None:
    assert in_words(found) == said


@pytest.mark.parametrize("kind", list(AdaptationKind))
@pytest.mark.parametrize("status", list(S))
def test_every_state_has_words(status: S, kind: AdaptationKind) -> None:
    said = explain(adaptation(status, kind=kind, version=3 if status is S.PROMOTED else None), [])
    assert said.summary.endswith(".")
    assert said.next
    assert "None" not in f"{said.summary} {said.next}"


@pytest.mark.parametrize(("status", "codes"), [(S.HELD, HELD), (S.FAILED, FAILED)])
def test_every_code_says_why(status: S, codes: dict[str, str]) -> None:
    for code, why in codes.items():
        said = explain(adaptation(status, version=3, error={"code": code, "message": "so it is"}), [])
        assert why in said.summary
        assert ("So it is." in said.why) == (code not in UNDECIDED)
    other = explain(adaptation(status, error={"code": "new", "message": "the moon is full"}), [])
    assert "the moon is full" in other.summary


def test_what_objects_is_said_first_and_what_only_warns_stops_nothing() -> None:
    found = [
        verdict("integrity"),
        verdict("health", "inconclusive", mode="warn"),
        verdict("general", "fail", mode="off"),
        verdict("retention", "fail", **KEPT),
    ]
    rejected = adaptation(S.REJECTED, version=3, parent=2, error={"code": "guard_failed", "message": "m"})
    said = explain(rejected, found)
    assert said.summary == "ops@3 was rejected by retention; what was live before answers on."
    assert [sentence.split()[0] for sentence in said.why] == ["Retention", "Only", "Integrity", "General"]
    assert any("seald adapters compact ops" in move for move in said.next)
    promoted = explain(adaptation(S.PROMOTED, version=3), found[:3])
    assert promoted.summary == "ops@3 has learned its document and was promoted, with 1 warning: health."
    forced = explain(adaptation(S.PROMOTED, version=3), found)
    assert "although retention objected" in forced.summary
    held = explain(adaptation(S.HELD, version=3, error={"code": "inconclusive"}), [verdict(outcome="inconclusive")])
    assert held.summary.startswith("ops@3 is held: the guards could not show that it does no harm (retention).")
    assert "POST /v1/adaptations/adp-1/approve" in held.next[0]


def test_approving_what_another_version_has_overtaken_is_not_advised() -> None:
    held = adaptation(S.HELD, version=3, error={"code": "parent_not_live", "message": "m"})
    (move,) = explain(held, []).next
    assert "seald adaptations cancel adp-1" in move


def test_what_was_studied_and_what_contradicts() -> None:
    entry = {"document": "doc-2", "other": "doc-1", "sentence": "It was built in 1931.", "other_sentence": "In 1921."}
    figures = {
        "self_edits": {"lines": 40, "dropped": {"probe": 2}, "coverage": {"facts": 12, "covered": 0.917}},
        "contradictions": [entry, {**entry, "kept": True}, *[entry] * 5],
    }
    why = explain(adaptation(S.TRAINING, figures=figures), []).why
    assert why[0] == "It studied 40 lines, which hold 11 of the 12 facts that were found in the text."
    assert why[1] == "Lines that were written and not trained on: 2 probe."
    assert '"It was built in 1931." (doc-2) against "In 1921." (doc-1, older); the newer one counts.' in why[2]
    assert "both are kept" in why[3]
    assert why[-1] == "So do 2 more."


TASK: dict[str, Any] = {"kind": "task", "collection": "task/turn", "documents": (), "version": 1}


@pytest.mark.parametrize(
    ("status", "more", "said", "can"),
    [
        (S.QUEUED, {"version": None}, "task/turn is to be learned from its examples.", "cancel adp-1"),
        (S.EDITING, {"version": None}, "how task/turn may be learned", "cancel adp-1"),
        (S.TRAINING, {"version": None}, "Ways to learn task/turn are tried", "cancel adp-1"),
        (S.TRAINING, {}, "task/turn@1 is being trained", "cancel adp-1"),
        (S.PROMOTED, {}, "task/turn@1 has learned its task and was promoted: no", "POST /v1/tasks/turn/solve"),
        (S.REJECTED, {}, "task/turn@1 was rejected; the base answers, with", "seald tasks delete turn"),
        (S.FAILED, {}, "It failed: no reason was recorded. What was", "POST /v1/tasks)"),
        (S.FAILED, {"error": {"code": "diverged", "message": "m"}}, "its training ran away", "tasks.bounds"),
        (S.CANCELLED, {}, "nothing was learned", "Send the same task again"),
        (S.CANCELLED, {"error": {"code": "task_deleted", "message": "m"}}, "cancelled", "GET /v1/tasks)"),
        (S.HELD, {"error": {"code": "parent_not_live", "message": "m"}}, "another version", "the task, sent again"),
        (S.HELD, {"error": {"code": "not_learned", "message": "m"}}, "could not be shown", "approve adp-1"),
    ],
)
def test_a_task_in_words(status: S, more: dict[str, Any], said: str, can: str) -> None:
    found = explain(adaptation(status, **{**TASK, **more}), [])
    assert said in found.summary
    assert any(can in move for move in found.next)
    assert not any("compact" in move or "documents" in move for move in found.next)


def test_a_task_that_is_no_better_than_its_examples() -> None:
    no = verdict("in_context", "fail")
    found = explain(adaptation(S.REJECTED, **TASK, error={"code": "guard_failed", "message": "m"}), [no])
    assert found.summary == (
        "task/turn@1 was rejected: it is no better than the examples in the prompt; "
        "the base answers, with the examples before it."
    )
    assert found.why[0].startswith("In context (is it better than the examples in a prompt?): no.")
    sound = verdict("integrity", "fail")
    assert "was rejected by integrity;" in explain(adaptation(S.REJECTED, **TASK), [sound]).summary


def test_what_was_tried_for_a_task() -> None:
    plain = {"configuration": {"learning_rate": 1e-3, "epochs": 2}, "by": "recipe"}
    marks = [{"correct": (True, right), "logprobs": (-0.1, -0.2)} for right in (False, True)]
    tried = [{**plain, "marks": {"alone": marks[0]}}, {**plain, "by": "policy", "marks": {"among": marks[1]}}, plain]
    practice = {"policy": "configuration", "tried": tried, "in_context": marks[0]}
    why = explain(adaptation(S.TRAINING, **TASK, figures={"task": practice}), []).why
    assert why == [
        "Of 3 configurations 2 were tried on examples left out; the best, by the policy, has 2 of 2 right, the base "
        "with the others in its prompt 1 of 2."
    ]
    for figures in ({"task": {**practice, "tried": [plain]}}, {"task": {"of": "another release"}}, {}):
        assert explain(adaptation(S.TRAINING, **TASK, figures=figures), []).why == []
