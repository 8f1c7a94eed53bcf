from __future__ import annotations

from collections.abc import Callable

import pytest

from seald.domain.adaptation import RUNNABLE, TERMINAL, check_transition
from seald.domain.adaptation import AdaptationStatus as S
from seald.domain.adapter import AdapterStatus as A
from seald.domain.adapter import check_adapter_transition, engine_name
from seald.errors import IllegalTransition

LEGAL = {
    S.QUEUED: "editing held failed cancelled",
    S.EDITING: "training promoting failed cancelled",
    S.TRAINING: "guarding failed cancelled",
    S.GUARDING: "training promoting rejected held failed cancelled",
    S.PROMOTING: "promoted held failed",
    S.HELD: "queued promoting rejected cancelled",
    S.PROMOTED: "",
    S.REJECTED: "",
    S.FAILED: "",
    S.CANCELLED: "",
}
LEGAL_OF_ADAPTERS = {A.CANDIDATE: "approved rejected", A.APPROVED: "retired", A.REJECTED: "", A.RETIRED: ""}


def allowed(check: Callable[[], None]) -> bool:
    try:
        check()
    except IllegalTransition:
        return False
    return True


@pytest.mark.parametrize("before", list(S))
@pytest.mark.parametrize("after", list(S))
def test_only_listed_moves_of_an_adaptation_are_legal(before: S, after: S) -> None:
    assert allowed(lambda: check_transition(before, after)) == (after in LEGAL[before].split())


@pytest.mark.parametrize("before", list(A))
@pytest.mark.parametrize("after", list(A))
def test_only_listed_moves_of_an_adapter_are_legal(before: A, after: A) -> None:
    assert allowed(lambda: check_adapter_transition(before, after)) == (after in LEGAL_OF_ADAPTERS[before].split())


def test_a_refusal_names_both_states() -> None:
    with pytest.raises(IllegalTransition, match="from promoting to cancelled"):
        check_transition(S.PROMOTING, S.CANCELLED)
    with pytest.raises(IllegalTransition, match="from rejected to approved"):
        check_adapter_transition(A.REJECTED, A.APPROVED)


def test_the_pipeline_carries_on_what_has_not_ended_and_waits_for_nobody() -> None:
    assert sorted(TERMINAL) == ["cancelled", "failed", "promoted", "rejected"]
    assert sorted(RUNNABLE) == ["editing", "guarding", "promoting", "queued", "training"]


def test_engine_names_follow_the_weights() -> None:
    assert engine_name("ab" * 32) == "seald-" + "ab" * 6
