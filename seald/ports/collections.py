"""Collections with their settings, as they are kept."""

from __future__ import annotations

from collections.abc import Collection as Names
from typing import Protocol

from seald.domain.collection import Collection, CollectionSettings


class CollectionStore(Protocol):
    """What each collection has otherwise than the configuration."""

    def all(self, *, within: Names[str] | None = None) -> list[Collection]:
        """Every collection that holds a document or a version, or that has settings, by name."""
        ...

    def get(self, name: str, *, within: Names[str] | None = None) -> Collection:
        """Raises NotFound: nothing of that name is kept."""
        ...

    def settings(self, name: str) -> CollectionSettings:
        """Those of the collection, or the defaults; the collection need not be there."""
        ...

    def put(self, name: str, settings: CollectionSettings) -> Collection:
        """Replace the settings; the collection need not be there yet."""
        ...
