"""Which versions are resident, and the way of a chat request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from seald.domain.adapter import AdapterVersion


class Serving(Protocol):
    """Which adapter versions are resident in the engine, and which one answers for each collection."""

    def staged(self, version: AdapterVersion) -> AbstractContextManager[str]:
        """Verify the files, load them, run the canary; gives the engine name. Inside, it stays loaded.

        Raises IntegrityError, CanaryMismatch, EngineUnavailable or EngineRefused.
        """
        ...

    def route(self, collection: str, version: AdapterVersion | None) -> None:
        """Send new requests of `collection` to a staged version (None: base). Requests in flight finish where
        they began; versions no longer in use stay resident only up to `engine.keep_loaded`."""
        ...

    def discard(self, version: AdapterVersion) -> None:
        """Unload a version that will not serve (a rejected candidate)."""
        ...


class Trials(Protocol):
    """Adapters that are no versions of a collection: candidates of an episode, and what writes self-edits."""

    def tried(self, name: str, folder: Path) -> AbstractContextManager[str]:
        """Load a PEFT folder into one engine under `name`, which says what its weights are; gives the name. Inside, it
        can be asked through the port `Engine`; afterwards it is unloaded. No client reaches it.

        Raises EngineUnavailable or EngineRefused.
        """
        ...


@dataclass(frozen=True)
class Route:
    """Where one request goes: decided once, at its beginning, and true until its last byte."""

    model: str
    """The model id that the client asked for."""
    label: str
    """`<collection>@<n>` or `base`: the header `x-seald-adapter` and the `system_fingerprint`."""
    engine_name: str
    """What the engine is asked for."""
    replica: int = 0
    """Which of the engines answers."""


class Upstream(Protocol):
    """The engine's answer to one forwarded request, its body not yet read."""

    @property
    def status(self) -> int:
        """The engine's HTTP status."""
        ...

    async def read(self) -> bytes:
        """The whole body. Raises EngineUnavailable when the engine dies in the middle."""
        ...

    def parts(self) -> AsyncIterator[bytes]:
        """The body in the pieces in which it comes. Raises EngineUnavailable as `read` does."""
        ...


class Gateway(Protocol):
    """The chat side of serving: model ids to versions, requests to the engine. Used from the event loop."""

    def ask(
        self, model: str, path: str, body: Mapping[str, Any]
    ) -> AbstractAsyncContextManager[tuple[Route, Upstream]]:
        """Hold the version that `model` names (a pinned one is loaded if need be) and POST `body`, its `model`
        replaced, to its engine's `path`. Leaving the context cancels what is not answered, and lets the version go.

        Raises NotFound (code `model_not_found`) for an unknown id, EngineUnavailable when nothing answers.
        """
        ...

    async def close(self) -> None:
        """Close the connections to the engines."""
        ...

    def model_ids(self) -> list[tuple[str, str]]:
        """`(model id, label)` of everything a client may ask for: base, the collections, every approved version."""
        ...

    def ready(self) -> tuple[bool, str]:
        """Whether requests can be answered now, and if not, why."""
        ...
