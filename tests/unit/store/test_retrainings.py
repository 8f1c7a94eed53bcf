from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from seald.domain.probe import Probe
from seald.domain.retraining import Context, Exam, LabelledQuestion, Lesson, Retraining, RetrainingSpec
from seald.domain.retraining import RetrainingStatus as S
from seald.errors import IllegalTransition, NotFound
from seald.store import Stores

SPEC = RetrainingSpec(rounds=1, contexts=2, samples=2)
PATH = [S.SAMPLING, S.SCORING, S.LEARNING, S.JUDGING]


def lesson(text: str, place: int = 0, *, document: str | None = None, held_out: bool = False) -> Lesson:
    context = Context(title=text, context=text, document=document)
    return Lesson(retraining_id="", place=place, context=context, held_out=held_out)


def exam(answer: str = "1893") -> Exam:
    probe = Probe(
        id="p", collection="", document_id=None, kind="question", question="When?", answer=answer, origin="model"
    )
    return Exam(rewarded=(probe,), hidden=())


def begun(
    stores: Stores,
    lessons: Sequence[Lesson],
    *,
    until: S = S.SAMPLING,
    incumbent: int | None = None,
    start: int | None = None,
) -> Retraining:
    """A retraining of its own key, brought as far as `until`."""
    count = len(stores.retrainings.page(after=None, limit=100).data)
    made, new = stores.retrainings.queue(SPEC, f"key {count}")
    assert new
    stores.retrainings.begin(made.id, lessons, incumbent=incumbent, start=start)
    for before, after in pairwise(PATH[: PATH.index(until) + 1]):
        stores.retrainings.move(made.id, before, after)
    return stores.retrainings.get(made.id)


def test_queued_twice_is_queued_once(stores: Stores) -> None:
    given = Context(
        title="A mill",
        context="It stands.",
        questions=(LabelledQuestion(question="Q?", answer="A"),),
        edits={"GPT": ("one", "two")},
    )
    first, new = stores.retrainings.queue(SPEC.model_copy(update={"given": (given,)}), "cron 1")
    assert (new, first.id.startswith("ret-000001-"), first.spec.given) == (True, True, (given,))
    assert stores.retrainings.get(first.id) == first
    for key in ("cron 1", "cron 2"):
        assert stores.retrainings.queue(SPEC, key) == (first, False)
    stores.retrainings.request_cancel(first.id)
    second, new = stores.retrainings.queue(SPEC, "cron 2")
    assert (new, second.id.startswith("ret-000002-")) == (True, True)
    again, new = stores.retrainings.queue(SPEC, "cron 1")
    assert (again.id, again.status, new) == (first.id, S.CANCELLED, False)


def test_of_many_who_queue_one_does(stores: Stores) -> None:
    with ThreadPoolExecutor(8) as pool:
        asked = list(pool.map(lambda n: stores.retrainings.queue(SPEC, str(n)), range(16)))
    assert (len({made.id for made, _ in asked}), [new for _, new in asked].count(True)) == (1, 1)


def test_beginning_stores_lessons_and_policies_at_once(stores: Stores) -> None:
    made, _ = stores.retrainings.queue(SPEC, "k")
    lessons = [lesson("two", 1, held_out=True), lesson("one", 0)]
    assert stores.retrainings.begin(made.id, lessons, incumbent=None, start=None).status is S.SAMPLING
    found = stores.retrainings.lessons(made.id)
    assert [(one.retraining_id, one.context.title, one.held_out) for one in found] == [
        (made.id, "one", False),
        (made.id, "two", True),
    ]
    with pytest.raises(IllegalTransition, match="not queued any more: it is sampling"):
        stores.retrainings.begin(made.id, [lesson("three")], incumbent=None, start=None)
    assert stores.retrainings.lessons(made.id) == found


