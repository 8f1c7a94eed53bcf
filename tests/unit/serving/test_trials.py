"""Adapters on trial: who reaches them, how often they are loaded, and when they go."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from seald.errors import CanaryMismatch, EngineRefused, EngineUnavailable
from seald.ports import BASE
from seald.serving.replica import Replica
from seald.serving.residency import Residency
from tests.unit.serving.conftest import MemoryEngine, MemoryFiles, version

FOLDER = Path("/drafts/1")
NAME = version(7).engine_name


def stage(residency: Residency, n: int) -> None:
    with residency.staged(version(n)):
        pass


def can_be_asked(residency: Residency, name: str) -> bool:
    try:
        with residency.lend(name):
            return True
    except EngineUnavailable:
        return False


def test_it_can_be_asked_until_it_is_over(residency: Residency, engine: MemoryEngine) -> None:
    with residency.tried(NAME, FOLDER) as name:
        assert engine.names == [name] == [NAME]
        assert can_be_asked(residency, NAME)
    assert engine.names == []
    assert not can_be_asked(residency, NAME)


def test_it_goes_after_an_error_too(residency: Residency, engine: MemoryEngine) -> None:
    with pytest.raises(KeyError), residency.tried(NAME, FOLDER):
        raise KeyError
    assert engine.names == []
    assert not can_be_asked(residency, NAME)


def test_two_users_share_one_loading(residency: Residency, engine: MemoryEngine) -> None:
    with residency.tried(NAME, FOLDER):
        with residency.tried(NAME, FOLDER):
            assert can_be_asked(residency, NAME)
        assert can_be_asked(residency, NAME)
    assert engine.loads == [NAME]
    assert engine.names == []


def test_users_that_come_at_once_share_it_too(
    residency: Residency, engine: MemoryEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, begun, all_there = engine.load, threading.Barrier(4), threading.Barrier(4)

    def slowly(name: str, folder: Path) -> None:
        threading.Event().wait(0.05)
        load(name, folder)

    def use() -> None:
        begun.wait(10)
        with residency.tried(NAME, FOLDER):
            asked.append(can_be_asked(residency, NAME))
            all_there.wait(10)

    monkeypatch.setattr(engine, "load", slowly)
    asked: list[bool] = []
    users = [threading.Thread(target=use) for _ in range(4)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert asked == [True] * 4
    assert (engine.loads, engine.names) == ([NAME], [])


def test_no_client_reaches_it(residency: Residency, replica: Replica) -> None:
    with residency.tried(NAME, FOLDER):
        with pytest.raises(EngineUnavailable, match="default@7 is not loaded"):
            residency.take("default", version(7), "seald:default@7")
        assert residency.take("default", None, "seald").engine_name == BASE
        assert residency.loaded(replica) == []


def test_it_takes_no_version_s_place(residency: Residency, engine: MemoryEngine) -> None:
    with residency.tried(NAME, FOLDER):
        stage(residency, 1)
        stage(residency, 2)
        assert engine.names == [NAME, version(2).engine_name]
    assert engine.names == [version(2).engine_name]


def test_a_withdrawn_engine_forgets_it(residency: Residency, engine: MemoryEngine, replica: Replica) -> None:
    with residency.tried(NAME, FOLDER):
        residency.withdraw(replica)
        engine.names.clear()
        assert not can_be_asked(residency, NAME)
        residency.restore(replica)
        with pytest.raises(EngineUnavailable, match=NAME), residency.lend(NAME):
            pytest.fail("it was asked for what it does not hold")
        again = residency.tried(NAME, FOLDER)
        again.__enter__()
    assert engine.loads == [NAME, NAME]
    assert can_be_asked(residency, NAME), "the end of the first is not the end of the second"
    again.__exit__(None, None, None)
    assert engine.names == []


def test_an_engine_that_goes_while_it_loads_is_not_asked(
    residency: Residency, engine: MemoryEngine, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = engine.load

    def and_go(name: str, folder: Path) -> None:
        load(name, folder)
        residency.withdraw(replica)
        residency.restore(replica)

    monkeypatch.setattr(engine, "load", and_go)
    with pytest.raises(EngineUnavailable, match="went away"), residency.tried(NAME, FOLDER):
        pytest.fail("it is not there")
    assert not can_be_asked(residency, NAME)


def test_a_refusal_leaves_nothing_and_keeps_the_folder_s_place(residency: Residency, engine: MemoryEngine) -> None:
    engine.refuses = EngineRefused(f"rank 128 in {FOLDER}", status=400)
    with pytest.raises(EngineRefused, match=f"^{NAME} cannot be served: rank 128 in {NAME}$"):
        residency.tried(NAME, FOLDER).__enter__()
    engine.refuses = None
    assert not can_be_asked(residency, NAME)
    with residency.tried(NAME, FOLDER):
        assert engine.loads == [NAME]


def test_without_an_engine_nothing_is_tried(residency: Residency, replica: Replica) -> None:
    residency.withdraw(replica)
    with pytest.raises(EngineUnavailable, match="no engine is ready"):
        residency.tried(NAME, FOLDER).__enter__()
    assert replica.trials == {}


def test_weights_that_a_version_has_too_stay_for_whoever_is_left(residency: Residency, engine: MemoryEngine) -> None:
    stage(residency, 7)
    with residency.tried(NAME, FOLDER):
        residency.discard(version(7))
        assert engine.names == [NAME]
        assert can_be_asked(residency, NAME)
    assert engine.names == []
    with residency.tried(NAME, FOLDER):
        stage(residency, 7)
    assert engine.names == [NAME]
    assert residency.take("default", version(7), "seald:default@7").label == "default@7"


def test_a_version_that_fails_its_canary_leaves_the_trial_of_the_same_weights(
    residency: Residency, engine: MemoryEngine
) -> None:
    with residency.tried(NAME, FOLDER):
        engine.wrong.add(NAME)
        with pytest.raises(CanaryMismatch):
            stage(residency, 7)
        assert can_be_asked(residency, NAME)
    assert engine.names == []


def test_it_goes_to_the_least_used_engine_alone(files: MemoryFiles) -> None:
    engines = MemoryEngine(), MemoryEngine()
    replicas = [Replica(engine) for engine in engines]
    residency = Residency(replicas, files, keep_loaded=1, canary_tolerance=0.05)  # type: ignore[arg-type]
    for replica in replicas:
        residency.restore(replica)
    busy = residency.take("default", None, "seald").replica
    with residency.tried(NAME, FOLDER):
        assert engines[busy].names == []
        with residency.lend(NAME) as lent:
            assert lent is engines[1 - busy]
