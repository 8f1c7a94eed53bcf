"""Whether a daemon and its data folder are sound after a fault: asked of the daemon, and read from the files."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import httpx
from alembic.script import ScriptDirectory

from seald.domain.adapter import engine_name
from seald.store.migrate import alembic_config
from tests.daemon_process import DaemonProcess

SETTLE_SECONDS = 10.0
CHAT = {"model": "seald", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4, "temperature": 0}


@dataclass
class Folder:
    """The data folder of a daemon, read beside it."""

    daemon: DaemonProcess

    def rows(self, query: str) -> list[Any]:
        """What the database says."""
        with closing(sqlite3.connect(self.daemon.data_dir / "seald.db")) as database:
            return database.execute(query).fetchall()

    def weights(self) -> dict[int, str]:
        """sha256 of each version of `default` that has weights."""
        return dict(self.rows("SELECT version, sha256 FROM adapter_versions WHERE sha256 IS NOT NULL"))

    def documents(self) -> list[str]:
        """Ids of all that were sent and not forgotten, in their order."""
        return [id for (id,) in self.rows("SELECT id FROM documents WHERE forgotten IS NULL ORDER BY number")]

    def live(self) -> str:
        """What answers for `default`."""
        found = self.rows("SELECT version FROM live WHERE collection = 'default'")
        return f"default@{found[0][0]}" if found and found[0][0] is not None else "base"


def assert_sound(daemon: DaemonProcess, learned: Sequence[str], *, engine: str | None = None) -> None:
    """`learned`: ids of all documents that were sent and not forgotten; each is promoted, once. `engine`: its address,
    where it needs no key. What a step does after its last commit may take a moment."""
    folder = Folder(daemon)
    assert_database(folder)
    assert_one_effect(folder, learned)
    soon(lambda: assert_one_version_answers(folder))
    soon(lambda: assert_nothing_is_left(folder))
    if engine is not None:
        soon(lambda: assert_engine_holds_what_the_daemon_knows(folder, engine))
    audit = httpx.get(f"{daemon.url}/v1/audit/verify", timeout=30)
    assert audit.json()["ok"], audit.text


def soon(check: Callable[[], None]) -> None:
    """Try until it holds."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def assert_database(folder: Folder) -> None:
    assert folder.rows("PRAGMA integrity_check") == [("ok",)]
    assert folder.rows("PRAGMA foreign_key_check") == []
    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    assert folder.rows("SELECT version_num FROM alembic_version") == [(head,)]


def assert_one_effect(folder: Folder, learned: Sequence[str]) -> None:
    """Of each document one promotion, and as many probes as of any other: all are of one shape."""
    promoted = "SELECT id FROM adaptations WHERE kind = 'learn' AND status = 'promoted'"
    effects = folder.rows(
        "SELECT document, count(*) FROM adaptation_documents JOIN documents ON documents.id = document "
        f"WHERE forgotten IS NULL AND adaptation IN ({promoted}) GROUP BY document"
    )
    assert dict(effects) == dict.fromkeys(learned, 1)
    states = {status for (status,) in folder.rows("SELECT DISTINCT status FROM adaptations")}
    assert states <= {"promoted", "failed"}, states
    moved = "SELECT adaptation, data, count(*) AS n FROM adaptation_events WHERE type = 'status' GROUP BY 1, 2"
    assert folder.rows(f"{moved} HAVING n > 1") == []
    kept = "SELECT id FROM documents WHERE forgotten IS NULL"
    probes = folder.rows(f"SELECT document, count(*) FROM probes WHERE document IN ({kept}) GROUP BY document")
    assert len({n for _, n in probes}) <= 1, probes
    assert_one_ledger(folder)
    moves = folder.rows("SELECT from_version, to_version FROM live_moves WHERE collection = 'default' ORDER BY seq")
    assert [after for _, after in moves[:-1]] == [before for before, _ in moves[1:]]


def assert_one_ledger(folder: Folder) -> None:
    """Of each promoted adaptation the self-edits that it counted, and no position left out unless it was erased."""
    written = "json_extract(figures, '$.self_edits.written')"
    of = "(SELECT count(*) FROM self_edits WHERE adaptation = adaptations.id)"
    learned = "kind = 'learn' AND status = 'promoted' AND id NOT IN (SELECT adaptation FROM adapter_versions WHERE "
    counted = folder.rows(f"SELECT id, {written}, {of} FROM adaptations WHERE {learned} sha256 IS NULL)")
    assert [row for row in counted if row[1] != row[2]] == []
    if not folder.rows("SELECT id FROM documents WHERE forgotten IS NOT NULL"):
        positions = [n for (n,) in folder.rows("SELECT position FROM self_edits WHERE position IS NOT NULL ORDER BY 1")]
        assert all(after == before + 1 for before, after in pairwise(positions))


def assert_one_version_answers(folder: Folder) -> None:
    """The live one, whose files verify as all others do."""
    live, daemon = folder.live(), folder.daemon
    for _ in range(2):
        answer = daemon.post("/v1/chat/completions", CHAT)
        assert answer.status_code == 200, answer.text
        assert (answer.headers["x-seald-adapter"], answer.json()["system_fingerprint"]) == (live, live)
    for version in folder.weights():
        assert daemon.get(f"/v1/adapters/default/{version}", verify="true")["verified"] is True


def assert_nothing_is_left(folder: Folder) -> None:
    """No folder, draft, work or result that nobody owns."""
    weights, data = folder.weights(), folder.daemon.data_dir
    assert {path.name for path in (data / "adapters" / "default").iterdir()} == {str(version) for version in weights}
    assert [*(data / "adapters" / ".drafts").glob("*")] == []
    assert [path.name for path in (data / "work").glob("*") if path.name != "results"] == []
    results = {path.stem for path in (data / "work" / "results").glob("*") if not path.stem.startswith("base-")}
    assert results <= {engine_name(sha256) for sha256 in weights.values()}


def assert_engine_holds_what_the_daemon_knows(folder: Folder, engine: str) -> None:
    weights = folder.weights()
    known = {engine_name(weights[int(label.partition("@")[2])]) for label in folder.daemon.engine()["loaded"]}
    models = httpx.get(f"{engine}/v1/models", timeout=30).json()["data"]
    assert {model["id"] for model in models if model["parent"]} == known
