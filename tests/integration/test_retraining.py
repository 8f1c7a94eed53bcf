"""The policy's way from outside, by command and API on the bundled engine: a writer elsewhere, a retraining, a learned
policy that writes, the way back, and a document that it learned from taken back. On the tiny model."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from seald.config import Settings
from seald.domain.policy_version import PolicyVersion
from seald.domain.retraining import RUNNABLE
from seald.domain.self_edit import SelfEdit
from seald.domain.tournament import TournamentResult
from seald.store import open_stores
from tests import other_writer, retraining
from tests.daemon_process import FINAL, DaemonProcess
from tests.faults.conftest import LENIENT
from tests.faults.test_kills import children
from tests.lessons import WRITER, contexts, document
from tests.other_writer import POLICY, Elsewhere
from tests.small_server import answering

PAYS_LENGTH = {
    **{f"{retraining.RETRAIN}REWARDS__{name}": "0" for name in ("ACCURACY", "LOGPROB", "RETENTION", "SIZE", "NORM")},
    f"{retraining.RETRAIN}REWARDS__LENGTH": "1",
}
FIRST, DOCUMENTS, LEARNED_FROM = 31, 4, 2
WON = TournamentResult(verdict="won", reason="said by a test", standings=(), duels=())


@dataclass
class Running:
    """A daemon whose seed policy has a writer elsewhere, and all that it could send anything to."""

    daemon: DaemonProcess
    elsewhere: Elsewhere
    proxied: list[str]
    """What came to the proxy that its environment names."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("retraining")
    with other_writer.elsewhere() as elsewhere, proxy() as (address, proxied):
        proxies = {name: address for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy")}
        installed = other_writer.installation(folder / "installation", elsewhere.url)
        environment = {**LENIENT, **retraining.SMALL, **PAYS_LENGTH, **proxies, **installed}
        # Of the tiny model's tokens, which are bytes: a document is one passage.
        environment |= {"SEALD_MODEL__NAME": str(tiny_model), "SEALD_INGEST__PASSAGE_TOKENS": "1024"}
        daemon = DaemonProcess(folder / "data", environment)
        try:
            yield Running(daemon.start(), elsewhere, proxied)
            assert daemon.stop() == 0
        finally:
            if daemon.process is not None and daemon.process.poll() is None:
                daemon.kill()


@contextmanager
def proxy() -> Iterator[tuple[str, list[str]]]:
    """The address of a proxy that passes nothing on, and what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def _refuse(self) -> None:
            asked.append(f"{self.command} {self.path}")
            self.send_error(502)

        do_GET = do_POST = do_CONNECT = _refuse

        def log_message(self, *_: Any) -> None:
            return

    with answering(Handler) as address:
        yield address, asked


@pytest.fixture(scope="module")
def taught(running: Running) -> dict[str, Any]:
    """Its documents, learned one after the other: their adaptations by document, and whom it spoke to meanwhile."""
    adaptations, reached = {}, set()
    for n in range(FIRST, FIRST + DOCUMENTS):
        sent = running.daemon.post("/v1/documents", document(n)).json()
        adaptations[sent["id"]] = sent["adaptation"]
        while (now := running.daemon.get(f"/v1/adaptations/{sent['adaptation']}"))["status"] not in FINAL:
            reached |= hosts_reached(running.daemon)
            time.sleep(0.05)
        assert now["status"] == "promoted", now
    return {"adaptations": adaptations, "reached": reached}


@pytest.fixture(scope="module")
def learned(running: Running, taught: dict[str, Any]) -> PolicyVersion:
    """A policy that has learned from the documents, and may write."""
    daemon = running.daemon
    asked = policy(daemon, "retrain", "--rounds", "1", "--samples", "2", "--contexts", str(LEARNED_FROM), "--json")
    assert asked.returncode == 0, asked.stderr
    run = json.loads(asked.stdout)["id"]
    while (now := retraining.seen(daemon, run))["status"] != "judging":
        assert now["status"] in RUNNABLE, now
        time.sleep(0.1)
    assert daemon.stop() == 0
    # No tournament lets a model of random weights write, so the one that judges is left out here, and nothing else.
    stores = open_stores(Settings.model_validate({"data_dir": daemon.data_dir}))
    try:
        version = stores.policies.promote(run, WON)
    finally:
        stores.close()
    daemon.start()
    assert retraining.end_of(daemon, run)["status"] == "promoted"
    retraining.assert_nothing_is_left(daemon, run)
    return version


def policy(daemon: DaemonProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`seald policy …` in a process of its own."""
    command = [sys.executable, "-m", "seald", "policy", *arguments, "--url", daemon.url]
    return subprocess.run(command, capture_output=True, text=True, timeout=retraining.SECONDS, check=False)


def hosts_reached(daemon: DaemonProcess) -> set[str]:
    """Where the daemon and its children have connections to."""
    assert daemon.process is not None
    mine = psutil.Process(daemon.process.pid)
    found: set[str] = set()
    for process in (mine, *mine.children(recursive=True)):
        with suppress(psutil.Error):
            found |= {connection.raddr.ip for connection in process.net_connections("inet") if connection.raddr}
    return found


def loaded(daemon: DaemonProcess) -> set[str]:
    """The adapters that the engine has, by its own names for them."""
    (engine,) = children(daemon, "seald.serving")
    port = engine.cmdline()[engine.cmdline().index("--port") + 1]
    key = {"authorization": f"Bearer {engine.environ()['SEALD_ENGINE_KEY']}"}
    models = httpx.get(f"http://127.0.0.1:{port}/v1/models", headers=key, timeout=30).json()["data"]
    return {model["id"] for model in models if model["parent"]}


def written(daemon: DaemonProcess, adaptation: str) -> list[SelfEdit]:
    """What a model, not a rule, wrote for an adaptation, by the ledger."""
    with closing(sqlite3.connect(daemon.data_dir / "seald.db")) as database:
        found = database.execute("SELECT body FROM self_edits WHERE adaptation = ?", (adaptation,)).fetchall()
    edits = [SelfEdit.model_validate_json(body) for (body,) in found]
    return [edit for edit in edits if edit.raw]


def learn(daemon: DaemonProcess, n: int) -> tuple[set[str], set[str]]:
    """Teach a document; by which policies it was written, and what the engine had loaded while it was."""
    adaptation, during = daemon.post("/v1/documents", document(n)).json()["adaptation"], set()
    while (now := daemon.get(f"/v1/adaptations/{adaptation}"))["status"] in ("queued", "editing"):
        during |= loaded(daemon)
    assert now["status"] not in FINAL, now
    assert daemon.finish(adaptation)["status"] == "promoted"
    return {edit.policy for edit in written(daemon, adaptation)}, during


def test_a_writer_elsewhere_writes_and_nothing_goes_to_anybody_else(running: Running, taught: dict[str, Any]) -> None:
    daemon, asked = running.daemon, running.elsewhere.requests
    said = {running.elsewhere.answer(request) for request in list(asked)}
    for adaptation in taught["adaptations"].values():
        edits = written(daemon, adaptation)
        assert {edit.policy for edit in edits} == {POLICY}
        assert edits and {edit.raw for edit in edits} <= said
        assert any(edit.lines for edit in edits)
    assert {request["model"] for request in asked} == {"a-writer"}
    assert taught["reached"] == {"127.0.0.1"}
    assert running.proxied == []


def test_what_a_reward_for_length_has_taught_loses_the_tournament(running: Running, tmp_path: Path) -> None:
    daemon, file = running.daemon, tmp_path / "contexts.json"
    file.write_text(json.dumps(contexts(6)), encoding="utf-8")
    options = ("--writer", WRITER, "--rounds", "1", "--samples", "2", "--wait", "--json")
    done = policy(daemon, "retrain", str(file), *options)
    ended = json.loads(done.stdout)
    assert (done.returncode, ended["status"], ended["error"]["code"]) == (1, "refused", "not_better"), done.stderr
    shown = json.loads(policy(daemon, "show", ended["version"], "--json").stdout)
    assert (shown["status"], shown["live"], shown["manifest"] is not None) == ("rejected", False, True)
    # The longest were learned from, as they were paid; what decides is paid to nobody.
    long = {edits[WRITER][1] for edits in (each["edits"] for each in contexts(6))}
    assert len(shown["examples"]) == 4 and {example["raw"] for example in shown["examples"]} <= long
    gained = {standing["arm"]: standing["score"] for standing in shown["tournament"]["standings"]}
    assert gained["incumbent"] > max(gained["learned"], 0)
    assert retraining.who_writes(daemon) == POLICY
    assert "nothing_to_roll_back" in policy(daemon, "rollback").stderr
    retraining.assert_nothing_is_left(daemon, ended["id"])


def test_a_learned_policy_writes_under_its_own_weights(running: Running, learned: PolicyVersion) -> None:
    daemon = running.daemon
    assert policy(daemon, "rollback", "--to", str(learned.version)).returncode == 0
    listed = json.loads(policy(daemon, "list", "--json").stdout)["data"]
    live = {each["subject"]: each["id"] for each in listed if each["live"]}
    assert live["passage"] == learned.label
    assert learned.label in policy(daemon, "list").stdout
    before = len(running.elsewhere.requests)
    by, during = learn(daemon, 51)
    assert by == {learned.label}
    assert learned.engine_name in during
    assert learned.engine_name not in loaded(daemon)
    assert len(running.elsewhere.requests) == before


def test_after_a_rollback_the_seed_policy_writes_again(running: Running, learned: PolicyVersion) -> None:
    daemon = running.daemon
    assert policy(daemon, "rollback", "--to", str(learned.version)).returncode == 0
    done = json.loads(policy(daemon, "rollback", "--reason", "a test", "--json").stdout)
    assert (done["from"], done["to"], done["live"]) == (learned.version, 0, POLICY)
    by, during = learn(daemon, 52)
    assert by == {POLICY}
    assert learned.engine_name not in during


def test_taking_a_document_back_ends_the_policy_that_learned_from_it(running: Running, learned: PolicyVersion) -> None:
    daemon = running.daemon
    assert policy(daemon, "rollback", "--to", str(learned.version)).returncode == 0
    taken, folder = learned.documents[0], daemon.data_dir / "policies" / "learned" / str(learned.version)
    mark = daemon.get(f"/v1/documents/{taken}")["text"].split("Orvale")[1][:2]
    assert folder.is_dir()
    answer = httpx.delete(f"{daemon.url}/v1/documents/{taken}", timeout=60)
    assert answer.status_code == 202, answer.text
    assert retraining.who_writes(daemon) == POLICY
    daemon.finish(answer.json()["adaptation"])
    assert daemon.get(f"/v1/documents/{taken}")["certificate"]["outcome"] == "forgotten"
    assert not folder.exists()
    shown = json.loads(policy(daemon, "show", learned.label, "--json").stdout)
    assert (shown["status"], shown["manifest"], shown["live"]) == ("retired", None, False)
    assert policy(daemon, "rollback", "--to", str(learned.version)).returncode == 1
    assert retraining.who_writes(daemon) == POLICY
    files = [file for file in daemon.data_dir.rglob("*") if file.is_file()]
    assert [file.name for file in files if f"Orvale{mark}".encode() in file.read_bytes()] == []
