"""An adapter folder that somebody has been at: what is in it never answers, whatever way it was tampered with."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from seald.domain.adapter import ADAPTER_CONFIG, MANIFEST, WEIGHTS
from tests.daemon_process import DaemonProcess
from tests.integration.conftest import taught_daemon
from tests.integration.test_vllm import LONG, scores

VERSIONS = (1, 2, 3)
LIVE = VERSIONS[-1]
VICTIM = "seald:default@1"

Damage = Callable[[Path], None]


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[DaemonProcess]:
    """Three versions, one of them live and one more resident."""
    environment = {
        "SEALD_ENGINE__KIND": "vllm",
        "SEALD_ENGINE__KEEP_LOADED": "1",
        "SEALD_ENGINE__MAX_LORAS": "1",  # so that vLLM's own cache of adapters has room for two
    }
    with taught_daemon(tmp_path_factory.mktemp("hostile"), tiny_model, VERSIONS, environment) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def honest(taught: DaemonProcess) -> dict[str, list[float]]:
    """What each model says before anybody was at the files."""
    return {model: scores(taught, model) for model in ("base", "seald:default@3", VICTIM)}


@pytest.fixture
def folder(taught: DaemonProcess, honest: dict[str, list[float]], tmp_path: Path) -> Iterator[Path]:
    """The victim's files. It is not resident, and they are put back at the end."""
    folder, copy = taught.data_dir / "adapters" / "default" / "1", tmp_path / "copy"
    shutil.copytree(folder, copy)
    scores(taught, "seald:default@2")
    taught.post("/v1/adapters/default/rollback", {"to": LIVE})  # it lets go of all but one idle version
    assert "default@1" not in taught.engine()["loaded"]
    yield folder
    remove(folder)
    shutil.copytree(copy, folder)


def remove(folder: Path) -> None:
    if folder.is_symlink():
        folder.unlink()
    else:
        shutil.rmtree(folder, ignore_errors=True)


def flip_a_byte(folder: Path) -> None:
    whole = bytearray((folder / WEIGHTS).read_bytes())
    whole[-1] ^= 1
    (folder / WEIGHTS).write_bytes(whole)


def truncate(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-100])


def configured(**changes: object) -> Damage:
    def change(folder: Path) -> None:
        said = json.loads((folder / ADAPTER_CONFIG).read_text())
        (folder / ADAPTER_CONFIG).write_text(json.dumps({**said, **changes}))

    return change


another_rank = configured(r=4)
other_layers = configured(target_modules=["q_proj"])
another_base = configured(base_model_name_or_path="/etc")
louder = configured(lora_alpha=3200)
code_of_its_own = configured(
    auto_mapping={"base_model_class": "Popen", "parent_library": "subprocess"}, custom_code="os.system"
)
base_meddler = configured(init_lora_weights="pissa")


def add_pickles(folder: Path) -> None:
    for name in ("adapter_model.bin", "training_args.bin"):
        torch.save({}, folder / name)


def pickles_instead(folder: Path) -> None:
    add_pickles(folder)
    (folder / WEIGHTS).unlink()


def link_the_weights(folder: Path) -> None:
    there = folder.parent / "elsewhere.safetensors"
    (folder / WEIGHTS).rename(there)
    (folder / WEIGHTS).symlink_to(there)


def link_the_folder(folder: Path) -> None:
    shutil.move(folder, folder.parent / "elsewhere")
    folder.symlink_to(folder.parent / "elsewhere")


def garble_the_manifest(folder: Path) -> None:
    (folder / MANIFEST).write_text("not JSON")


def poison(folder: Path) -> None:
    weights = {name: torch.full_like(tensor, torch.nan) for name, tensor in load_file(folder / WEIGHTS).items()}
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})


def vouched(damage: Damage, **claims: object) -> Damage:
    """The damage, with a manifest that vouches for it."""

    def change(folder: Path) -> None:
        damage(folder)
        said = json.loads((folder / MANIFEST).read_text())
        said["files"] = {name: sha256(folder / name) for name in (ADAPTER_CONFIG, WEIGHTS)}
        (folder / MANIFEST).write_text(json.dumps({**said, **claims}))

    return change


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


DAMAGES: dict[str, Damage] = {
    "a byte of the weights": flip_a_byte,
    "weights cut short": truncate,
    "another rank": another_rank,
    "other layers": other_layers,
    "another base": another_base,
    "code of its own": code_of_its_own,
    "pickles beside": add_pickles,
    "pickles instead": pickles_instead,
    "a link for the weights": link_the_weights,
    "a link for the folder": link_the_folder,
    "no folder": shutil.rmtree,
    "no manifest": lambda folder: (folder / MANIFEST).unlink(),
    "a manifest that is no JSON": garble_the_manifest,
    "vouched weights": vouched(flip_a_byte),
    "vouched not-a-number": vouched(poison),
    "vouched layers": vouched(other_layers),
    "vouched loudness, no canaries": vouched(louder, canaries=[]),
    "vouched meddling with the base": vouched(base_meddler),
}


