"""Tombstones: what happens in their one transaction, what can never be undone, and that the bytes are gone."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from seald.domain.adaptation import Adaptation, AdaptationKind
from seald.domain.adaptation import AdaptationStatus as S
from seald.domain.adapter import AdapterStatus, AdapterVersion
from seald.domain.certificate import Certificate, Removed
from seald.domain.probe import Probe
from seald.domain.self_edit import DroppedLine, Line
from seald.domain.verdict import Verdict
from seald.errors import Conflict, IllegalTransition, NotFound
from seald.store import Stores
from tests.unit.store.conftest import document
from tests.unit.store.test_adapters import candidate, live, promoted
from tests.unit.store.test_ledger import edit

PHRASE = "quixotic zamboni of Orvale"
ONE, TWO, THREE = (document(text).id for text in ("one", "two", "three"))


def forget(stores: Stores, id: str) -> Adaptation:
    ways_back = stores.forgetting.ways_back(id)
    to = ways_back[0].version if ways_back else None
    return stores.forgetting.begin(id, to=to, copies=[])[0]


def certificate(stores: Stores, adaptation: Adaptation, document: str) -> Certificate:
    knew = tuple(version.version for version in stores.forgetting.known_by(document))
    return Certificate(
        document=document,
        collection="default",
        adaptation=adaptation.id,
        outcome="forgotten",
        reason="nobody knows it",
        rebuilt=None,
        live="base",
        probes=0,
        alpha=0.05,
        checked=(),
        removed=Removed(versions=knew, files=0),
        at=stores.clock.now(),
    )


def end(stores: Stores, adaptation: Adaptation, after: S = S.FAILED) -> None:
    stores.adaptations.move(adaptation.id, stores.adaptations.get(adaptation.id).status, after)


def statuses(stores: Stores) -> list[AdapterStatus]:
    return [version.status for version in stores.adapters.of_collection("default")]


def learning(stores: Stores, id: str) -> list[S]:
    page = stores.adaptations.page(collection=None, status=None, after=None, limit=100)
    return [a.status for a in page.data if a.kind is AdaptationKind.LEARN and a.documents == (id,)]


def test_the_last_version_without_it_is_live_and_those_that_knew_it_are_retired(stores: Stores) -> None:
    for text in ("one", "two", "three"):
        promoted(stores, text)
    made = forget(stores, TWO)
    assert (live(stores), statuses(stores)) == (1, ["approved", "retired", "retired"])
    assert (made.kind, made.forgets, made.documents) == (AdaptationKind.FORGET, TWO, (ONE, THREE))
    with pytest.raises(Conflict, match="retired"):
        stores.adapters.roll_back("default", 3, reason=None)
    assert stores.adapters.rollback_target("default", None) is None
    found = stores.documents.get(TWO)
    assert (found.title, found.text, found.passages, found.forgotten is None) == ("", "", (), False)
    assert [d.id for d in stores.documents.page(collection=None, after=None, limit=9).data] == [ONE, THREE]


def test_twice_is_once_and_what_never_was_cannot_be_forgotten(stores: Stores) -> None:
    promoted(stores, "one")
    first = forget(stores, ONE)
    assert stores.forgetting.begin(ONE, to=None, copies=[]) == (first, False)
    assert stores.forgetting.adaptation_of(ONE) == first
    with pytest.raises(IllegalTransition, match="cannot be undone"):
        stores.adaptations.request_cancel(first.id)
    for ask in (stores.forgetting.known_by, stores.forgetting.ways_back):
        with pytest.raises(NotFound):
            ask("doc-x")


@pytest.mark.parametrize("at", [S.EDITING, S.TRAINING, S.GUARDING, S.PROMOTING, S.HELD])
def test_a_candidate_that_knows_it_is_never_promoted(stores: Stores, at: S) -> None:
    """Its own, and one that learns something else from a version that knew it: that begins anew."""
    promoted(stores, "one")
    open_one = candidate(stores, "two", until=S.GUARDING if at is S.HELD else at)
    if at is S.HELD:
        stores.adaptations.move(open_one.adaptation_id, S.GUARDING, S.HELD)
    forget(stores, ONE)
    assert statuses(stores) == ["retired", "rejected"]
    ended = {S.HELD: S.CANCELLED, S.PROMOTING: S.FAILED}.get(at, at)
    found = stores.adaptations.get(open_one.adaptation_id)
    assert (found.status, found.cancel_requested) == (ended, ended is at)
    assert learning(stores, TWO) == [ended, S.QUEUED]
    if ended is at:
        path = [S.EDITING, S.TRAINING, S.GUARDING, S.PROMOTING]
        for before, after in pairwise(path[path.index(at) :]):
            stores.adaptations.move(found.id, before, after)
    with pytest.raises(IllegalTransition):
        stores.adapters.promote(found.id)
    assert live(stores) is None


def test_what_is_allotted_after_the_tombstone_is_refused(stores: Stores) -> None:
    made = stores.documents.add(document("one"), [])[1]
    stores.adaptations.move(made.id, S.QUEUED, S.EDITING)
    forget(stores, ONE)
    with pytest.raises(IllegalTransition, match="taken back"):
        stores.adapters.allot(stores.adaptations.get(made.id))


def test_what_superseded_a_document_does_not_hide_that_the_weights_know_it(stores: Stores) -> None:
    promoted(stores, "one")
    newer = stores.documents.add(document("two").model_copy(update={"supersedes": ONE}), [])[0]
    version = promoted(stores, "two")
    assert (version.documents, stores.documents.superseded_by(ONE)) == ((newer.id,), newer.id)
    made = forget(stores, ONE)
    assert (live(stores), made.documents, statuses(stores)) == (None, (TWO,), ["retired", "retired"])


def rebuilt(stores: Stores, adaptation: Adaptation) -> AdapterVersion:
    for before, after in pairwise([S.QUEUED, S.EDITING, S.TRAINING, S.GUARDING, S.PROMOTING]):
        stores.adaptations.move(adaptation.id, before, after)
    version = stores.adapters.allot(stores.adaptations.get(adaptation.id))
    return stores.adapters.record_weights("default", version.version, f"{version.version:064x}", "m" * 64)


def test_the_rebuild_holds_all_the_others_and_ends_with_its_certificate(stores: Stores) -> None:
    for text in ("one", "two", "three"):
        promoted(stores, text)
    made = forget(stores, ONE)
    assert stores.forgetting.has_to_rebuild(made)
    version = rebuilt(stores, made)
    assert (version.parent, version.replaces, version.documents) == (None, None, (TWO, THREE))
    assert stores.adapters.promote(made.id).live
    assert stores.adaptations.get(made.id).status is S.PROMOTING
    assert stores.forgetting.unsettled() == []


def test_two_at_once_end_in_one_rebuild_without_either(stores: Stores) -> None:
    for text in ("one", "two", "three"):
        promoted(stores, text)
    first = forget(stores, ONE)
    under_way = rebuilt(stores, first)
    second = forget(stores, TWO)
    assert stores.adaptations.get(first.id).status is S.FAILED
    assert stores.adapters.get("default", under_way.version).status is AdapterStatus.REJECTED
    assert stores.forgetting.unsettled() == []
    version = rebuilt(stores, second)
    assert version.documents == (THREE,)
    stores.adapters.promote(second.id)
    end(stores, second, S.PROMOTED)
    assert stores.forgetting.unsettled() == [stores.adaptations.get(id) for id in (first.id, second.id)]


@pytest.mark.parametrize("after", [S.FAILED, S.REJECTED])
def test_what_a_rebuild_that_came_to_nothing_should_have_brought_back_is_learned_again(
    stores: Stores, after: S
) -> None:
    for text in ("one", "two"):
        promoted(stores, text)
    made = forget(stores, ONE)
    if after is S.REJECTED:
        rebuilt(stores, made)
        stores.adaptations.move(made.id, S.PROMOTING, S.HELD)
        stores.adapters.reject(made.id, error=None)
    else:
        end(stores, made)
    stores.forgetting.erase(certificate(stores, made, ONE))
    assert learning(stores, TWO) == [S.PROMOTED, S.QUEUED]


def written_everywhere(stores: Stores) -> tuple[str, str]:
    """A document whose phrase stands wherever words can stand, and another's adaptation that quotes it."""
    known = document(PHRASE).model_copy(update={"title": PHRASE, "source": PHRASE, "metadata": {"k": PHRASE}})
    probe = Probe(
        id="p", collection="default", document_id=known.id, kind="question", question=PHRASE, answer="a", origin="rule"
    )
    stores.documents.add(known, [probe])
    version = promoted(stores, PHRASE)
    line = Line(text=PHRASE)
    lines = {"lines": (line,), "dropped": (DroppedLine(line=line, reason="duplicate"),)}
    stores.ledger.add(edit(version.adaptation_id, known.id, 0).model_copy(update=lines))
    stores.adaptations.note(version.adaptation_id, "verdict", {"reply": PHRASE, "n": 3})
    stores.adaptations.add_figures(version.adaptation_id, {"best": PHRASE, "n": 3, "more": [{"n": 4, "said": PHRASE}]})
    verdict = Verdict(guard="acquisition", verdict="pass", figures={"n": 3, "worst": PHRASE}, reason=PHRASE)
    stores.adapters.add_verdict("default", 1, verdict)
    other = stores.documents.add(document("other"), [])[1]
    stores.adaptations.note(other.id, "contradiction", {"document": known.id, "value": PHRASE, "n": 1})
    stores.adaptations.add_figures(other.id, {"contradicts": {known.id: PHRASE}, "n": 1})
    return known.id, other.id


