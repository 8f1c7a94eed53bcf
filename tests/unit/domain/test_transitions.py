from __future__ import annotations

import pytest

from seald.domain.adaptation import RUNNABLE, TERMINAL, TRANSITIONS, AdaptationStatus, check_transition
from seald.domain.adapter import AdapterStatus, check_adapter_transition, engine_name
from seald.errors import IllegalTransition

S = AdaptationStatus


@pytest.mark.parametrize("before", list(S))
@pytest.mark.parametrize("after", list(S))
def test_only_listed_moves_are_legal(before: S, after: S) -> None:
    if after in TRANSITIONS[before]:
        check_transition(before, after)
    else:
        with pytest.raises(IllegalTransition):
            check_transition(before, after)


def test_every_state_is_reached_and_ends() -> None:
    reached = {S.QUEUED}.union(*TRANSITIONS.values())
    assert reached == set(S)
    assert set(TERMINAL) == {S.PROMOTED, S.REJECTED, S.FAILED, S.CANCELLED}
    assert S.HELD not in RUNNABLE | TERMINAL


def test_what_is_being_promoted_cannot_be_cancelled() -> None:
    with pytest.raises(IllegalTransition):
        check_transition(S.PROMOTING, S.CANCELLED)


def test_a_rejected_version_stays_rejected() -> None:
    with pytest.raises(IllegalTransition):
        check_adapter_transition(AdapterStatus.REJECTED, AdapterStatus.APPROVED)


def test_engine_names_follow_the_weights() -> None:
    assert engine_name("ab" * 32) == "seald-" + "ab" * 6
