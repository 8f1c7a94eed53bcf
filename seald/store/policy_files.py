"""Folders of learned policies."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

from seald.domain.policy_version import PolicyManifest, PolicyVersion
from seald.store.version_folders import DRAFTS, VersionFolders


class PolicyFolders(VersionFolders[PolicyManifest]):
    """Fulfils the port `PolicyFiles` below one folder."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, PolicyManifest)

    def _home(self, manifest: PolicyManifest) -> Path:
        return self.folder(manifest.version)

    def folder(self, version: int) -> Path:
        """`policies/learned/<n>/`, whether there or not."""
        return self._root / str(version)

    def verify(self, version: PolicyVersion) -> PolicyManifest:
        """Hash every file against the manifest, and the manifest against what the database has of it.

        Raises IntegrityError, also when there is no folder.
        """
        return self._verify(self.folder(version.version), version)

    def remove(self, version: int) -> None:
        """Delete a version's folder; none there is fine."""
        shutil.rmtree(self.folder(version), ignore_errors=True)

    def sweep(self, known: Sequence[PolicyVersion], running: Iterable[str]) -> list[Path]:
        """Delete folders that no version with weights owns, and drafts whose name is not among `running`; return what
        went."""
        owned = {self.folder(v.version) for v in known if v.sha256 is not None}
        found = chain(self._root.glob("*"), (self._root / DRAFTS).glob("*"))
        return self._sweep((folder for folder in found if folder.name != DRAFTS), owned, running)
