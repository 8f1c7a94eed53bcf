from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from seald.domain.adapter import AdapterStatus as A
from seald.domain.policy import MixedForm, Policy
from seald.domain.policy_version import PolicyVersion
from seald.domain.retraining import Lesson
from seald.domain.retraining import RetrainingStatus as S
from seald.domain.tournament import TournamentResult
from seald.errors import Conflict, IllegalTransition, NotFound
from seald.store import Stores
from tests.unit.store.test_retrainings import begun

SEED = Policy(version="default", mix=(MixedForm(form="rewrite"),))
WON = TournamentResult(verdict="won", reason="better than all", standings=(), duels=())


def live(stores: Stores) -> int | None:
    version = stores.policies.live()
    return version.version if version is not None else None


def candidate(stores: Stores, lessons: Sequence[Lesson] = (), *, until: S = S.JUDGING) -> PolicyVersion:
    """What a retraining from the policy that writes now has learned."""
    now = live(stores)
    made = begun(stores, lessons, until=until, incumbent=now, start=now)
    version = stores.policies.allot(made.id, 1, parent=now, policy=SEED)
    return recorded(stores, version.version)


def recorded(stores: Stores, version: int) -> PolicyVersion:
    return stores.policies.record_weights(version, f"{version:064x}", "m" * 64, {"reward": 0.5})


def winner(stores: Stores, lessons: Sequence[Lesson] = ()) -> PolicyVersion:
    return stores.policies.promote(candidate(stores, lessons).retraining_id, WON)


def test_allotting_twice_gives_one_version(stores: Stores) -> None:
    version = candidate(stores, until=S.LEARNING)
    again = stores.policies.allot(version.retraining_id, 1, parent=None, policy=SEED)
    assert (again, again.policy.version, again.status) == (version, "learned@1", A.CANDIDATE)
    assert stores.retrainings.get(version.retraining_id).version == 1
    second = stores.policies.allot(version.retraining_id, 2, parent=1, policy=SEED)
    assert (second.version, second.parent, second.sha256) == (2, 1, None)
    assert stores.retrainings.get(version.retraining_id).version == 2


def test_what_has_ended_learns_no_more(stores: Stores) -> None:
    made = begun(stores, [], until=S.LEARNING)
    stores.retrainings.move(made.id, S.LEARNING, S.CANCELLED)
    with pytest.raises(IllegalTransition, match="cancelled"):
        stores.policies.allot(made.id, 1, parent=None, policy=SEED)
    with pytest.raises(NotFound, match="ret-x"):
        stores.policies.allot("ret-x", 1, parent=None, policy=SEED)
    assert stores.policies.all() == []


def test_weights_are_recorded_once(stores: Stores) -> None:
    version = candidate(stores)
    assert (recorded(stores, 1), version.figures, version.engine_name) == (
        version,
        {"reward": 0.5},
        "seald-" + "0" * 12,
    )
    for sha256, manifest in (("f" * 64, "m" * 64), (version.sha256 or "", "n" * 64)):
        with pytest.raises(IllegalTransition, match="immutable"):
            stores.policies.record_weights(1, sha256, manifest, {})
    stores.policies.erase(1)
    with pytest.raises(IllegalTransition, match="rejected"):
        recorded(stores, 1)


def test_promotion_moves_pointer_versions_and_retraining(stores: Stores) -> None:
    first = candidate(stores, until=S.LEARNING)
    id = first.retraining_id
    stores.policies.allot(id, 2, parent=1, policy=SEED)
    stores.retrainings.move(id, S.LEARNING, S.JUDGING)
    with pytest.raises(IllegalTransition, match="no weights"):
        stores.policies.promote(id, WON)
    recorded(stores, 2)
    assert (stores.policies.promote(id, WON).live, live(stores)) == (True, 2)
    assert [(one.status, one.live) for one in stores.policies.all()] == [(A.REJECTED, False), (A.APPROVED, True)]
    ended = stores.retrainings.get(id)
    assert (ended.status, TournamentResult.model_validate(ended.figures["tournament"])) == (S.PROMOTED, WON)


