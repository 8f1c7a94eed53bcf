"""What becomes of retrainings and learned policies when a document is taken back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from seald.domain.adapter import AdapterStatus as A
from seald.domain.certificate import Certificate
from seald.domain.retraining import Context
from seald.domain.retraining import RetrainingStatus as S
from seald.errors import Conflict, IllegalTransition
from seald.store import Stores
from tests.unit.store.conftest import document
from tests.unit.store.test_adapters import promoted
from tests.unit.store.test_episodes import episode
from tests.unit.store.test_forgetting import certificate, end, forget
from tests.unit.store.test_ledger import edit
from tests.unit.store.test_policies import SEED, candidate, live, recorded, winner
from tests.unit.store.test_retrainings import SPEC, begun, exam, lesson

PHRASE = "quixotic zamboni of Orvale"
ONE, TWO = (document(text).id for text in ("one", "two"))


@pytest.fixture(autouse=True)
def _documents(stores: Stores) -> None:
    for text in ("one", "two"):
        stores.documents.add(document(text), [])


def erase(stores: Stores, id: str) -> Certificate:
    made = forget(stores, id)
    for version in stores.policies.tainted():
        stores.policies.erase(version.version)
    end(stores, made)
    return stores.forgetting.erase(certificate(stores, made, id))


def test_a_version_learned_from_its_lessons_and_its_parents(stores: Stores) -> None:
    first = winner(stores, [lesson("a", document=ONE), lesson("b", 1, document=TWO, held_out=True), lesson("c", 2)])
    second = winner(stores, [lesson("b", document=TWO), lesson("a", 1, document=ONE)])
    assert (first.documents, second.parent, second.documents) == ((ONE,), 1, (ONE, TWO))


@pytest.mark.parametrize("held_out", [False, True])
@pytest.mark.parametrize("until", [S.SAMPLING, S.JUDGING])
def test_a_retraining_that_has_it_as_a_lesson_fails_at_once(stores: Stores, until: S, held_out: bool) -> None:
    made = begun(stores, [lesson("a", document=ONE, held_out=held_out)], until=until)
    forget(stores, TWO)
    assert stores.retrainings.get(made.id).status is until
    forget(stores, ONE)
    found = stores.retrainings.get(made.id)
    assert (found.status, (found.error or {})["code"]) == (S.FAILED, "document_forgotten")
    assert stores.forgetting.retrained_by(ONE) == [made.id]
    with pytest.raises(IllegalTransition, match="failed"):
        stores.policies.allot(made.id, 1, parent=None, policy=SEED)


def test_a_retraining_from_a_policy_that_learned_from_it_fails_too(stores: Stores) -> None:
    winner(stores, [lesson("a", document=ONE)])
    late = candidate(stores, [lesson("b", document=TWO)])
    forget(stores, ONE)
    assert stores.retrainings.get(late.retraining_id).status is S.FAILED
    assert [version.version for version in stores.policies.tainted()] == [1, 2]


def test_nothing_begins_with_what_was_taken_back(stores: Stores) -> None:
    winner(stores, [lesson("a", document=ONE)])
    forget(stores, ONE)
    waiting, _ = stores.retrainings.queue(SPEC, "k")
    for lessons, start in (([lesson("a", document=ONE)], None), ([], 1)):
        with pytest.raises(IllegalTransition, match=ONE) as refused:
            stores.retrainings.begin(waiting.id, lessons, incumbent=None, start=start)
        assert refused.value.code == "document_forgotten"
    stores.retrainings.begin(waiting.id, [lesson("b", document=TWO)], incumbent=None, start=None)


def test_the_last_policy_that_never_learned_from_it_writes_again(stores: Stores) -> None:
    for lessons in ([lesson("b", document=TWO)], [lesson("a", document=ONE)], [lesson("c")]):
        winner(stores, lessons)
    forget(stores, ONE)
    assert (live(stores), [version.version for version in stores.policies.tainted()]) == (1, [2, 3])
    with pytest.raises(Conflict, match="taken back"):
        stores.policies.roll_back(3, reason=None)
    for version in (2, 3):
        stores.policies.erase(version)
    assert (stores.policies.tainted(), live(stores)) == ([], 1)
    assert [version.status for version in stores.policies.all()] == [A.APPROVED, A.RETIRED, A.RETIRED]
    assert stores.policies.roll_back(None, reason=None) is None


def test_a_candidate_whose_files_are_not_recorded_is_tainted_and_stays_without(stores: Stores) -> None:
    made = begun(stores, [lesson("a", document=ONE)], until=S.LEARNING)
    stores.policies.allot(made.id, 1, parent=None, policy=SEED)
    forget(stores, ONE)
    assert [version.version for version in stores.policies.tainted()] == [1]
    with pytest.raises(IllegalTransition, match="taken back") as refused:
        recorded(stores, 1)
    assert refused.value.code == "document_forgotten"
    stores.policies.erase(1)
    assert (stores.policies.tainted(), stores.policies.get(1).status) == ([], A.REJECTED)


def quoted_everywhere(stores: Stores, id: str) -> str:
    """A finished retraining in whose every place the document's phrase stands, beside one lesson of another."""
    its_own, other = lesson(PHRASE, document=id), lesson("b", 1, document=TWO)
    version = candidate(stores, [its_own, other])
    retraining = version.retraining_id
    stores.retrainings.set_exam(retraining, its_own.id, exam(PHRASE))
    written = episode(retraining, its_own.id, text=PHRASE).model_copy(update={"document": id})
    by_the_learned = episode(retraining, other.id, round=0, text=PHRASE).model_copy(update={"policy": "learned@1"})
    stores.episodes.put([written, by_the_learned, episode(retraining, other.id, text="Of another.")])
    stores.retrainings.note(retraining, "sampled", {"n": 3, "best": PHRASE})
    figures = {"rounds": [{"n": 4, "said": PHRASE}]}
    stores.policies.refuse(retraining, S.JUDGING, "not_better", PHRASE, figures)
    return retraining


