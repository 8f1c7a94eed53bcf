from __future__ import annotations

import pytest

from seald.domain.probe import Probe, ProbeKind, probe_id
from seald.errors import StoreError
from seald.store import Stores
from tests.unit.store.conftest import document


def probe(document_id: str, question: str = "Where?", kind: ProbeKind = "question") -> Probe:
    return Probe(
        id=probe_id(document_id, question, "Orvale"),
        collection="default",
        document_id=document_id,
        kind=kind,
        question=question,
        lead="In",
        answer="Orvale",
        wrong="Selm" if kind == "choice" else "",
        origin="client",
    )


@pytest.mark.parametrize("kind", ["question", "cloze", "choice"])
def test_what_was_stored_comes_back(stores: Stores, kind: ProbeKind) -> None:
    made = document()
    stores.documents.add(made, [probe(made.id, kind=kind)])
    assert stores.probes.of_documents([made.id]) == [probe(made.id, kind=kind)]


def test_probes_come_along_once(stores: Stores) -> None:
    made = document()
    stores.documents.add(made, [probe(made.id), probe(made.id)])
    stores.probes.add([probe(made.id), probe(made.id, "Which town?")])
    assert len(stores.probes.of_documents([made.id])) == 2


def test_a_probe_is_frozen(stores: Stores) -> None:
    made = document()
    stores.documents.add(made, [probe(made.id)])
    stores.probes.add([probe(made.id).model_copy(update={"answer": "Selm"})])
    assert stores.probes.of_documents([made.id]) == [probe(made.id)]


def test_only_the_documents_asked_for_always_in_one_order(stores: Stores) -> None:
    made = [stores.documents.add(document(text), [])[0].id for text in ("one", "two", "three")]
    stores.probes.add([probe(id, question) for id in made for question in ("a?", "b?", "c?")])
    found = stores.probes.of_documents(made[:2])
    assert {p.document_id for p in found} == set(made[:2])
    assert stores.probes.of_documents(made[1::-1]) == found
    assert stores.probes.of_documents([]) == []


def test_what_pays_the_policy_is_given_only_where_it_is_asked_for(stores: Stores) -> None:
    made = document()
    judging, paying = (probe(made.id, question).model_copy(update={"passage": 3}) for question in ("a?", "b?"))
    paying = paying.model_copy(update={"split": "reward"})
    stores.documents.add(made, [judging, paying])
    assert stores.probes.of_documents([made.id]) == [judging]
    assert stores.probes.of_documents([made.id], split="reward") == [paying]
    assert len(stores.probes.of_documents([made.id], split=None)) == 2


def test_a_probe_of_no_document_is_refused(stores: Stores) -> None:
    with pytest.raises(StoreError, match=r"(?i)foreign key"):
        stores.probes.add([probe("doc-x")])
