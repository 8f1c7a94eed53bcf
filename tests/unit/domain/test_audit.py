from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from seald.domain.audit import GENESIS, Entry, Head, Verification, digest, verify

Chain = list[Entry]


def chained(count: int, *, who: str = "local") -> Chain:
    made: Chain = []
    for number in range(1, count + 1):
        given = {"number": number, "at": f"2026-01-0{number}T12:00:00.000000+00:00", "action": "rollback"}
        given |= {"target": "default", "from_value": "default@2", "to_value": "base", "reason": "é", "who": who}
        bare = Entry.model_validate({**given, "request_id": "req-1", "previous": made[-1].hash if made else GENESIS})
        made.append(bare.model_copy(update={"hash": digest(bare)}))
    return made


def head_of(chain: Chain) -> Head:
    return Head(entries=len(chain), hash=chain[-1].hash if chain else GENESIS)


def test_the_hash_can_be_computed_from_what_the_api_shows() -> None:
    shown = (
        '{"action":"rollback","at":"2026-01-01T12:00:00.000000+00:00","from":"default@2","number":1,"previous":"'
        + "0" * 64
        + '","reason":"\\u00e9","request_id":"req-1","target":"default","to":"base","who":"local"}'
    )
    assert chained(1)[0].hash == hashlib.sha256(shown.encode()).hexdigest()


@pytest.mark.parametrize("count", [0, 1, 4])
def test_a_whole_chain_leads_to_its_head(count: int) -> None:
    assert verify(chained(count), head_of(chained(count))) is None


@pytest.mark.parametrize(
    ("spoil", "bad"),
    [
        (lambda chain: chain[:1] + chain[2:], 2),
        (lambda chain: chain[1:], 1),
        (lambda chain: chain[:3], 4),
        (lambda chain: chain[4:], 1),
        (lambda chain: [chain[0], chain[2], chain[1], chain[3]], 2),
        (lambda chain: [*chain, chained(5)[4]], 5),
        (lambda chain: [chain[0], chain[0], *chain[1:]], 2),
        (lambda chain: chained(len(chain), who="eve"), 4),
    ],
    ids=["middle", "first", "last", "all", "order", "planted", "twice", "made anew"],
)
def test_what_was_moved_or_taken_out_is_named(spoil: Callable[[Chain], Chain], bad: int) -> None:
    chain = chained(4)
    assert verify(spoil(chain), head_of(chain)) == bad


def test_a_head_that_was_changed_is_found() -> None:
    chain = chained(2)
    assert verify(chain, Head(entries=2, hash="f" * 64)) == 2
    assert verify([], Head(entries=0, hash="f" * 64)) == 1


def test_another_chain_than_the_noted_one_is_not_all_right() -> None:
    whole = {"entries": 1, "hash": "a" * 64, "first_bad": None}
    found = [Verification.model_validate({**whole, "contains": contains}).ok for contains in (None, True, False)]
    assert found == [True, True, False]
    assert not Verification.model_validate({**whole, "first_bad": 1, "contains": True}).ok