def refused(daemon: DaemonProcess) -> dict[str, str]:
    """Ask for the victim, plain and as a stream; return the error."""
    asked = {"model": VICTIM, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4}
    for stream in (True, False):
        answer = daemon.post("/v1/chat/completions", {**asked, "stream": stream})
        assert answer.status_code >= 500, answer.text
        error: dict[str, str] = answer.json()["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert error["type"] == "server_error"
        assert "default@1" in error["message"] or error["code"] == "canary_mismatch"
        assert "Traceback" not in error["message"]
        assert str(daemon.data_dir) not in error["message"]
    return error


def unharmed(daemon: DaemonProcess, pid: int, honest: dict[str, list[float]]) -> None:
    engine = daemon.engine()
    assert (engine["pid"], engine["ready"]) == (pid, True)
    assert "default@1" not in engine["loaded"]
    for model in ("base", "seald:default@3"):
        assert scores(daemon, model) == pytest.approx(honest[model], abs=1e-4), model
    assert daemon.ask("Hello", max_tokens=4) is not None


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_folder_that_was_tampered_with_is_refused(
    taught: DaemonProcess, honest: dict[str, list[float]], folder: Path, damage: Damage
) -> None:
    pid = taught.engine()["pid"]
    before = engine_loads(taught)
    assert before > 0
    damage(folder)
    assert refused(taught)["code"] == "integrity_error"
    rollback = taught.post("/v1/adapters/default/rollback", {"to": 1})
    assert (rollback.status_code, rollback.json()["error"]["code"]) == (500, "integrity_error")
    assert taught.get("/v1/adapters/default/1", verify="true")["verified"] is False
    assert engine_loads(taught) == before, "the engine saw it"
    unharmed(taught, pid, honest)


def test_weights_that_are_not_numbers_are_caught_by_the_canary(
    taught: DaemonProcess, honest: dict[str, list[float]], folder: Path
) -> None:
    """With a manifest and a database that both vouch for them, nothing else is left to catch them."""
    pid = taught.engine()["pid"]
    vouched(poison)(folder)
    with recorded(taught, folder):
        assert refused(taught)["code"] == "canary_mismatch"
        unharmed(taught, pid, honest)


def test_what_is_put_back_serves_again(taught: DaemonProcess, honest: dict[str, list[float]], folder: Path) -> None:
    whole = (folder / WEIGHTS).read_bytes()
    flip_a_byte(folder)
    refused(taught)
    (folder / WEIGHTS).write_bytes(whole)
    assert scores(taught, VICTIM) == pytest.approx(honest[VICTIM], abs=1e-4)


def test_a_live_version_that_is_tampered_with_answers_as_it_was_or_not_at_all(
    taught: DaemonProcess, honest: dict[str, list[float]]
) -> None:
    """vLLM may have to read it again, once two others were asked for."""
    file = taught.data_dir / "adapters" / "default" / str(LIVE) / WEIGHTS
    whole, pid = file.read_bytes(), taught.engine()["pid"]
    for model in (VICTIM, "seald:default@2"):
        scores(taught, model)
    save_file({name: 3 * tensor for name, tensor in load_file(file).items()}, file, metadata={"format": "pt"})
    asked = {"model": "seald", "prompt": LONG, "max_tokens": 0, "echo": True, "logprobs": 0}
    answer = taught.post("/v1/completions", asked)
    if answer.status_code == 200:
        found = answer.json()["choices"][0]["logprobs"]["token_logprobs"][1:]
        assert found == pytest.approx(honest["seald:default@3"], abs=1e-4)
    else:
        wait_restarted(taught, pid)
        refused = taught.post("/v1/completions", asked)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "engine_unavailable"), refused.text
        assert "default@3 is not loaded" in refused.json()["error"]["message"]
    assert scores(taught, "base") == pytest.approx(honest["base"], abs=1e-4)
    file.write_bytes(whole)
    assert taught.post("/v1/adapters/default/rollback", {"to": LIVE}).status_code == 200
    assert scores(taught, "seald:default@3") == pytest.approx(honest["seald:default@3"], abs=1e-4)


def wait_restarted(daemon: DaemonProcess, pid: int) -> None:
    """Wait until another engine than that of `pid` is ready."""
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        engine = daemon.engine()
        if engine["ready"] and engine["pid"] != pid:
            return
        time.sleep(0.2)
    raise TimeoutError(daemon.log_file.read_text()[-3000:])


@contextmanager
def recorded(daemon: DaemonProcess, folder: Path) -> Iterator[None]:
    """While it lasts, the database has the hashes of what is in the folder now."""

    def write(hashes: tuple[str, str]) -> None:
        with closing(sqlite3.connect(daemon.data_dir / "seald.db")) as database, database:
            statement = "UPDATE adapter_versions SET sha256 = ?, manifest_sha256 = ? WHERE version = 1"
            database.execute(statement, hashes)

    with closing(sqlite3.connect(daemon.data_dir / "seald.db")) as database:
        query = "SELECT sha256, manifest_sha256 FROM adapter_versions WHERE version = 1"
        before = database.execute(query).fetchone()
    write((sha256(folder / WEIGHTS), sha256(folder / MANIFEST)))
    try:
        yield
    finally:
        write(before)


def engine_loads(daemon: DaemonProcess) -> int:
    """How often the engine was asked to load an adapter, by its own log."""
    return (daemon.data_dir / "logs" / "engine.log").read_text().count("POST /v1/load_lora_adapter")
