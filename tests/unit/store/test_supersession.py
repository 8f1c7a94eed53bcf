"""A new version of a document takes the old one's place, once a version that knows it is live and while it is."""

from __future__ import annotations

import pytest

from seald.domain.adaptation import AdaptationStatus as S
from seald.domain.document import Document
from seald.errors import Conflict, NotFound
from seald.store import Stores
from tests.unit.store.conftest import document
from tests.unit.store.test_adapters import candidate, promoted
from tests.unit.store.test_compactions import rebuilt


def newer(stores: Stores, text: str, supersedes: str) -> Document:
    return stores.documents.add(document(text).model_copy(update={"supersedes": supersedes}), [])[0]


def test_what_is_promoted_drops_what_it_supersedes_at_any_remove(stores: Stores) -> None:
    first, other = document("first"), document("other")
    promoted(stores, "first")
    promoted(stores, "other")
    second = newer(stores, "second", first.id)
    third = newer(stores, "third", second.id)
    assert stores.adapters.live("default").documents == (first.id, other.id)  # type: ignore[union-attr]
    version = promoted(stores, "third")
    assert version.documents == (other.id, third.id)
    assert stores.adapters.promote(rebuilt(stores).adaptation_id).documents == version.documents
    late = stores.documents.latest_adaptation(second.id)
    with pytest.raises(Conflict) as superseded:
        stores.adapters.allot(late)
    assert superseded.value.code == "superseded"


def test_after_a_rollback_behind_it_the_older_one_counts(stores: Stores) -> None:
    promoted(stores, "first")
    newer(stores, "second", document("first").id)
    promoted(stores, "second")
    stores.adapters.roll_back("default", 1, reason=None)
    assert rebuilt(stores).documents == (document("first").id,)


def test_a_rejected_one_supersedes_nothing(stores: Stores) -> None:
    promoted(stores, "first")
    newer(stores, "second", document("first").id)
    bad = candidate(stores, "second", until=S.GUARDING)
    stores.adapters.reject(bad.adaptation_id, error=None)
    assert document("first").id in promoted(stores, "other").documents


def test_only_what_is_current_can_be_superseded(stores: Stores) -> None:
    promoted(stores, "first")
    old = document("first").id
    second = newer(stores, "second", old)
    with pytest.raises(Conflict, match=second.id) as taken:
        newer(stores, "third", old)
    assert taken.value.code == "already_superseded"
    stores.forgetting.begin(second.id, to=None, copies=[])
    with pytest.raises(NotFound, match="to supersede"):
        newer(stores, "third", second.id)
    assert newer(stores, "third", old).supersedes == old
