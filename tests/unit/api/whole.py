"""The app with every part over the real stores; only the engine is scripted."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from seald.api.app import create_app
from seald.config import Ingest as Limits
from seald.config import Settings
from seald.domain.task import Solved
from seald.pipeline import tasks
from seald.pipeline.compact import ask_for_compaction
from seald.pipeline.forget import forget
from seald.pipeline.ingest import Ingest
from seald.pipeline.retrain import ask_for_retraining, roll_back_policy
from seald.store.tables import metadata
from tests.unit.api.conftest import World
from tests.unit.pipeline.conftest import Site
from tests.unit.store.conftest import migrated
from tests.unit.store.test_adapters import promoted

__all__ = ["client", "migrated", "whole"]

STORES = (
    "documents",
    "adaptations",
    "adapters",
    "collections",
    "answers",
    "feedback",
    "watches",
    "forgetting",
    "tasks",
)
STORES += ("retrainings", "episodes", "policies", "policy_files", "receipts", "audit", "keys")


@pytest.fixture
def whole(world: World, tmp_path: Path, migrated: Path, tiny_model: Path) -> Iterator[Site]:
    """Versions 1 to 3 of `default` went live one after the other."""
    (tmp_path / "data").mkdir()
    shutil.copy(migrated, tmp_path / "data")
    site = Site(tmp_path / "data", tiny_model)
    for text in ("one", "two", "three"):
        promoted(site.stores, text)
    settings = Settings.model_validate({"server": {"max_body_bytes": 100_000}})
    world.app = create_app(replace(world.app.state.services, settings=settings, **_parts(site)))
    yield site
    site.stores.close()


@pytest.fixture
def client(world: World, whole: Site) -> Iterator[TestClient]:
    with TestClient(world.app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield client


def _parts(site: Site) -> dict[str, Any]:
    stores, limits = site.stores, Limits(max_bytes=50_000, max_characters=20_000, max_probes=2)
    parts: dict[str, Any] = {name: getattr(stores, name) for name in STORES}
    return parts | {
        "files": stores.adapter_files,
        "ingest": Ingest(stores.documents, site.model / "tokenizer.json", limits, stores.clock),
        "rollback": lambda collection, to, reason: stores.adapters.roll_back(collection, to, reason=reason),
        "compact": partial(ask_for_compaction, site.shop),
        "forget": partial(forget, site.shop),
        "submit_task": partial(tasks.submit, site.shop),
        "solve_task": lambda *_: Solved(adapter="base", solutions=()),
        "remove_task": partial(tasks.remove, site.shop),
        "retrain": partial(ask_for_retraining, site.shop),
        "policy_rollback": partial(roll_back_policy, site.shop),
    }


def rows(site: Site) -> dict[str, int]:
    """Table → rows: what a refused request must leave as it was."""
    with site.stores.session.read() as connection:
        count = {table.name: select(func.count()).select_from(table) for table in metadata.sorted_tables}
        return {name: int(connection.scalar(query) or 0) for name, query in count.items()}


def check_refusal(got: Any, site: Site) -> None:
    """The shape of every error, and that it says nothing of our insides."""
    error = got.json()["error"]
    assert got.json() == {"error": {name: error[name] for name in ("message", "type", "param", "code")}}
    assert error["message"]
    assert error["code"]
    assert got.headers["x-request-id"]
    assert got.headers["x-should-retry"] == ("true" if got.status_code == 503 else "false")
    for ours in ("Traceback", ".py", "site-packages", str(site.folder), "sqlite", "SELECT"):
        assert ours not in got.text
