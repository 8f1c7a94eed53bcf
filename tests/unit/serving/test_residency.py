from __future__ import annotations

import math

import pytest

from seald.errors import CanaryMismatch, EngineRefused, EngineUnavailable, IntegrityError
from seald.ports import BASE
from seald.serving.residency import Residency
from tests.unit.serving.conftest import MemoryEngine, MemoryFiles, version


def make_live(residency: Residency, n: int) -> None:
    residency.stage(version(n))
    residency.route("default", version(n))


def test_without_a_version_the_base_answers(residency: Residency) -> None:
    assert residency.take("default", None, "seald").engine_name == BASE


def test_a_routed_version_answers_under_its_own_name(residency: Residency) -> None:
    make_live(residency, 1)
    route = residency.take("default", None, "seald")
    assert (route.label, route.engine_name) == ("default@1", version(1).engine_name)


def test_staging_twice_loads_once(residency: Residency, engine: MemoryEngine) -> None:
    residency.stage(version(1))
    residency.stage(version(1))
    assert engine.loads == [version(1).engine_name]


@pytest.mark.parametrize("wrong", [BASE, version(1).engine_name])
def test_a_failed_canary_unloads_and_changes_nothing(residency: Residency, engine: MemoryEngine, wrong: str) -> None:
    engine.wrong.add(wrong)
    with pytest.raises(CanaryMismatch, match=wrong):
        residency.stage(version(1))
    assert engine.names == []
    assert residency.take("default", None, "seald").engine_name == BASE


@pytest.mark.parametrize("odd", [[math.nan, -0.25], [-math.inf, -0.25], [-0.5]], ids=["nan", "infinite", "short"])
def test_one_odd_row_is_enough(residency: Residency, engine: MemoryEngine, odd: list[float]) -> None:
    engine.odd = odd
    with pytest.raises(CanaryMismatch, match=version(1).engine_name):
        residency.stage(version(1))
    assert engine.names == []


def test_an_engine_that_cannot_say_what_it_computes_does_not_serve_it(
    residency: Residency, engine: MemoryEngine
) -> None:
    engine.mute = True
    with pytest.raises(CanaryMismatch, match="gives no log-probabilities under"):
        residency.stage(version(1))
    assert engine.names == []


def test_without_canaries_nothing_is_served(residency: Residency, engine: MemoryEngine, files: MemoryFiles) -> None:
    files.canaries = ()
    with pytest.raises(CanaryMismatch, match="no canary"):
        residency.stage(version(1))
    assert engine.names == []


def test_an_engine_whose_answer_makes_no_sense_does_not_keep_the_adapter(
    residency: Residency, engine: MemoryEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nonsense(*_: object, **__: object) -> None:
        raise KeyError("choices")

    monkeypatch.setattr(engine, "score_tokens", nonsense)
    with pytest.raises(KeyError):
        residency.stage(version(1))
    assert engine.names == []


def test_what_the_engine_refuses_is_not_the_clients_fault(
    residency: Residency, engine: MemoryEngine, files: MemoryFiles
) -> None:
    engine.refuses = EngineRefused(f"rank 128 in {files.folder('default', 1)}", status=400)
    with pytest.raises(EngineRefused, match=r"^default@1 cannot be served: rank 128 in default@1$") as refused:
        residency.stage(version(1))
    assert refused.value.status == 502


def test_torn_files_never_reach_the_engine(residency: Residency, engine: MemoryEngine, files: MemoryFiles) -> None:
    files.torn.add(1)
    with pytest.raises(IntegrityError):
        residency.stage(version(1))
    assert engine.loads == []


def test_a_lease_outlives_the_move_of_the_pointer(residency: Residency, engine: MemoryEngine) -> None:
    make_live(residency, 1)
    lease = residency.take("default", None, "seald")
    for n in (2, 3, 4):
        make_live(residency, n)
    assert lease.engine_name in engine.names
    residency.give_back(lease)
    residency.settle()
    assert lease.engine_name not in engine.names


def test_idle_versions_stay_up_to_the_limit(residency: Residency, engine: MemoryEngine) -> None:
    for n in (1, 2, 3):
        make_live(residency, n)
    assert engine.names == [version(2).engine_name, version(3).engine_name]


def test_a_live_version_is_not_discarded(residency: Residency, engine: MemoryEngine) -> None:
    make_live(residency, 1)
    residency.discard(version(1))
    residency.stage(version(2))
    residency.discard(version(2))
    assert engine.names == [version(1).engine_name]


def test_weights_that_two_versions_share_are_loaded_once_and_kept(residency: Residency, engine: MemoryEngine) -> None:
    make_live(residency, 1)
    rebuilt = version(2).model_copy(update={"sha256": version(1).sha256})
    residency.stage(rebuilt)
    residency.discard(rebuilt)
    assert engine.names == engine.loads == [version(1).engine_name]
    residency.stage(rebuilt)
    residency.route("default", rebuilt)
    assert residency.take("default", None, "seald").label == "default@2"
    assert residency.take("default", version(1), "seald:default@1").label == "default@1"
    assert residency.loaded() == ["default@2"]


def test_restore_loads_what_was_live(residency: Residency, engine: MemoryEngine) -> None:
    make_live(residency, 1)
    engine.names.clear()
    assert residency.restore([version(1)]) == []
    assert engine.names == [version(1).engine_name]


def test_a_live_version_that_cannot_be_restored_is_not_replaced_by_the_base(
    residency: Residency, files: MemoryFiles
) -> None:
    files.torn.add(1)
    ((failed, error),) = residency.restore([version(1)])
    assert failed.label == "default@1"
    assert isinstance(error, IntegrityError)
    with pytest.raises(EngineUnavailable, match="default@1"):
        residency.take("default", None, "seald")


def test_traffic_is_told_at_its_beginning_and_end(residency: Residency) -> None:
    told: list[bool] = []
    residency.on_traffic = told.append
    first, second = (residency.take("default", None, "seald") for _ in range(2))
    residency.give_back(first)
    residency.give_back(second)
    assert told == [True, False]
    assert residency.in_flight() == 0
