"""Folders of adapter versions."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from seald.domain.adapter import AdapterVersion, Manifest
from seald.store.version_folders import VersionFolders


class AdapterFolders(VersionFolders[Manifest]):
    """Fulfils the port `AdapterFiles` below one folder."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, Manifest)

    def _home(self, manifest: Manifest) -> Path:
        return self.folder(manifest.collection, manifest.version)

    def folder(self, collection: str, version: int) -> Path:
        """`adapters/<collection>/<n>/`, whether there or not; of a task `adapters/task.<name>/<n>/`."""
        # No collection's name holds a dot: it cannot be taken for a task's.
        return self._root / collection.replace("/", ".") / str(version)

    def verify(self, version: AdapterVersion) -> Manifest:
        """Hash every file against the manifest, and the manifest against what the database has of it.

        Raises IntegrityError, also when there is no folder.
        """
        return self._verify(self.folder(version.collection, version.version), version)

    def set_aside(self, version: AdapterVersion, to: Path) -> None:
        """Verify a version's files and copy them into `to`, whole or not at all. Raises IntegrityError."""
        if to.exists():
            return
        self.verify(version)
        draft = to.with_name(f"{to.name}.tmp")
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(self.folder(version.collection, version.version), draft)
        draft.rename(to)

    def remove(self, collection: str, version: int) -> None:
        """Delete a version's folder; none there is fine."""
        shutil.rmtree(self.folder(collection, version), ignore_errors=True)

    def sweep(self, known: Sequence[AdapterVersion], running: Iterable[str]) -> list[Path]:
        """Delete version folders without recorded weights, and drafts of no running adaptation; return what went."""
        owned = {self.folder(v.collection, v.version) for v in known if v.sha256 is not None}
        return self._sweep(self._root.glob("*/*"), owned, running)
