"""Where the folders lie that come with seald but are no packages: `migrations`, `policies`."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent.parent


def places(folder: str) -> tuple[Path, Path]:
    """Where it may be: in an installed wheel inside the package, in a checkout beside it."""
    return _PACKAGE / folder, _PACKAGE.parent / folder
