from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from seald.config import Settings
from seald.domain.adaptation import AdaptationStatus as A
from seald.errors import StoreError
from seald.store import Stores, open_stores, session
from seald.store.sight import SILENT_SECONDS
from tests.unit.store.conftest import document
from tests.unit.store.test_adapters import promoted


def values(stores: Stores) -> dict[tuple[str, ...], float]:
    return {(s.name, *map(str, s.labels.values())): s.value for s in stores.sight.samples()}


def test_what_is_counted_is_there_again_after_a_restart(
    stores: Stores, settings: Settings, written: Callable[[], bytes]
) -> None:
    promoted(stores, "The mill stands in Orvale.")
    promoted(stores, "The mill stands in Tarn.")
    stores.adapters.roll_back("default", None, reason=None)
    waiting = stores.documents.add(document("The mill stands in Bree."), [])[1]
    stores.adaptations.request_cancel(stores.documents.add(document("The mill is gone."), [])[1].id)
    found = values(stores)
    assert found["seald_adaptations_ended", "learn", "promoted"] == 2
    assert found["seald_adaptations_ended", "learn", "cancelled"] == 1
    assert found["seald_adaptations_ended", "forget", "failed"] == 0
    moves = [found["seald_live_moves", kind] for kind in ("promotion", "rollback", "watch", "forget")]
    assert moves == [2, 1, 0, 0]
    assert 0 < found[("seald_queue_age_seconds",)] < 60
    # More or less: of SQLite's files one is memory that is shared, and Postgres makes some by itself.
    assert found[("seald_database_bytes",)] == pytest.approx(len(written()), rel=0.3)
    assert 0 < found[("seald_disk_free_bytes",)] < found[("seald_disk_bytes",)]
    stores.adaptations.move(waiting.id, A.QUEUED, A.FAILED)
    assert values(stores)[("seald_queue_age_seconds",)] == 0
    stores.close()
    with closing(open_stores(settings)) as again:
        counted = {
            key: n for key, n in values(again).items() if key[0] in ("seald_adaptations_ended", "seald_live_moves")
        }
    assert sum(counted.values()) == 4 + 3


@pytest.fixture
def locked(stores: Stores, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Somebody else who writes, and does not end."""
    with closing(sqlite3.connect(tmp_path / "seald.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "BUSY_MILLISECONDS", 50)


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_database_that_takes_no_writes_is_known_until_it_does(stores: Stores, locked: sqlite3.Connection) -> None:
    assert stores.pulse.why_not() is None
    with pytest.raises(StoreError):
        stores.pulse.beat()
    assert "locked" in str(stores.pulse.why_not())
    locked.execute("ROLLBACK")
    stores.pulse.beat()
    assert stores.pulse.why_not() is None


def test_a_pulse_that_has_stopped_is_none(stores: Stores) -> None:
    stores.pulse._last -= SILENT_SECONDS + 1
    assert "taken no write for 61 s" in str(stores.pulse.why_not())
    stores.pulse.beat()
    assert stores.pulse.why_not() is None