def test_what_cannot_begin_whole_does_not_begin(stores: Stores) -> None:
    made, _ = stores.retrainings.queue(SPEC, "k")
    with pytest.raises(NotFound, match="learned policy 7"):
        stores.retrainings.begin(made.id, [lesson("one")], incumbent=None, start=7)
    assert (stores.retrainings.get(made.id).status, stores.retrainings.lessons(made.id)) == (S.QUEUED, [])


def test_a_move_writes_its_event_beside_it(stores: Stores) -> None:
    id = begun(stores, [], until=S.LEARNING).id
    stores.retrainings.add_figures(id, {"rounds": [{"n": 1}]})
    moved = stores.retrainings.move(id, S.LEARNING, S.SAMPLING, round=2, figures={"more": 2})
    assert (moved.round, moved.figures) == (2, {"rounds": [{"n": 1}], "more": 2})
    last = stores.retrainings.events(id)[-1]
    expected = {"from": "learning", "to": "sampling", "round": 2, "figures": {"more": 2}}
    assert (last.type, last.data) == ("status", expected)


def test_of_two_movers_one_wins(stores: Stores) -> None:
    id = begun(stores, []).id
    before = len(stores.retrainings.events(id))

    def move(_: int) -> bool:
        try:
            stores.retrainings.move(id, S.SAMPLING, S.SCORING)
        except IllegalTransition:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(move, range(16))) == 1
    assert len(stores.retrainings.events(id)) == before + 1


def test_a_move_that_is_not_listed_changes_nothing(stores: Stores) -> None:
    id = begun(stores, []).id
    with pytest.raises(IllegalTransition, match="cannot go from sampling to promoted"):
        stores.retrainings.move(id, S.SAMPLING, S.PROMOTED)
    assert stores.retrainings.get(id).status is S.SAMPLING
    with pytest.raises(NotFound, match="ret-x"):
        stores.retrainings.move("ret-x", S.SAMPLING, S.SCORING)


def test_cancelling(stores: Stores) -> None:
    running = begun(stores, [])
    asked = stores.retrainings.request_cancel(running.id)
    assert (asked.status, asked.cancel_requested) == (S.SAMPLING, True)
    ended = stores.retrainings.move(running.id, S.SAMPLING, S.CANCELLED)
    assert ended.finished is not None
    with pytest.raises(IllegalTransition, match="too late"):
        stores.retrainings.request_cancel(running.id)
    waiting, _ = stores.retrainings.queue(SPEC, "k")
    assert stores.retrainings.request_cancel(waiting.id).status is S.CANCELLED
    assert stores.retrainings.next_runnable() is None


def test_an_exam_is_set_once(stores: Stores) -> None:
    one = lesson("one")
    id = begun(stores, [one, lesson("two", 1)]).id
    for answer in ("1893", "1911"):
        stores.retrainings.set_exam(id, one.id, exam(answer))
    assert [found.exam for found in stores.retrainings.lessons(id)] == [exam("1893"), None]
    with pytest.raises(NotFound, match="ctx-x"):
        stores.retrainings.set_exam(id, "ctx-x", exam())


def test_pages_and_events_go_on_from_where_a_reader_stopped(stores: Stores) -> None:
    ids = []
    for _ in range(3):
        ids.append(begun(stores, []).id)
        assert stores.retrainings.next_runnable() == stores.retrainings.get(ids[-1])
        stores.retrainings.move(ids[-1], S.SAMPLING, S.FAILED, error={"message": "m", "code": "c"})
    page = stores.retrainings.page(after=ids[0], limit=1)
    assert ([one.id for one in page.data], page.has_more) == (ids[1:2], True)
    stores.retrainings.note(ids[0], "sampled", {"n": 3})
    first = stores.retrainings.events(ids[0], limit=2)
    rest = stores.retrainings.events(ids[0], after=first[-1].seq)
    assert [event.type for event in (*first, *rest)] == ["status", "status", "status", "sampled"]
    for ask in (stores.retrainings.events, stores.retrainings.get):
        with pytest.raises(NotFound, match="ret-x"):
            ask("ret-x")