def test_of_many_promoters_one_wins(stores: Stores) -> None:
    id = candidate(stores).retraining_id

    def promote(_: int) -> bool:
        try:
            stores.policies.promote(id, WON)
        except IllegalTransition:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(promote, range(16))) == 1
    with stores.session.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM policy_moves").scalar() == 1


def test_with_another_incumbent_nothing_is_promoted(stores: Stores) -> None:
    winner(stores)
    late = candidate(stores)
    stores.policies.roll_back(0, reason=None)
    with pytest.raises(Conflict, match=r"against learned@1, but the seed policy") as changed:
        stores.policies.promote(late.retraining_id, WON)
    assert changed.value.code == "incumbent_changed"
    assert (stores.policies.get(late.version), live(stores)) == (late, None)
    assert stores.retrainings.get(late.retraining_id).status is S.JUDGING


def test_what_is_not_judged_yet_is_not_promoted(stores: Stores) -> None:
    early = candidate(stores, until=S.LEARNING)
    with pytest.raises(IllegalTransition, match="learning"):
        stores.policies.promote(early.retraining_id, WON)
    assert (stores.policies.get(1).status, live(stores)) == (A.CANDIDATE, None)


@pytest.mark.parametrize("after", [S.FAILED, S.CANCELLED])
def test_however_a_retraining_ends_its_policies_are_no_candidates_any_more(stores: Stores, after: S) -> None:
    version = candidate(stores)
    stores.retrainings.move(version.retraining_id, S.JUDGING, after)
    assert stores.policies.get(version.version).status is A.REJECTED


def test_refusing_keeps_what_wrote(stores: Stores) -> None:
    winner(stores)
    id = candidate(stores).retraining_id
    for before, error in ((S.LEARNING, "not learning"), (S.QUEUED, "not queued")):
        with pytest.raises(IllegalTransition, match=error):
            stores.policies.refuse(id, before, "not_better", "no better", {})
    assert stores.policies.get(2).status is A.CANDIDATE
    refused = stores.policies.refuse(id, S.JUDGING, "not_better", "no better", {"tournament": {"n": 8}})
    assert (refused.status, refused.figures) == (S.REFUSED, {"tournament": {"n": 8}})
    assert refused.error == {"message": "no better", "code": "not_better"}
    assert ([one.status for one in stores.policies.all()], live(stores)) == ([A.APPROVED, A.REJECTED], 1)


@pytest.mark.parametrize(("moves", "expected"), [([], [2, 1, 0]), ([1], [0]), ([1, 3], [1, 0]), ([0, 2], [0])])
def test_default_rollbacks_retrace_what_wrote(stores: Stores, moves: list[int], expected: list[int]) -> None:
    for _ in range(3):
        winner(stores)
    for to in moves:
        stores.policies.roll_back(to, reason="wrong")
    walked = []
    while live(stores) is not None:
        back = stores.policies.roll_back(None, reason=None)
        assert back == stores.policies.live()
        walked.append(live(stores) or 0)
    assert walked == expected
    with pytest.raises(Conflict, match="seed policy writes already"):
        stores.policies.roll_back(None, reason=None)


def test_there_is_no_way_to_what_never_won(stores: Stores) -> None:
    winner(stores)
    waiting = candidate(stores)
    with pytest.raises(Conflict, match="won its tournament"):
        stores.policies.roll_back(waiting.version, reason=None)
    with pytest.raises(NotFound, match="learned policy 3"):
        stores.policies.roll_back(3, reason=None)
    assert live(stores) == 1


def test_what_is_erased_writes_no_more(stores: Stores) -> None:
    for _ in range(2):
        winner(stores)
    for _ in range(2):
        stores.policies.erase(2)
    gone = stores.policies.get(2)
    assert (gone.status, gone.sha256, gone.manifest_sha256, live(stores)) == (A.RETIRED, None, None, 1)
    with stores.session.read() as connection:
        moved = connection.exec_driver_sql("SELECT kind, from_version, to_version FROM policy_moves ORDER BY seq")
        assert [tuple(row) for row in moved][2:] == [("forget", 2, 1)]
    with pytest.raises(IllegalTransition, match="no weights"):
        _ = gone.engine_name
