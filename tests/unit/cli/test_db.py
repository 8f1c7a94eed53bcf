"""`seald db` on real folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seald.cli import main
from seald.config import Settings
from seald.store import backup, migrate, open_stores
from seald.store.sqlite_copy import check
from tests.unit.store.conftest import document
from tests.unit.store.test_backup import taught


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["seald", "db", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


def test_upgrade_backup_and_restore(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(*arguments: str, code: int = 0) -> dict[str, Any]:
        assert run(monkeypatch, *arguments, "--json") == code
        shown: dict[str, Any] = json.loads(capsys.readouterr().out)
        return shown

    data, saved, again = (str(tmp_path / name) for name in ("data", "saved", "again"))
    head = migrate.head()
    assert told("upgrade", "--data-dir", data) == {"object": "database", "from": None, "to": head}
    assert told("upgrade", "--data-dir", data) == {"object": "database", "from": head, "to": head}
    stores = open_stores(Settings(data_dir=tmp_path / "data"))
    taught(stores, "one")
    assert run(monkeypatch, "upgrade", "--data-dir", data) == 1
    assert "data_folder_locked" in capsys.readouterr().err
    made = told("backup", saved, "--data-dir", data)
    assert (made["object"], made["revision"], made["files"], made["left_out"]) == ("backup", head, 4, {})
    assert told("restore", saved, "--data-dir", again) == {
        **made,
        "object": "restore",
        "data_dir": again,
        "moved": None,
    }
    assert run(monkeypatch, "restore", saved, "--data-dir", again) == 1
    assert "not_empty" in capsys.readouterr().err
    assert Path(told("restore", saved, "--data-dir", again, "--force")["moved"]).parent == tmp_path / "again"
    check(tmp_path / "again" / "seald.db")
    stores.close()


def test_a_backup_without_damaged_files_says_so_in_its_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(backup, "PAUSE_SECONDS", 0.0)
    stores = open_stores(Settings(data_dir=tmp_path / "data"))
    version = taught(stores, "one")
    stores.documents.add(document("two"), [])
    (stores.adapter_files.folder("default", version.version) / "manifest.json").unlink()
    assert run(monkeypatch, "backup", str(tmp_path / "saved"), "--data-dir", str(tmp_path / "data")) == 1
    assert "left out default@1" in " ".join(capsys.readouterr().err.split())
    assert (tmp_path / "saved" / "backup.json").exists()
    stores.close()