def test_no_byte_of_it_is_left(stores: Stores, written: Callable[[], bytes]) -> None:
    id, other = written_everywhere(stores)
    learned = stores.documents.latest_adaptation(id).id
    assert PHRASE.encode() in written()
    made = forget(stores, id)
    end(stores, made)
    stored = stores.forgetting.erase(certificate(stores, made, id))
    assert stores.forgetting.unsettled() == [stores.adaptations.get(made.id)]
    stores.forgetting.scrub(id)
    assert stores.forgetting.unsettled() == []
    assert PHRASE.encode() not in written()
    assert stores.adapters.verdicts("default", 1)[0].figures == {"n": 3}
    assert stores.adaptations.get(learned).figures == {"n": 3, "more": [{"n": 4}]}
    assert (stores.adaptations.events(other)[-1].data, stores.adaptations.get(other).figures["n"]) == ({"n": 1}, 1)
    assert stored == stores.forgetting.certificate(id)
    assert [stored.removed.rows[table] for table in ("probes", "self_edits", "verdicts")] == [1, 1, 1]
    assert stored.removed.versions == (1,)
    assert stores.adapters.get("default", 1).sha256 is None


def test_the_same_content_again_is_new_once_it_is_forgotten(stores: Stores) -> None:
    promoted(stores, "one")
    stores.documents.add(document("two").model_copy(update={"supersedes": ONE}), [])
    made = forget(stores, ONE)
    with pytest.raises(Conflict) as early:
        stores.documents.add(document("one"), [])
    assert early.value.code == "being_forgotten"
    end(stores, made)
    stores.forgetting.erase(certificate(stores, made, ONE))
    stores.forgetting.scrub(ONE)
    again, adaptation, new = stores.documents.add(document("one"), [])
    assert (again.id, adaptation.status, new) == (ONE, S.QUEUED, True)
    assert (stores.documents.get(ONE).forgotten, stores.forgetting.certificate(ONE)) == (None, None)
    assert stores.documents.superseded_by(ONE) is None
    assert promoted(stores, "one").documents == (ONE,)


