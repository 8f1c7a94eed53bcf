"""What all tests share: where the converted model lies, and a tiny model that is built once a run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.tiny_model import build_tiny_model

ROOT = Path(__file__).parent.parent

# One conversion of the embedded model for all daemons of a run, and of the next runs.
os.environ.setdefault("SEALD_MODEL__CACHE_DIR", str(ROOT / ".cache" / "models"))


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random two-layer Llama: answers nonsense in milliseconds."""
    return build_tiny_model(tmp_path_factory.mktemp("tiny"))
