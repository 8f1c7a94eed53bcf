"""What all tests share: where the converted model lies, and a tiny model that is built once a run."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres_server import PostgresServer, postgres_server, programs
from tests.tiny_model import build_tiny_model

ROOT = Path(__file__).parent.parent

# One conversion of the embedded model for all daemons of a run, and of the next runs.
os.environ.setdefault("SEALD_MODEL__CACHE_DIR", str(ROOT / ".cache" / "models"))


def _take_a_core_of_its_own() -> None:
    """Of tests that run side by side each has its share of the cores, with every process that it starts: torch would
    else take all of them in each."""
    worker, count = os.environ.get("PYTEST_XDIST_WORKER", ""), int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if worker.startswith("gw") and hasattr(os, "sched_setaffinity"):
        mine = sorted(os.sched_getaffinity(0))[int(worker[2:]) :: count]
        if mine:
            os.sched_setaffinity(0, mine)


_take_a_core_of_its_own()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random two-layer Llama: answers nonsense in milliseconds."""
    return build_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real server. Tests that ask for it are skipped where there is none to start."""
    found = programs()
    if found is None or importlib.util.find_spec("psycopg") is None:
        pytest.skip("no Postgres here: install Debian's postgresql package and seald[postgres]")
    with postgres_server(found) as server:
        yield server
