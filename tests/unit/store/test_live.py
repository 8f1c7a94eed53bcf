"""The trail that default rollbacks walk back along; 0 is the base."""

from __future__ import annotations

import pytest

from seald.errors import Conflict, NotFound
from seald.store import Stores
from tests.unit.store.test_adapters import live, promoted


def walk_back(stores: Stores) -> list[int]:
    """Where one default rollback after another leads, until there is nothing to go back to."""
    walked = []
    while live(stores) is not None:
        stores.adapters.roll_back("default", None, reason=None)
        walked.append(live(stores) or 0)
    return walked


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        ([], [2, 1, 0]),
        ([1], [0]),
        ([1, 3], [1, 0]),
        ([1, 3, 2], [3, 1, 0]),
        ([0, 2], [0]),
        ([3, 3], [2, 1, 0]),
        ([None, 3], [2, 1, 0]),
        ([None, None, 2], [1, 0]),
    ],
)
def test_default_rollbacks_retrace_what_was_live(stores: Stores, moves: list[int | None], expected: list[int]) -> None:
    for text in ("one", "two", "three"):
        promoted(stores, text)
    for to in moves:
        stores.adapters.roll_back("default", to, reason=None)
    target = stores.adapters.rollback_target("default", None)
    assert walk_back(stores) == expected
    assert (target.version if target is not None else 0) == expected[0]
    with pytest.raises(Conflict, match="already answers from the base"):
        stores.adapters.roll_back("default", None, reason=None)


def test_a_promotion_goes_on_from_where_the_trail_is(stores: Stores) -> None:
    for text in ("one", "two", "three"):
        promoted(stores, text)
    stores.adapters.roll_back("default", 1, reason=None)
    assert promoted(stores, "four").parent == 1
    assert walk_back(stores) == [1, 0]


def test_each_move_is_one_row(stores: Stores) -> None:
    one, two = promoted(stores, "one"), promoted(stores, "two")
    stores.adapters.roll_back("default", 1, reason="wrong dates")
    stores.adapters.roll_back("default", 1, reason="sent twice")
    stores.adapters.roll_back("default", 0, reason=None)
    with stores.session.read() as connection:
        rows = connection.exec_driver_sql("SELECT kind, from_version, to_version, reason FROM live_moves ORDER BY seq")
        assert [tuple(row) for row in rows] == [
            ("promotion", None, 1, one.adaptation_id),
            ("promotion", 1, 2, two.adaptation_id),
            ("rollback", 2, 1, "wrong dates"),
            ("rollback", 1, None, None),
        ]


def test_asking_for_the_target_moves_nothing(stores: Stores) -> None:
    promoted(stores, "one")
    assert stores.adapters.rollback_target("default", 0) is None
    assert live(stores) == 1


def test_there_is_no_way_to_a_version_that_is_not(stores: Stores) -> None:
    promoted(stores, "one")
    for to in (2, -1):
        with pytest.raises(NotFound, match=f"no version {to}"):
            stores.adapters.roll_back("default", to, reason=None)
    assert live(stores) == 1