def test_no_byte_of_it_is_left(stores: Stores, written: Callable[[], bytes]) -> None:
    known = stores.documents.add(document(PHRASE), [])[0].id
    retraining = quoted_everywhere(stores, known)
    assert PHRASE.encode() in written()
    stored = erase(stores, known)
    stores.forgetting.scrub(known)
    assert PHRASE.encode() not in written()
    tables = ("lessons", "episodes", "retraining_events", "retrainings", "policy_versions")
    assert [stored.removed.rows[table] for table in tables] == [1, 2, 2, 1, 1]
    kept = stores.retrainings.get(retraining)
    assert (kept.figures, (kept.error or {})["code"]) == ({"rounds": [{"n": 4}]}, "not_better")
    events = stores.retrainings.events(retraining)
    assert ("sampled", {"n": 3}) in [(event.type, event.data) for event in events]
    assert (events[-1].data["from"], events[-1].data["to"]) == ("judging", "refused")
    assert [one.context.document for one in stores.retrainings.lessons(retraining)] == [TWO]
    assert [one.raw for one in stores.episodes.of_round(retraining, 1)] == ["Of another."]


def test_what_came_with_the_request_and_other_retrainings_stay(stores: Stores) -> None:
    given = Context(title="given", context="It came with the request.")
    made, _ = stores.retrainings.queue(SPEC.model_copy(update={"given": (given,)}), "k")
    stores.retrainings.begin(made.id, [lesson("given"), lesson("b", 1, document=TWO)], incumbent=None, start=None)
    stores.episodes.put([episode(made.id, lesson("given").id)])
    stores.retrainings.add_figures(made.id, {"said": "a word"})
    before = stores.retrainings.get(made.id)
    rows = erase(stores, ONE).removed.rows
    assert [rows[table] for table in ("lessons", "episodes", "retrainings", "policy_versions")] == [0, 0, 0, 0]
    assert (stores.retrainings.get(made.id), before.spec.given) == (before, (given,))
    assert (len(stores.retrainings.lessons(made.id)), len(stores.episodes.of_round(made.id, 1))) == (2, 1)


def test_the_same_content_again_is_as_new(stores: Stores) -> None:
    winner(stores, [lesson("a", document=ONE)])
    erase(stores, ONE)
    stores.forgetting.scrub(ONE)
    stores.documents.add(document("one"), [])
    assert (stores.policies.tainted(), live(stores)) == ([], None)
    with pytest.raises(Conflict):
        stores.policies.roll_back(1, reason=None)
    assert winner(stores, [lesson("a", document=ONE)]).documents == (ONE,)


def test_what_such_a_policy_wrote_of_other_documents_is_withdrawn_what_was_written_by_rule_is_not(
    stores: Stores,
) -> None:
    winner(stores, [lesson("a", document=ONE)])
    other = promoted(stores, "three")
    by = [("learned@1", "It knows."), ("learned@1", ""), ("default", "It does not know.")]
    made = [edit(other.adaptation_id, other.documents[0], n) for n in range(3)]
    for (policy, raw), one in zip(by, made, strict=True):
        stores.ledger.add(one.model_copy(update={"policy": policy, "raw": raw}))
    forget(stores, ONE)
    assert [(e.policy, e.raw) for e in stores.ledger.promoted("default", other.documents)] == by[1:]
