"""Versions whose files nobody vouches for any more: never loaded, and named to whoever asks how the engines stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import structlog

from seald.domain.adapter import AdapterVersion, Manifest
from seald.errors import IntegrityError

log = structlog.get_logger(__name__)


class VersionFiles(Protocol):
    """The part of `AdapterFiles` that serving needs."""

    def folder(self, collection: str, version: int) -> Path:
        """Where a version's files lie."""
        ...

    def verify(self, version: AdapterVersion) -> Manifest:
        """Hash every file against the manifest. Raises IntegrityError."""
        ...


class Quarantine:
    """Passes on what is whole and remembers what was not, until it is found whole again. From any thread."""

    def __init__(self, files: VersionFiles) -> None:
        self._files = files
        self._reasons: dict[str, str] = {}

    def folder(self, collection: str, version: int) -> Path:
        """Where a version's files lie."""
        return self._files.folder(collection, version)

    def verify(self, version: AdapterVersion) -> Manifest:
        """Raises IntegrityError."""
        try:
            manifest = self._files.verify(version)
        except IntegrityError as error:
            if self._reasons.get(version.label) != error.message:
                log.error("quarantined", version=version.label, reason=error.message)
            self._reasons[version.label] = error.message
            raise
        if self._reasons.pop(version.label, None) is not None:
            log.info("whole again", version=version.label)
        return manifest

    def listed(self) -> list[dict[str, Any]]:
        """`{version, reason}` each."""
        return [{"version": label, "reason": reason} for label, reason in sorted(self._reasons.copy().items())]
