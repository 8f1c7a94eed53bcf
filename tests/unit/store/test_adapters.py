from __future__ import annotations

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
    return stores.adapters.record_weights("default", version.version, f"{version.version:064x}")


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


def test_rolling_back_again_and_again_walks_to_the_base(stores: Stores) -> None:
    for text in ("one", "two", "three"):
        promoted(stores, text)
    walked = []
    for _ in range(3):
        stores.adapters.roll_back("default", None, reason="test")
        walked.append(live(stores))
    assert walked == [2, 1, None]
    with pytest.raises(Conflict, match="already answers from the base"):
        stores.adapters.roll_back("default", None, reason=None)


def test_after_a_rollback_the_next_version_grows_from_what_is_live(stores: Stores) -> None:
    for text in ("one", "two"):
        promoted(stores, text)
    stores.adapters.roll_back("default", 1, reason=None)
    third = promoted(stores, "three")
    assert (third.version, third.parent, len(third.documents)) == (3, 1, 2)
    stores.adapters.roll_back("default", None, reason=None)
    assert live(stores) == 1


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


def test_weights_are_recorded_once(stores: Stores) -> None:
    version = candidate(stores, "one")
    stores.adapters.record_weights("default", 1, version.sha256 or "")
    with pytest.raises(IllegalTransition, match="immutable"):
        stores.adapters.record_weights("default", 1, "f" * 64)


def test_verdicts_replace_each_other_and_keep_their_order(stores: Stores) -> None:
    candidate(stores, "one")
    for guard, outcome in (("integrity", "fail"), ("acquisition", "fail"), ("acquisition", "pass")):
        verdict = Verdict.model_validate({"guard": guard, "verdict": outcome, "figures": {"n": 3}, "reason": "r"})
        stores.adapters.add_verdict("default", 1, verdict)
    found = [(v.guard, v.verdict) for v in stores.adapters.verdicts("default", 1)]
    assert found == [("acquisition", "pass"), ("integrity", "fail")]
