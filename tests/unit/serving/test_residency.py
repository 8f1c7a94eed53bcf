from __future__ import annotations

import math
import threading

import pytest

from seald.errors import CanaryMismatch, EngineRefused, EngineUnavailable, IntegrityError
from seald.ports import BASE, Route
from seald.serving.replica import Replica
from seald.serving.residency import Residency
from tests.unit.serving.conftest import MemoryEngine, MemoryFiles, version


def make_live(residency: Residency, n: int) -> None:
    with residency.staged(version(n)):
        residency.route("default", version(n))


def stage(residency: Residency, n: int) -> str:
    with residency.staged(version(n)) as name:
        return name


def test_without_a_version_the_base_answers(residency: Residency) -> None:
    assert residency.take("default", None, "seald").engine_name == BASE


def test_a_routed_version_answers_under_its_own_name(residency: Residency) -> None:
    make_live(residency, 1)
    route = residency.take("default", None, "seald")
    assert (route.label, route.engine_name) == ("default@1", version(1).engine_name)


def test_staging_twice_loads_once(residency: Residency, engine: MemoryEngine) -> None:
    stage(residency, 1)
    stage(residency, 1)
    assert engine.loads == [version(1).engine_name]


@pytest.mark.parametrize("wrong", [BASE, version(1).engine_name])
def test_a_failed_canary_unloads_and_changes_nothing(residency: Residency, engine: MemoryEngine, wrong: str) -> None:
    engine.wrong.add(wrong)
    with pytest.raises(CanaryMismatch, match=wrong):
        stage(residency, 1)
    assert engine.names == []
    assert residency.take("default", None, "seald").engine_name == BASE


@pytest.mark.parametrize("odd", [[math.nan, -0.25], [-math.inf, -0.25], [-0.5]], ids=["nan", "infinite", "short"])
def test_one_odd_row_is_enough(residency: Residency, engine: MemoryEngine, odd: list[float]) -> None:
    engine.odd = odd
    with pytest.raises(CanaryMismatch, match=version(1).engine_name):
        stage(residency, 1)
    assert engine.names == []


def test_an_engine_that_cannot_say_what_it_computes_does_not_serve_it(
    residency: Residency, engine: MemoryEngine
) -> None:
    engine.mute = True
    with pytest.raises(CanaryMismatch, match="gives no log-probabilities under"):
        stage(residency, 1)
    assert engine.names == []


def test_without_canaries_nothing_is_served(residency: Residency, engine: MemoryEngine, files: MemoryFiles) -> None:
    files.canaries = ()
    with pytest.raises(CanaryMismatch, match="no canary"):
        stage(residency, 1)
    assert engine.names == []


