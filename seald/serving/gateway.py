"""The path of a chat request inside the daemon: model id → lease on a version → the engine → the answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from seald.domain.adapter import AdapterStatus, AdapterVersion
from seald.errors import EngineUnavailable, NotFound
from seald.ports import BASE, AdapterStore, Route
from seald.serving.residency import Residency
from seald.serving.upstream import EngineAnswer, EngineConnections

MODEL_ID = re.compile(r"seald(?::(?P<collection>[a-z0-9][a-z0-9_-]{0,62})(?:@(?P<version>[1-9][0-9]{0,8}))?)?")


class HttpGateway:
    """Fulfils the port `Gateway` for one engine."""

    def __init__(
        self,
        url: str,
        *,
        key: str | None,
        timeout_seconds: float,
        residency: Residency,
        adapters: AdapterStore,
        ready: Callable[[], tuple[bool, str]],
    ) -> None:
        self._url = url
        self._key = key
        self._connections = EngineConnections(timeout_seconds=timeout_seconds)
        self._residency = residency
        self._adapters = adapters
        self._ready = ready

    async def close(self) -> None:
        """Close the connections."""
        await self._connections.close()

    @asynccontextmanager
    async def lease(self, model: str) -> AsyncIterator[Route]:
        """Hold the version that `model` names until the answer is finished; load a pinned one if need be."""
        collection, version = parse_model_id(model)
        self._require_ready()
        route = await self._take(collection, version, model)
        try:
            yield route
        finally:
            self._residency.give_back(route)

    def forward(self, route: Route, path: str, body: Mapping[str, Any]) -> AbstractAsyncContextManager[EngineAnswer]:
        """POST `body` (its `model` replaced) to the engine's `path`; leaving the context cancels it there."""
        return self._connections.post(self._url, path, {**body, "model": route.engine_name}, key=self._key)

    def model_ids(self) -> list[tuple[str, str]]:
        """`(model id, label)` of everything a client may ask for."""
        ids = [("seald", self._live_label("default")), (BASE, BASE)]
        for collection in self._adapters.collections():
            ids.append((f"seald:{collection}", self._live_label(collection)))
            versions = self._adapters.of_collection(collection)
            ids += [(f"seald:{v.label}", v.label) for v in versions if v.status is AdapterStatus.APPROVED]
        return ids

    def ready(self) -> tuple[bool, str]:
        """Whether requests can be answered now, and if not, why."""
        return self._ready()

    def _require_ready(self) -> None:
        ready, why = self._ready()
        if not ready:
            raise EngineUnavailable(f"the engine is not ready: {why}; try again in a few seconds")

    def _live_label(self, collection: str) -> str:
        live = self._adapters.live(collection)
        return live.label if live is not None else BASE

    async def _take(self, collection: str | None, version: int | None, model: str) -> Route:
        if collection is None or version is None:
            if collection not in (None, "default"):
                await asyncio.to_thread(self._require_collection, collection, model)
            return self._residency.take(collection, None, model)
        pinned = await asyncio.to_thread(self._approved, collection, version, model)
        await asyncio.to_thread(self._residency.stage, pinned)
        return self._residency.take(collection, pinned, model)

    def _require_collection(self, collection: str | None, model: str) -> None:
        if not self._residency.is_routed(collection) and collection not in self._adapters.collections():
            raise _unknown(model)

    def _approved(self, collection: str, version: int, model: str) -> AdapterVersion:
        try:
            found = self._adapters.get(collection, version)
        except NotFound:
            raise _unknown(model) from None
        if found.status is not AdapterStatus.APPROVED:
            raise _unknown(model)
        return found


def parse_model_id(model: str) -> tuple[str | None, int | None]:
    """`seald` → ("default", None); `seald:c` → (c, None); `seald:c@n` → (c, n); `base` → (None, None).

    Raises:
        NotFound: code `model_not_found`, for anything else.
    """
    if model == BASE:
        return None, None
    match = MODEL_ID.fullmatch(model)
    if match is None:
        raise _unknown(model)
    version = match["version"]
    return match["collection"] or "default", int(version) if version else None


def _unknown(model: str) -> NotFound:
    return NotFound(
        f"there is no model {model[:200]!r}; ask for 'seald', 'seald:<collection>', 'seald:<collection>@<n>' "
        "or 'base' (GET /v1/models lists them)",
        param="model",
        code="model_not_found",
    )
