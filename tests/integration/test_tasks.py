"""A task given by a few examples, real model, both engines: learned, served under its own id, solved, deleted."""

from __future__ import annotations

from typing import Any

import httpx
import openai
import pytest

from seald.bench.families import tasks
from tests.daemon_process import DaemonProcess

TASK = tasks(3)[2]  # Say two words the other way round.
NAME = TASK.name
MODEL = f"seald:task/{NAME}"


@pytest.fixture(scope="module")
def learned(daemon: DaemonProcess) -> dict[str, Any]:
    """The task as it is once it was learned."""
    given = TASK.model_dump(mode="json", include={"examples", "test"})
    body = {"name": NAME, "train": given["examples"], "test": given["test"]}  # as ARC's files call them
    sent = daemon.post("/v1/tasks", body)
    assert sent.status_code == 202, sent.text
    again = daemon.post("/v1/tasks", body)
    assert (again.status_code, again.json()["id"]) == (200, sent.json()["id"])
    ended = daemon.finish(sent.json()["adaptation"])
    assert ended["status"] == "promoted", ended
    return dict(daemon.get(f"/v1/tasks/{NAME}"))


def test_it_beats_the_examples_in_the_prompt(daemon: DaemonProcess, learned: dict[str, Any]) -> None:
    verdicts = {v["guard"]: v for v in daemon.get(f"/v1/adaptations/{learned['adaptation']}")["verdicts"]}
    assert verdicts["in_context"]["verdict"] == "pass"
    assert verdicts["in_context"]["figures"]["gain"] > 0
    assert learned["configuration"]["epochs"] >= 1


def test_the_policy_writes_configurations(learned: dict[str, Any]) -> None:
    assert learned["figures"]["failed"] == 0


def test_its_test_is_solved_in_two_attempts(daemon: DaemonProcess, learned: dict[str, Any]) -> None:
    solved = daemon.post(f"/v1/tasks/{NAME}/solve", {}, timeout=300).json()
    assert solved["adapter"] == f"task/{NAME}@1"
    assert all(0 < len(each["attempts"]) <= 2 for each in solved["solutions"])
    assert sum(each["correct"] for each in solved["solutions"]) >= 3, solved


def asked(client: openai.OpenAI) -> tuple[str, str]:
    """What the task's model id says of an input, and which version says it."""
    chat: list[Any] = [{"role": "user", "content": "river candle"}]
    answer = client.chat.completions.with_raw_response.create(model=MODEL, messages=chat, max_tokens=16, temperature=0)
    return answer.parse().choices[0].message.content or "", answer.headers["x-seald-adapter"]


def test_clients_ask_it_by_its_own_model_id(client: openai.OpenAI, learned: dict[str, Any]) -> None:
    said, adapter = asked(client)
    assert adapter == f"task/{NAME}@1"
    assert len(said.split()) == 2, said


def test_once_deleted_its_adapter_is_gone(
    daemon: DaemonProcess, client: openai.OpenAI, learned: dict[str, Any]
) -> None:
    (folder,) = daemon.data_dir.glob(f"adapters/task.{NAME}/1")
    httpx.delete(f"{daemon.url}/v1/tasks/{NAME}", timeout=60).raise_for_status()
    assert not folder.exists()
    with pytest.raises(openai.NotFoundError):
        asked(client)
