from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from seald.config import Settings
from seald.daemon import Daemon
from seald.errors import ConfigError
from seald.store import open_stores


def test_beyond_loopback_it_does_not_start_without_a_key(tmp_path: Path) -> None:
    settings = Settings.model_validate({"data_dir": tmp_path, "server": {"host": "0.0.0.0"}})
    with pytest.raises(ConfigError, match="seald keys create admin --offline"), ExitStack() as stack:
        Daemon(settings, stack)
    open_stores(settings).close()