def test_an_engine_whose_answer_makes_no_sense_does_not_keep_the_adapter(
    residency: Residency, engine: MemoryEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nonsense(*_: object, **__: object) -> None:
        raise KeyError("choices")

    monkeypatch.setattr(engine, "score_tokens", nonsense)
    with pytest.raises(KeyError):
        stage(residency, 1)
    assert engine.names == []


def test_what_the_engine_refuses_is_not_the_clients_fault(
    residency: Residency, engine: MemoryEngine, files: MemoryFiles
) -> None:
    engine.refuses = EngineRefused(f"rank 128 in {files.folder('default', 1)}", status=400)
    with pytest.raises(EngineRefused, match=r"^default@1 cannot be served: rank 128 in default@1$") as refused:
        stage(residency, 1)
    assert refused.value.status == 502


def test_torn_files_never_reach_the_engine(residency: Residency, engine: MemoryEngine, files: MemoryFiles) -> None:
    files.torn.add(1)
    with pytest.raises(IntegrityError):
        stage(residency, 1)
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


def test_a_pointer_does_not_wait_for_a_version_that_is_being_loaded(residency: Residency, replica: Replica) -> None:
    make_live(residency, 1)
    loading, over = threading.Event(), threading.Event()

    def load() -> None:
        with replica.loading:
            loading.set()
            over.wait(10)

    other = threading.Thread(target=load)
    other.start()
    loading.wait(10)
    stage(residency, 1)
    residency.route("default", None)
    over.set()
    other.join()
    assert residency.take("default", None, "seald").label == BASE


def test_a_live_version_is_not_discarded(residency: Residency, engine: MemoryEngine) -> None:
    make_live(residency, 1)
    residency.discard(version(1))
    stage(residency, 2)
    residency.discard(version(2))
    assert engine.names == [version(1).engine_name]


def test_a_rejected_version_is_let_go(residency: Residency, engine: MemoryEngine) -> None:
    stage(residency, 1)
    assert engine.names == [version(1).engine_name]
    residency.discard(version(1))
    assert engine.names == []


def test_what_is_staged_stays_whatever_else_comes_and_goes(residency: Residency, engine: MemoryEngine) -> None:
    with residency.staged(version(1)) as name:
        for n in (2, 3, 4):
            make_live(residency, n)
        assert name in engine.names
    assert name not in engine.names


def test_weights_that_two_versions_share_are_loaded_once_and_kept(
    residency: Residency, engine: MemoryEngine, replica: Replica
) -> None:
    make_live(residency, 1)
    rebuilt = version(2).model_copy(update={"sha256": version(1).sha256})
    with residency.staged(rebuilt):
        pass
    residency.discard(rebuilt)
    assert engine.names == engine.loads == [version(1).engine_name]
    with residency.staged(rebuilt):
        residency.route("default", rebuilt)
    assert residency.take("default", None, "seald").label == "default@2"
    assert residency.take("default", version(1), "seald:default@1").label == "default@1"
    assert residency.loaded(replica) == ["default@2"]


def test_pinned_versions_stay_up_to_the_limit(residency: Residency, engine: MemoryEngine) -> None:
    make_live(residency, 9)
    for n in (1, 2, 3):
        residency.fetch(version(n))
        assert residency.take("default", version(n), f"seald:default@{n}").label == f"default@{n}"
        residency.give_back(residency.take("default", None, "seald"))
    for n in (1, 2, 3):
        residency.give_back(Route("", f"default@{n}", version(n).engine_name))
    residency.settle()
    assert engine.names == [version(9).engine_name, version(3).engine_name]


def test_what_a_client_waits_for_is_not_let_go_for_others(residency: Residency, engine: MemoryEngine) -> None:
    with residency.keeping(version(1)):
        residency.fetch(version(1))
        for n in (2, 3, 4):
            residency.fetch(version(n))
        assert residency.take("default", version(1), "seald:default@1").label == "default@1"


def test_an_engine_that_came_back_is_given_what_was_live(
    residency: Residency, engine: MemoryEngine, replica: Replica
) -> None:
    make_live(residency, 1)
    residency.withdraw(replica)
    engine.names.clear()
    with pytest.raises(EngineUnavailable, match="no engine is ready"):
        residency.take("default", None, "seald")
    assert residency.restore(replica) == []
    assert engine.names == [version(1).engine_name]
    assert residency.take("default", None, "seald").label == "default@1"


def test_a_live_version_that_cannot_be_restored_is_not_replaced_by_the_base(
    residency: Residency, files: MemoryFiles, replica: Replica
) -> None:
    files.torn.add(1)
    residency.remember([version(1)])
    ((failed, error),) = residency.restore(replica)
    assert failed.label == "default@1"
    assert isinstance(error, IntegrityError)
    with pytest.raises(EngineUnavailable, match="default@1"):
        residency.take("default", None, "seald")
    files.torn.clear()
    assert residency.restore(replica) == []
    assert residency.take("default", None, "seald").label == "default@1"


def test_traffic_is_told_at_its_beginning_and_end(residency: Residency, replica: Replica) -> None:
    told: list[bool] = []
    residency.on_traffic = told.append
    first, second = (residency.take("default", None, "seald") for _ in range(2))
    with residency.lend(BASE):
        assert residency.in_flight(replica) == 3
    residency.give_back(first)
    residency.give_back(second)
    assert told == [True, False]
    assert residency.in_flight(replica) == 0


@pytest.fixture
def pair(files: MemoryFiles) -> tuple[Residency, Replica, Replica]:
    """Two engines, one of which is up."""
    first, second = Replica(MemoryEngine()), Replica(MemoryEngine())
    residency = Residency((first, second), files, keep_loaded=1, canary_tolerance=0.05)  # type: ignore[arg-type]
    residency.restore(first)
    return residency, first, second


def names(replica: Replica) -> list[str]:
    assert isinstance(replica.engine, MemoryEngine)
    return replica.engine.names


def test_every_engine_holds_a_version_before_it_is_live(pair: tuple[Residency, Replica, Replica]) -> None:
    residency, first, second = pair
    residency.restore(second)
    with residency.staged(version(1)) as name:
        assert name in names(first) and name in names(second)


def test_one_engine_that_computes_something_else_stops_a_promotion(pair: tuple[Residency, Replica, Replica]) -> None:
    residency, _, second = pair
    residency.restore(second)
    assert isinstance(second.engine, MemoryEngine)
    second.engine.wrong.add(version(1).engine_name)
    with pytest.raises(CanaryMismatch), residency.staged(version(1)):
        pytest.fail("staged although one engine is wrong")
    assert names(second) == []


def test_requests_go_to_the_least_used_engine_that_holds_the_version(
    pair: tuple[Residency, Replica, Replica],
) -> None:
    residency, _, second = pair
    residency.restore(second)
    make_live(residency, 1)
    routes = [residency.take("default", None, "seald") for _ in range(4)]
    assert sorted(route.replica for route in routes) == [0, 0, 1, 1]
    residency.withdraw(second)
    assert residency.take("default", None, "seald").replica == 0


def test_a_pinned_version_is_loaded_once_where_it_is_asked_for(pair: tuple[Residency, Replica, Replica]) -> None:
    residency, first, second = pair
    residency.restore(second)
    residency.fetch(version(5))
    residency.fetch(version(5))
    assert len(names(first)) + len(names(second)) == 1
    route = residency.take("default", version(5), "seald:default@5")
    assert version(5).engine_name in names((first, second)[route.replica])


def test_an_engine_that_comes_back_while_a_version_is_staged_gets_it_too(
    pair: tuple[Residency, Replica, Replica],
) -> None:
    residency, _, second = pair
    with residency.staged(version(1)) as name:
        residency.restore(second)
        assert name in names(second)
        residency.route("default", version(1))
    assert {residency.take("default", None, "seald").replica for _ in range(2)} == {0, 1}


def test_an_engine_that_did_not_answer_is_asked_last(pair: tuple[Residency, Replica, Replica]) -> None:
    residency, _, second = pair
    alone = residency.take("default", None, "seald")
    assert not residency.avoid(alone)
    residency.restore(second)
    assert residency.avoid(alone)
    assert {residency.take("default", None, "seald").replica for _ in range(3)} == {1}
    residency.withdraw(second)
    assert residency.take("default", None, "seald").replica == 0
