from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from seald.domain.receipt import Receipt
from seald.store import Stores, receipts
from seald.store.receipts import SqlReceipts


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kept(stores: Stores, clock: Clock) -> SqlReceipts:
    return SqlReceipts(stores.session, clock)


def test_a_receipt_is_kept_for_a_day_across_a_restart(stores: Stores, clock: Clock, kept: SqlReceipts) -> None:
    assert kept.begin("a", "f", repeatable=True) is None
    assert kept.begin("a", "f", repeatable=True) == Receipt(fingerprint="f", running=True)
    kept.keep("a", 202, "{}")
    later = SqlReceipts(stores.session, clock)
    answered = Receipt(fingerprint="f", status=202, body="{}")
    assert later.begin("a", "f", repeatable=True) == later.begin("a", "g", repeatable=True) == answered
    clock.time += timedelta(hours=24)
    assert later.begin("a", "g", repeatable=True) is None


def test_what_was_broken_off_is_begun_again_where_that_is_the_same(
    stores: Stores, clock: Clock, kept: SqlReceipts
) -> None:
    kept.begin("a", "f", repeatable=True)
    later = SqlReceipts(stores.session, clock)
    left = Receipt(fingerprint="f")
    assert later.begin("a", "f", repeatable=False) == later.begin("a", "g", repeatable=True) == left
    assert later.begin("a", "f", repeatable=True) is None
    later.drop("a")
    assert later.begin("a", "g", repeatable=False) is None


def test_old_receipts_and_all_but_the_latest_go(
    clock: Clock, kept: SqlReceipts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipts, "MOST", 2)
    for id in "abc":
        clock.time += timedelta(hours=1)
        kept.begin(id, "f", repeatable=True)
        kept.keep(id, 200, "{}")
    assert kept.prune() == 1
    clock.time += timedelta(hours=23)
    assert kept.prune() == 1
    assert kept.begin("c", "f", repeatable=True) is not None
    assert kept.begin("b", "f", repeatable=True) is None
