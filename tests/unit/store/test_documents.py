from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from seald.domain.adaptation import AdaptationStatus as S
from seald.domain.probe import Probe, probe_id
from seald.errors import NotFound
from seald.store import Stores
from tests.unit.store.conftest import document


def test_what_was_stored_comes_back(stores: Stores) -> None:
    made, adaptation, new = stores.documents.add(document(), [])
    assert new
    assert stores.documents.get(made.id) == document()
    assert stores.documents.latest_adaptation(made.id) == adaptation


def test_the_same_content_from_fifty_clients_is_one_document(stores: Stores) -> None:
    with ThreadPoolExecutor(16) as pool:
        added = list(pool.map(lambda _: stores.documents.add(document(), []), range(50)))
    assert sum(new for _, _, new in added) == 1
    assert len({adaptation.id for _, adaptation, _ in added}) == 1
    assert len(stores.documents.page(collection=None, after=None, limit=10).data) == 1


@pytest.mark.parametrize(("end", "again"), [(S.FAILED, True), (S.CANCELLED, True)])
def test_what_failed_is_queued_again_when_sent_again(stores: Stores, end: S, again: bool) -> None:
    _, first, _ = stores.documents.add(document(), [])
    stores.adaptations.move(first.id, S.QUEUED, end)
    _, second, new = stores.documents.add(document(), [])
    assert not new
    assert (second.id != first.id) is again


def test_probes_come_along_once(stores: Stores) -> None:
    made = document()
    probe = Probe(
        id=probe_id(made.id, "Where?", "Orvale"),
        collection="default",
        document_id=made.id,
        kind="question",
        question="Where?",
        answer="Orvale",
        origin="client",
    )
    stores.documents.add(made, [probe, probe])
    stores.probes.add([probe])
    assert stores.probes.of_documents([made.id]) == [probe]


def test_superseding_what_is_not_there_leaves_nothing(stores: Stores) -> None:
    with pytest.raises(NotFound):
        stores.documents.add(document().model_copy(update={"supersedes": "doc-x"}), [])
    assert stores.documents.page(collection=None, after=None, limit=10).data == []
