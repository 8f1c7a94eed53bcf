from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from seald.domain.key import Key, KeyAsk, hash_of, new_secret

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


def made(*scopes: str, **more: Any) -> Key:
    return Key.of(KeyAsk.model_validate({"name": "k", "scopes": scopes, **more}), new_secret(), NOW)


def test_admin_implies_the_others_and_they_imply_nothing() -> None:
    assert all(made("admin").may(scope) for scope in ("chat", "ingest", "admin"))
    assert [made("ingest").may(scope) for scope in ("chat", "ingest", "admin")] == [False, True, False]
    assert [made("chat").may(scope) for scope in ("chat", "ingest", "admin")] == [True, False, False]


def test_a_secret_has_256_bits_and_no_two_are_alike() -> None:
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert {(secret[:9], len(secret)) for secret in secrets} == {("sk-seald-", 9 + 43)}
    assert hash_of("a") == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"


def test_it_is_usable_until_it_expires() -> None:
    key = made("chat", expires=int(NOW.timestamp()) + 60)
    assert [key.usable(NOW + timedelta(seconds=s)) for s in (0, 59, 60)] == [True, True, False]
    assert not made("chat").model_copy(update={"revoked": NOW}).usable(NOW)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"name": " "}, "name"),
        ({"name": "a\x1b[31m"}, "name"),
        ({"name": "a" * 101}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["root"]}, "scopes"),
        ({"scopes": "chat"}, "scopes"),
        ({"collections": []}, "collections"),
        ({"collections": ["../etc"]}, "collections"),
        ({"collections": ["ops\n"]}, "collections"),
        ({"models": ["gpt-4"]}, "models"),
        ({"requests_per_minute": 0}, "requests_per_minute"),
        ({"requests_per_minute": True}, "requests_per_minute"),
        ({"concurrency": 1.5}, "concurrency"),
        ({"expires": "tomorrow"}, "expires"),
        ({"expires": 10**15}, "expires"),
        ({"secret": "sk-seald-mine"}, "secret"),
    ],
)
def test_what_no_key_can_have(change: dict[str, Any], where: str) -> None:
    with pytest.raises(ValidationError) as error:
        KeyAsk.model_validate({"name": "k", "scopes": ["chat"], **change})
    assert error.value.errors()[0]["loc"][0] == where
