from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from seald.domain.adaptation import AdaptationStatus as S
from seald.domain.adapter import AdapterStatus, AdapterVersion
from seald.domain.verdict import Verdict
from seald.errors import Conflict, IllegalTransition
from seald.store import Stores
from tests.unit.store.conftest import document


def candidate(stores: Stores, text: str, *, until: S = S.PROMOTING) -> AdapterVersion:
    """An adaptation brought as far as `until`, and its version."""
    adaptation = stores.documents.add(document(text), [])[1]
    path = [S.QUEUED, S.EDITING, S.TRAINING, S.GUARDING, S.PROMOTING]
    for before, after in pairwise(path[: path.index(until) + 1]):
        stores.adaptations.move(adaptation.id, before, after)
    version = stores.adapters.allot(stores.adaptations.get(adaptation.id))
    return stores.adapters.record_weights("default", version.version, f"{version.version:064x}", "m" * 64)


def promoted(stores: Stores, text: str) -> AdapterVersion:
    return stores.adapters.promote(candidate(stores, text).adaptation_id)


def live(stores: Stores) -> int | None:
    version = stores.adapters.live("default")
    return version.version if version is not None else None


def test_allotting_twice_gives_one_version(stores: Stores) -> None:
    version = candidate(stores, "one")
    again = stores.adapters.allot(stores.adaptations.get(version.adaptation_id))
    assert (again.version, again.parent) == (1, None)
    assert stores.adaptations.get(version.adaptation_id).version == 1


def test_promotion_ends_the_adaptation_and_moves_the_pointer(stores: Stores) -> None:
    first, second = promoted(stores, "one"), promoted(stores, "two")
    assert (first.live, first.status) == (True, AdapterStatus.APPROVED)
    assert stores.adaptations.get(second.adaptation_id).status is S.PROMOTED
    assert (second.parent, len(second.documents)) == (1, 2)
    assert [v.live for v in stores.adapters.of_collection("default")] == [False, True]


def test_a_candidate_of_a_version_that_is_no_longer_live_is_not_promoted(stores: Stores) -> None:
    promoted(stores, "one")
    late = candidate(stores, "two")
    stores.adapters.roll_back("default", None, reason=None)
    with pytest.raises(Conflict, match="is live now"):
        stores.adapters.promote(late.adaptation_id)
    assert stores.adapters.get("default", late.version).status is AdapterStatus.CANDIDATE
    assert stores.adaptations.get(late.adaptation_id).status is S.PROMOTING


def test_of_many_promoters_one_wins(stores: Stores) -> None:
    version = candidate(stores, "one")

    def promote(_: int) -> bool:
        try:
            stores.adapters.promote(version.adaptation_id)
        except IllegalTransition:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(promote, range(16))) == 1
    with stores.session.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM live_moves").scalar() == 1


def test_a_candidate_still_guarded_is_not_promoted(stores: Stores) -> None:
    early = candidate(stores, "one", until=S.GUARDING)
    with pytest.raises(IllegalTransition, match="guarding"):
        stores.adapters.promote(early.adaptation_id)
    assert stores.adapters.get("default", 1).status is AdapterStatus.CANDIDATE
    assert live(stores) is None


def test_without_a_version_there_is_nothing_to_decide(stores: Stores) -> None:
    queued = stores.documents.add(document("one"), [])[1]
    with pytest.raises(IllegalTransition, match="no version yet"):
        stores.adapters.reject(queued.id, error=None)


def test_the_number_of_what_failed_is_not_used_again(stores: Stores) -> None:
    failed = candidate(stores, "one", until=S.TRAINING)
    stores.adaptations.move(failed.adaptation_id, S.TRAINING, S.FAILED)
    assert candidate(stores, "two").version == 2
    assert candidate(stores, "one").version == 3


def test_collections_count_for_themselves(stores: Stores) -> None:
    promoted(stores, "one")
    other = stores.documents.add(document("one", collection="other"), [])[1]
    version = stores.adapters.allot(other)
    assert (version.label, version.parent, version.live) == ("other@1", None, False)
    assert stores.adapters.collections() == ["default", "other"]
    assert [v.label for v in stores.adapters.all_live()] == ["default@1"]
    assert stores.adapters.summary() == [
        {"name": "default", "live": 1, "documents": 1},
        {"name": "other", "live": None, "documents": 1},
    ]


def test_what_never_passed_cannot_be_rolled_to(stores: Stores) -> None:
    promoted(stores, "one")
    held = candidate(stores, "two")
    with pytest.raises(Conflict, match="passed its guards"):
        stores.adapters.roll_back("default", held.version, reason=None)


def test_rejecting_twice_is_once(stores: Stores) -> None:
    bad = candidate(stores, "one", until=S.GUARDING)
    for _ in range(2):
        stores.adapters.reject(bad.adaptation_id, error={"message": "m", "code": "c"})
    assert stores.adapters.get("default", 1).status is AdapterStatus.REJECTED
    assert stores.adaptations.get(bad.adaptation_id).status is S.REJECTED
    assert [e.data["to"] for e in stores.adaptations.events(bad.adaptation_id)].count("rejected") == 1
    with pytest.raises(Conflict, match="passed its guards"):
        stores.adapters.roll_back("default", 1, reason=None)


def test_weights_are_recorded_once(stores: Stores) -> None:
    version = candidate(stores, "one")
    stores.adapters.record_weights("default", 1, version.sha256 or "", "m" * 64)
    with pytest.raises(IllegalTransition, match="immutable"):
        stores.adapters.record_weights("default", 1, "f" * 64, "m" * 64)


def test_verdicts_replace_each_other_and_keep_their_order(stores: Stores) -> None:
    candidate(stores, "one")
    for guard, outcome in (("integrity", "fail"), ("acquisition", "fail"), ("acquisition", "pass")):
        verdict = Verdict.model_validate({"guard": guard, "verdict": outcome, "figures": {"n": 3}, "reason": "r"})
        stores.adapters.add_verdict("default", 1, verdict)
    found = [(v.guard, v.verdict) for v in stores.adapters.verdicts("default", 1)]
    assert found == [("integrity", "fail"), ("acquisition", "pass")]
