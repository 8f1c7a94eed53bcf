"""The path of a chat request inside the daemon: model id → lease on a version → the engine → the answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from seald.config import Engine
from seald.domain.adapter import AdapterStatus, AdapterVersion
from seald.domain.model_id import parse_model_id, unknown_model
from seald.errors import EngineUnavailable, NotFound
from seald.ports import BASE, AdapterStore, Route
from seald.serving.fleet import Fleet
from seald.serving.upstream import EngineAnswer, EngineConnections

WAIT_POLL_SECONDS = 0.05


class HttpGateway:
    """Fulfils the port `Gateway`."""

    def __init__(self, fleet: Fleet, adapters: AdapterStore, limits: Engine) -> None:
        self._connections = EngineConnections(timeout_seconds=limits.request_seconds)
        self._fleet = fleet
        self._engines = fleet.commands()
        self._residency = fleet.residency
        self._adapters = adapters
        self._wait_seconds = limits.wait_seconds

    async def close(self) -> None:
        """Close the connections."""
        await self._connections.close()

    @asynccontextmanager
    async def ask(self, model: str, path: str, body: Mapping[str, Any]) -> AsyncIterator[tuple[Route, EngineAnswer]]:
        """Hold the version that `model` names and POST `body` (its `model` replaced) to its engine's `path`.

        Where several engines hold it, one that does not begin to answer is given up for another. The version is
        held, and the engine works, until the context is left.
        """
        collection, version = parse_model_id(model)
        await self._until_ready()
        pinned = await self._pinned(collection, version, model)
        for others in reversed(range(len(self._engines))):
            async with AsyncExitStack() as stack:
                route = await self._take(collection, pinned, model)
                stack.callback(self._residency.give_back, route)
                engine, asked = self._engines[route.replica], {**body, "model": route.engine_name}
                posted = self._connections.post(engine.url, path, asked, key=engine.key)
                try:
                    answer = await stack.enter_async_context(posted)
                except EngineUnavailable:
                    if self._residency.avoid(route) and others:
                        continue
                    raise
                yield route, answer
                return

    def model_ids(self) -> list[tuple[str, str]]:
        """`(model id, label)` of everything a client may ask for."""
        ids = [("seald", self._live_label("default")), (BASE, BASE)]
        for collection in self._adapters.lineages():
            ids.append((f"seald:{collection}", self._live_label(collection)))
            versions = self._adapters.of_collection(collection)
            ids += [(f"seald:{v.label}", v.label) for v in versions if v.status is AdapterStatus.APPROVED]
        return ids

    def ready(self) -> tuple[bool, str]:
        """Whether requests can be answered now, and if not, why."""
        return self._fleet.ready()

    async def _until_ready(self) -> None:
        """Engines that sleep for a while are waited for, those that are down are not."""
        give_up = time.monotonic() + self._wait_seconds
        while not self._residency.serves():
            if not self._fleet.resting() or time.monotonic() > give_up:
                raise EngineUnavailable(f"the engine is not ready: {self.ready()[1]}; try again in a few seconds")
            await asyncio.sleep(WAIT_POLL_SECONDS)

    def _live_label(self, collection: str) -> str:
        live = self._adapters.live(collection)
        return live.label if live is not None else BASE

    async def _pinned(self, collection: str | None, version: int | None, model: str) -> AdapterVersion | None:
        """The version that a client asks for by its number; None where it asks for what is live."""
        if collection is None or version is None:
            if collection not in (None, "default") and not self._residency.is_routed(collection):
                await asyncio.to_thread(self._require_collection, collection, model)
            return None
        return await asyncio.to_thread(self._approved, collection, version, model)

    async def _take(self, collection: str | None, pinned: AdapterVersion | None, model: str) -> Route:
        if pinned is None:
            return self._residency.take(collection, None, model)
        with self._residency.keeping(pinned):
            await asyncio.to_thread(self._residency.fetch, pinned)
            return self._residency.take(collection, pinned, model)

    def _require_collection(self, collection: str, model: str) -> None:
        if collection not in self._adapters.lineages():
            raise unknown_model(model)

    def _approved(self, collection: str, version: int, model: str) -> AdapterVersion:
        try:
            found = self._adapters.get(collection, version)
        except NotFound:
            raise unknown_model(model) from None
        if found.status is not AdapterStatus.APPROVED:
            raise unknown_model(model)
        return found
