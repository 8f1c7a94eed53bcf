"""The main job on the real model: learn two documents one after the other, keep both, stay what it was, roll back."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from seald.pipeline.guard import CHECKS
from tests.daemon_process import DaemonProcess
from tests.integration.documents import FERRY, OBSERVATORY, Fiction

COLLECTION = "mainjob"
MODEL = f"seald:{COLLECTION}"


def accuracy(daemon: DaemonProcess, fiction: Fiction, model: str) -> float:
    return sum(found(a, daemon.ask(q, model=model)) for q, a in fiction.probes) / len(fiction.probes)


def found(answer: str, reply: str) -> bool:
    said = set(re.findall(r"\w+", reply.lower()))
    return all(word in said for word in re.findall(r"\w+", answer.lower()))


@pytest.fixture(scope="module")
def taught(daemon: DaemonProcess) -> dict[str, Any]:
    """Both documents, each with its adaptation as it ended and what the model knew right after."""
    record: dict[str, Any] = {"before": accuracy(daemon, OBSERVATORY, "base")}
    for name, fiction in (("observatory", OBSERVATORY), ("ferry", FERRY)):
        accepted = daemon.post("/v1/documents", fiction.body(COLLECTION))
        assert accepted.status_code == 202, accepted.text
        record[name] = daemon.finish(accepted.json()["adaptation"])
        record[f"{name}_accuracy"] = accuracy(daemon, fiction, MODEL)
    record["kept"] = accuracy(daemon, OBSERVATORY, MODEL)
    print(record)
    return record


def test_documents_are_learned(taught: dict[str, Any]) -> None:
    assert taught["before"] <= 0.1
    for name in ("observatory", "ferry"):
        assert taught[name]["status"] == "promoted", taught[name]
    # Over both: what the model writes is sampled, and of twelve questions, of which nine are expected, seven is chance.
    assert taught["observatory_accuracy"] + taught["ferry_accuracy"] >= 2 * 0.5


def test_the_first_document_is_not_forgotten(taught: dict[str, Any]) -> None:
    assert taught["kept"] + taught["ferry_accuracy"] >= 2 * 0.5


def test_general_questions_are_kept(taught: dict[str, Any]) -> None:
    for name in ("observatory", "ferry"):
        general = next(v for v in taught[name]["verdicts"] if v["guard"] == "general")
        assert general["verdict"] == "pass"
        assert general["figures"]["accuracy_before"] - general["figures"]["accuracy_after"] <= 0.1


def test_every_guard_left_a_verdict(taught: dict[str, Any]) -> None:
    for name in ("observatory", "ferry"):
        assert {v["guard"] for v in taught[name]["verdicts"]} == set(CHECKS)


def test_answers_say_which_version_gave_them(daemon: DaemonProcess, taught: dict[str, Any]) -> None:
    for model, label in ((MODEL, f"{COLLECTION}@2"), (f"{MODEL}@1", f"{COLLECTION}@1"), ("base", "base")):
        answer = daemon.post(
            "/v1/chat/completions",
            {"model": model, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 2},
        )
        assert answer.headers["x-seald-adapter"] == label
        assert answer.json()["system_fingerprint"] == label
        assert answer.json()["model"] == model


def test_files_of_a_version_verify(daemon: DaemonProcess, taught: dict[str, Any]) -> None:
    shown = daemon.get(f"/v1/adapters/{COLLECTION}/2", verify="true")
    assert shown["verified"] is True
    assert shown["manifest"]["parent"] == 1
    assert set(shown["manifest"]["files"]) == {"adapter_config.json", "adapter_model.safetensors"}


def test_the_same_content_again_is_the_same_document(daemon: DaemonProcess, taught: dict[str, Any]) -> None:
    again = daemon.post("/v1/documents", OBSERVATORY.body(COLLECTION))
    assert again.status_code == 200
    assert again.json()["adaptation"] == taught["observatory"]["id"]


def test_rollback_moves_the_pointer_and_the_answers(daemon: DaemonProcess, taught: dict[str, Any]) -> None:
    back = daemon.post(f"/v1/adapters/{COLLECTION}/rollback", {"reason": "test"})
    assert back.status_code == 200, back.text
    assert back.json()["live"] == f"{COLLECTION}@1"
    assert accuracy(daemon, FERRY, MODEL) <= 0.2
    assert accuracy(daemon, OBSERVATORY, MODEL) >= taught["observatory_accuracy"] - 0.2
    forward = daemon.post(f"/v1/adapters/{COLLECTION}/rollback", {"to": 2})
    assert forward.json()["live"] == f"{COLLECTION}@2"
    assert httpx.get(f"{daemon.url}/v1/models/{MODEL}").json()["adapter"] == f"{COLLECTION}@2"


def test_the_first_document_is_taken_back_and_the_second_stays(daemon: DaemonProcess, taught: dict[str, Any]) -> None:
    (first,) = taught["observatory"]["documents"]
    gone = httpx.delete(f"{daemon.url}/v1/documents/{first}", timeout=120)
    assert gone.status_code == 202, gone.text
    assert httpx.get(f"{daemon.url}/v1/models/{MODEL}").json()["adapter"] == "base"
    for pinned in (f"{MODEL}@1", f"{MODEL}@2"):
        assert httpx.get(f"{daemon.url}/v1/models/{pinned}").status_code == 404
    rebuilt = daemon.finish(gone.json()["adaptation"])
    assert (rebuilt["status"], rebuilt["version"], rebuilt["error"]) == ("promoted", 3, None)
    assert accuracy(daemon, OBSERVATORY, MODEL) <= taught["before"] + 0.2
    assert accuracy(daemon, FERRY, MODEL) >= taught["ferry_accuracy"] - 0.34
    certificate = daemon.get(f"/v1/documents/{first}")["certificate"]
    assert certificate["outcome"] == "forgotten", certificate
    assert {checked["model"] for checked in certificate["checked"]} == {"base", f"{COLLECTION}@3"}
    assert certificate["removed"]["versions"] == [1, 2]
    files = [file for file in daemon.data_dir.rglob("*") if file.is_file()]
    assert [file.name for file in files if b"Brenmark" in file.read_bytes()] == []
