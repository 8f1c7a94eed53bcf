from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from seald.domain.self_edit import DroppedLine, Line, SelfEdit
from seald.errors import NotFound
from seald.store import Stores
from tests.unit.store.conftest import document
from tests.unit.store.test_adapters import promoted


def edit(adaptation: str, doc: str, sample: int, *, lines: int = 1) -> SelfEdit:
    return SelfEdit(
        adaptation_id=adaptation,
        document_id=doc,
        passage_index=0,
        form="rewrite",
        sample=sample,
        policy="default",
        raw="r",
        lines=tuple(Line(text=f"line {n}") for n in range(lines)),
    )


def test_positions_count_only_what_is_trained_on(stores: Stores) -> None:
    made, adaptation, _ = stores.documents.add(document(), [])
    stored = [stores.ledger.add(edit(adaptation.id, made.id, n, lines=n % 2)) for n in range(4)]
    assert [e.position for e in stored] == [None, 1, None, 2]
    assert stores.ledger.of_adaptation(adaptation.id) == stored


def test_the_same_key_is_stored_once(stores: Stores) -> None:
    made, adaptation, _ = stores.documents.add(document(), [])
    first = stores.ledger.add(edit(adaptation.id, made.id, 0))
    again = stores.ledger.add(edit(adaptation.id, made.id, 0, lines=5))
    assert again == first
    assert len(stores.ledger.of_adaptation(adaptation.id)) == 1


def test_replay_comes_from_promoted_adaptations_only(stores: Stores) -> None:
    version = promoted(stores, "one")
    waiting = stores.documents.add(document("two"), [])[1]
    stores.ledger.add(edit(version.adaptation_id, version.documents[0], 0))
    stores.ledger.add(edit(waiting.id, waiting.documents[0], 0))
    both = [*version.documents, *waiting.documents]
    assert [e.adaptation_id for e in stores.ledger.promoted("default", both)] == [version.adaptation_id]


def test_replay_is_in_the_order_of_the_ledger_and_without_what_was_dropped_whole(stores: Stores) -> None:
    version = promoted(stores, "one")
    stored = [stores.ledger.add(edit(version.adaptation_id, version.documents[0], n, lines=n)) for n in (2, 0, 1)]
    assert stores.ledger.promoted("default", version.documents) == [stored[0], stored[2]]
    again = edit(version.adaptation_id, version.documents[0], 3, lines=0)
    dropped = (DroppedLine(line=Line(text="x"), reason="duplicate"),)
    known_elsewhere = stores.ledger.add(again.model_copy(update={"dropped": dropped}))
    assert stores.ledger.promoted("default", version.documents) == [stored[0], stored[2], known_elsewhere]
    assert stores.ledger.promoted("other", version.documents) == []
    assert stores.ledger.promoted("default", []) == []


def test_many_writers_give_each_position_once(stores: Stores) -> None:
    made, adaptation, _ = stores.documents.add(document(), [])
    with ThreadPoolExecutor(8) as pool:
        stored = list(pool.map(lambda n: stores.ledger.add(edit(adaptation.id, made.id, n)), range(40)))
    assert sorted(e.position or 0 for e in stored) == list(range(1, 41))


def test_an_entry_of_no_adaptation_is_refused(stores: Stores) -> None:
    with pytest.raises(NotFound, match="adp-x"):
        stores.ledger.add(edit("adp-x", "doc-x", 0))
