"""`seald keys`: offline on a real data folder, else against a small server that gives the documented shapes."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from seald.config import Settings
from seald.store import open_stores
from tests.small_server import answering
from tests.unit.cli.test_cli import Handler, run

KEY: dict[str, Any] = {
    "id": "key-1",
    "object": "key",
    "name": "[app]",
    "scopes": ["chat", "ingest"],
    "collections": ["ops"],
    "models": None,
    "requests_per_minute": 60,
    "concurrency": None,
    "created": 1,
    "expires": None,
    "revoked": None,
}
KEYS = [KEY, {**KEY, "id": "key-2", "expires": 86_400}, {**KEY, "id": "key-3", "revoked": 2}]


class Keys(Handler):
    answers: ClassVar[dict[str, Any]] = {
        "GET /v1/keys": {"object": "list", "data": KEYS, "has_more": False},
        "DELETE /v1/keys/key-1": {**KEY, "revoked": 2, "deleted": True},
    }
    asked: ClassVar[list[dict[str, Any]]] = []

    def _other(self, key: str, body: bytes) -> tuple[int, dict[str, Any]]:
        if key != "POST /v1/keys" or b"chat" not in body:
            return super()._other(key, body)
        self.asked.append(json.loads(body))
        return 201, {**KEY, "secret": "sk-seald-shown-once"}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with answering(Keys) as address:
        yield address


def test_the_first_key_goes_into_a_file_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("keys", "create", "root", "--offline", "--data-dir", str(tmp_path))
    assert run(monkeypatch, *words, "--json") == 0
    file, shown = tmp_path / "admin.key", json.loads(capsys.readouterr().out)
    secret = file.read_text().strip()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (shown["file"], shown["scopes"], "secret" in shown) == (str(file), ["admin"], False)
    # It is not overwritten, and no key is made of which nobody has the secret.
    assert run(monkeypatch, *words) == 1
    said = capsys.readouterr()
    assert "file_exists" in said.err
    # Whoever may write into the data folder may always make a further one.
    assert run(monkeypatch, *words, "--scope", "chat", "--file", str(tmp_path / "b")) == 0
    printed = capsys.readouterr()
    assert printed.out.strip() == str(tmp_path / "b")
    stores = open_stores(Settings(data_dir=tmp_path))
    found = stores.keys.page(after=None, limit=9).data
    assert [(key.name, key.scopes) for key in found] == [("root", ("admin",)), ("root", ("chat",))]
    assert stores.keys.find(secret) == found[0]
    stores.close()
    assert not any(s in "".join([*said, *printed]) for s in (secret, (tmp_path / "b").read_text().strip()))


def test_what_cannot_be_made_offline_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("keys", "create", "root", "--offline", "--data-dir", str(tmp_path))
    assert run(monkeypatch, *words, "--scope", "chat") == 1
    assert run(monkeypatch, *words, "--scope", "root") == 1
    said = capsys.readouterr().err
    assert "first_key_must_be_admin" in said
    assert "scopes" in said
    daemon = open_stores(Settings(data_dir=tmp_path))
    assert run(monkeypatch, *words) == 1
    assert "data_folder_locked" in capsys.readouterr().err
    assert (daemon.keys.ever(), (tmp_path / "admin.key").exists()) == (False, False)
    daemon.close()


def test_a_key_is_asked_of_the_daemon(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Keys.asked.clear()
    words = ("keys", "create", "app", "--url", url, "--scope", "chat")
    assert run(monkeypatch, *words, "--collection", "ops", "--rate", "60", "--concurrency", "0") == 0
    said = capsys.readouterr()
    assert (said.out, "shown-once" in said.err, "[app]" in said.err) == ("sk-seald-shown-once\n", False, True)
    (asked,) = Keys.asked
    assert asked == {
        "name": "app",
        "scopes": ["chat"],
        "collections": ["ops"],
        "models": None,
        "requests_per_minute": 60,
        "concurrency": None,
        "expires": None,
    }
    assert run(monkeypatch, *words, "--file", str(tmp_path / "k"), "--days", "30", "--reason", "so") == 0
    assert ((tmp_path / "k").read_text(), "once" in capsys.readouterr().out) == ("sk-seald-shown-once\n", False)
    assert "requests_per_minute" not in Keys.asked[1]
    assert (Keys.asked[1]["expires"] > 30 * 86_400, Keys.asked[1]["reason"]) == (True, "so")
    assert run(monkeypatch, "keys", "create", "app", "--url", url) == 2


def test_keys_are_listed_and_revoked(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("seald.cli.client.screen.width", 200)
    assert run(monkeypatch, "keys", "list", "--url", url) == 0
    shown = capsys.readouterr().out
    assert [word in shown for word in ("[app]", "chat, ingest", "good", "expired 1970-01-02", "revoked")] == [True] * 5
    assert run(monkeypatch, "keys", "list", "--url", url, "--json") == 0
    assert json.loads(capsys.readouterr().out)["data"] == KEYS
    assert run(monkeypatch, "keys", "revoke", "key-1", "--url", url) == 0
    assert "revoked" in capsys.readouterr().err
