from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from seald.domain.actor import Actor, acting
from seald.errors import NotFound, StoreError
from seald.store import Stores
from seald.store.answered import SqlAnswered


def test_an_answer_is_known_before_and_after_it_is_written_down(stores: Stores) -> None:
    for request, model, label in (("a", "seald", "default@3"), ("b", "seald:ops", "base"), ("c", "base", "base")):
        stores.answers.note(request, model, label)
    before = [stores.answers.find(request) for request in "abc"]
    assert [(a.collection, a.version, a.label) for a in before] == [
        ("default", 3, "default@3"),
        ("ops", None, "base"),
        ("", None, "base"),
    ]
    stores.answers.flush()
    assert [SqlAnswered(stores.session, stores.clock).find(request) for request in "abc"] == before


def test_the_latest_answer_of_a_request_id_counts(stores: Stores) -> None:
    stores.answers.note("mine", "seald", "default@1")
    stores.answers.flush()
    stores.answers.note("mine", "seald", "default@2")
    assert stores.answers.find("mine").version == 2
    stores.answers.flush()
    assert stores.answers.find("mine").version == 2


def test_of_one_id_each_has_the_answer_that_it_was_given(stores: Stores) -> None:
    for version, key in ((1, "key-a"), (2, "key-b")):
        with asking(key):
            stores.answers.note("same", "seald", f"default@{version}")
        stores.answers.flush()
    for version, key in ((1, "key-a"), (2, "key-b")):
        with asking(key):
            assert stores.answers.find("same").version == version
            assert stores.feedback.rate(stores.answers.find("same"), 1, None)[1] is True
    with asking("key-c"):
        assert stores.answers.find("same").version == 2


@contextmanager
def asking(key: str) -> Iterator[None]:
    before = acting.set(Actor(key))
    yield
    acting.reset(before)


def test_what_the_database_did_not_take_is_not_forgotten(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    stores.answers.note("a", "seald", "default@1")
    with monkeypatch.context() as broken:
        broken.setattr("seald.store.answered._replace", fail)
        with pytest.raises(StoreError):
            stores.answers.flush()
    assert stores.answers.find("a").version == 1
    stores.answers.note("b", "seald", "default@1")
    stores.answers.flush()
    assert {SqlAnswered(stores.session, stores.clock).find(id).version for id in "ab"} == {1}


def fail(*_: object) -> None:
    raise StoreError("the disk is full")


def test_old_answers_and_all_but_the_latest_go(stores: Stores) -> None:
    for request in "abcd":
        stores.answers.note(request, "seald", "default@1")
    stores.answers.flush()
    assert stores.answers.prune(timedelta(days=1), 10) == 0
    assert stores.answers.prune(timedelta(days=1), 3) == 1
    with pytest.raises(NotFound, match="x-request-id 'a'"):
        stores.answers.find("a")
    assert stores.answers.find("b").version == 1
    assert stores.answers.prune(timedelta(0), 10) == 3


def test_ratings_are_counted_by_version_and_replaced(stores: Stores) -> None:
    for n in range(4):
        stores.answers.note(f"r{n}", "seald", f"default@{1 + n // 2}")
        assert stores.feedback.rate(stores.answers.find(f"r{n}"), -1, "no")[1] is True
    given, first = stores.feedback.rate(stores.answers.find("r0"), 1, None)
    assert (given.rating, given.version, first) == (1, 1, False)
    assert {v: (r.up, r.down) for v, r in stores.feedback.of_collection("default").items()} == {1: (1, 1), 2: (0, 2)}
    assert stores.feedback.of_collection("ops") == {}
    page = stores.feedback.page(collection="default", after=1, limit=2)
    assert ([(n, f.request) for n, f in page.data], page.has_more) == ([(2, "r1"), (3, "r2")], True)