def test_copies_of_it_are_found_by_what_was_dropped(stores: Stores) -> None:
    for text in ("one", "two", "three"):
        made = stores.documents.add(document(text), [])[1]
        if text == "two":
            stores.adaptations.move(made.id, S.QUEUED, S.EDITING)
            nothing = {"message": "all of it is there", "code": "nothing_to_learn"}
            stores.adaptations.move(made.id, S.EDITING, S.FAILED, error=nothing)
    version = promoted(stores, "four")
    dropped = DroppedLine(line=Line(text="x"), reason="duplicate")
    stores.ledger.add(edit(version.adaptation_id, version.documents[0], 0).model_copy(update={"dropped": (dropped,)}))
    copies = [found.id for found in stores.forgetting.dropped_as_copies(ONE)]
    assert copies == [TWO, version.documents[0]]
    stores.forgetting.begin(ONE, to=None, copies=copies)
    assert learning(stores, TWO) == [S.FAILED, S.QUEUED]
    assert learning(stores, version.documents[0]) == [S.PROMOTED, S.QUEUED]


def test_a_copy_that_a_person_rejected_stays_rejected(stores: Stores) -> None:
    promoted(stores, "one")
    bad = candidate(stores, "two", until=S.GUARDING)
    dropped = DroppedLine(line=Line(text="x"), reason="duplicate")
    stores.ledger.add(edit(bad.adaptation_id, TWO, 0).model_copy(update={"dropped": (dropped,)}))
    stores.adapters.reject(bad.adaptation_id, error=None)
    assert stores.forgetting.dropped_as_copies(ONE) == []


@pytest.mark.parametrize("to", [None, 1])
def test_what_it_superseded_comes_back_whatever_is_gone_back_to(stores: Stores, to: int | None) -> None:
    promoted(stores, "one")
    stores.documents.add(document("two").model_copy(update={"supersedes": ONE}), [])
    promoted(stores, "two")
    made, _ = stores.forgetting.begin(TWO, to=to, copies=[])
    assert made.documents == (ONE,)
    assert stores.forgetting.has_to_rebuild(made) is (to is None)


def test_the_move_of_the_pointer_can_be_looked_back_on(stores: Stores) -> None:
    for text in ("one", "two"):
        promoted(stores, text)
    forget(stores, TWO)
    assert [(m.kind, m.to) for m in stores.watches.moves("default")] == [
        ("promotion", 1),
        ("promotion", 2),
        ("forget", 1),
    ]
