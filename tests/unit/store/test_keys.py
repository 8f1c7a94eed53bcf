from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from seald.config import Settings
from seald.domain.key import KeyAsk, new_secret
from seald.errors import InvalidRequest, NotFound, StoreError
from seald.store import Stores, open_stores, session
from seald.store.keys import SqlKeys


@dataclass
class Hand:
    """A clock that is set by hand."""

    at: datetime = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


def ask(*scopes: str, **more: Any) -> KeyAsk:
    return KeyAsk.model_validate({"name": "k", "scopes": scopes or ("admin",), **more})


def test_a_key_is_found_by_its_secret_which_is_written_down_nowhere(
    stores: Stores, settings: Settings, written: Callable[[], bytes]
) -> None:
    secret = new_secret()
    made = stores.keys.create(ask("chat", "admin", collections=None, concurrency=3), secret)
    assert stores.keys.find(secret) == stores.keys.get(made.id) == made
    assert (made.scopes, made.concurrency, made.collections) == (("chat", "admin"), 3, None)
    assert stores.keys.find(secret + "x") is None
    stores.close()
    assert made.sha256.encode() in written()
    assert secret.encode() not in written()
    again = open_stores(settings)
    assert again.keys.find(secret) == made
    again.close()


def test_revoked_is_revoked_at_once_and_once_and_the_door_stays_shut(stores: Stores) -> None:
    clock, secret = Hand(), new_secret()
    keys = SqlKeys(stores.session, clock)
    assert (keys.ever(), keys.any_usable()) == (False, False)
    made = keys.create(ask(), secret)
    assert (keys.ever(), keys.any_usable()) == (True, True)
    first = keys.revoke(made.id)
    clock.at += timedelta(hours=1)
    assert keys.revoke(made.id) == first == keys.get(made.id)
    assert (keys.find(secret), keys.ever(), keys.any_usable()) == (None, True, False)
    with pytest.raises(NotFound):
        keys.revoke("key-none")
    assert SqlKeys(stores.session, clock).ever()


def test_an_expired_key_is_not_found(stores: Stores) -> None:
    clock, secret = Hand(), new_secret()
    keys = SqlKeys(stores.session, clock)
    keys.create(ask(expires=int(clock.at.timestamp()) + 60), secret)
    assert keys.find(secret) is not None
    clock.at += timedelta(seconds=60)
    assert (keys.find(secret), keys.any_usable(), keys.ever()) == (None, False, True)
    with pytest.raises(InvalidRequest, match="past"):
        keys.create(ask(expires=int(clock.at.timestamp())), new_secret())


@pytest.mark.parametrize("asked", [ask("chat", "ingest"), ask(collections=["ops"]), ask(models=["base"])])
def test_the_first_key_can_make_others(stores: Stores, asked: KeyAsk) -> None:
    with pytest.raises(InvalidRequest) as refused:
        stores.keys.create(asked, new_secret())
    assert (refused.value.code, stores.keys.ever()) == ("first_key_must_be_admin", False)
    stores.keys.create(ask(), new_secret())
    assert stores.keys.create(asked, new_secret()).scopes == tuple(asked.scopes)


def test_pages_are_oldest_first(stores: Stores) -> None:
    made = [stores.keys.create(ask(), new_secret()) for _ in range(3)]
    stores.keys.revoke(made[1].id)
    first = stores.keys.page(after=None, limit=2)
    assert ([key.id for key in first.data], first.has_more) == ([key.id for key in made[:2]], True)
    rest = stores.keys.page(after=made[1].id, limit=2)
    assert (rest.data, rest.has_more) == ([made[2]], False)
    with pytest.raises(NotFound):
        stores.keys.page(after="key-none", limit=1)


class Broken:
    """Fails at the n-th look: 1 before a commit, 2 after it, when nobody can say what became of it."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, stage: str) -> None:
        self.left -= stage == "commit"
        if self.left == 0:
            raise OSError(5, "Input/output error")


@pytest.mark.parametrize(("at", "revoked"), [(1, False), (2, True)])
def test_a_key_is_revoked_if_the_database_says_so_whatever_it_said_first(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, at: int, revoked: bool
) -> None:
    secret = new_secret()
    made = stores.keys.create(ask(), secret)
    monkeypatch.setattr(session, "failpoint", Broken(at))
    with pytest.raises(StoreError):
        stores.keys.revoke(made.id)
    assert (stores.keys.get(made.id).revoked is not None, stores.keys.find(secret) is None) == (revoked, revoked)


@pytest.mark.parametrize(("at", "there"), [(1, False), (2, True)])
def test_the_door_is_shut_if_a_first_key_is_there_whatever_was_said_of_it(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, at: int, there: bool
) -> None:
    monkeypatch.setattr(session, "failpoint", Broken(at))
    with pytest.raises(StoreError):
        stores.keys.create(ask(), new_secret())
    assert (stores.keys.ever(), len(stores.keys.page(after=None, limit=9).data)) == (there, int(there))


@pytest.mark.parametrize("done", [True, False])
def test_where_nothing_can_be_read_either_a_key_is_rather_revoked(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, done: bool
) -> None:
    secret = new_secret()
    made = stores.keys.create(ask(), secret)
    monkeypatch.setattr(session, "failpoint", Broken(2 if done else 1))
    monkeypatch.setattr(stores.keys, "_all", lambda: (_ for _ in ()).throw(StoreError("gone")))
    with pytest.raises(StoreError):
        stores.keys.revoke(made.id)
    assert (stores.keys.find(secret), stores.keys.ever()) == (None, True)
