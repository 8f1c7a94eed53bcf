"""The path of a chat request inside the daemon: model id → lease on a version → the engine → the answer."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx

from seald.config import Engine
from seald.domain.adapter import AdapterStatus, AdapterVersion
from seald.errors import EngineUnavailable, NotFound
from seald.ports import BASE, AdapterStore, Route
from seald.serving.fleet import Fleet

MODEL_ID = re.compile(r"seald(?::(?P<collection>[a-z0-9][a-z0-9_-]{0,62})(?:@(?P<version>[1-9][0-9]{0,8}))?)?")

WAIT_POLL_SECONDS = 0.05


class EngineAnswer:
    """The engine's answer to one forwarded request, its body not yet read."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    @property
    def status(self) -> int:
        """The engine's HTTP status."""
        return self._response.status_code

    async def read(self) -> bytes:
        """The whole body. Raises EngineUnavailable when the engine dies in the middle."""
        with _engine_death():
            return await self._response.aread()

    async def lines(self) -> AsyncIterator[str]:
        """The body line by line. Raises EngineUnavailable when the engine dies in the middle."""
        # Not httpx's own `aiter_lines`: it also splits at U+2028 and U+0085, which may stand inside an event.
        rest = b""
        with _engine_death():
            async for part in self._response.aiter_bytes():
                *whole, rest = (rest + part).split(b"\n")
                for line in whole:
                    yield line.decode().rstrip("\r")
        if rest:
            yield rest.decode()


class HttpGateway:
    """Fulfils the port `Gateway`."""

    def __init__(self, fleet: Fleet, adapters: AdapterStore, limits: Engine) -> None:
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(limits.request_seconds, connect=5.0, pool=None),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=64),
            trust_env=False,
        )
        self._fleet = fleet
        self._engines = fleet.commands()
        self._residency = fleet.residency
        self._adapters = adapters
        self._wait_seconds = limits.wait_seconds

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    @asynccontextmanager
    async def lease(self, model: str) -> AsyncIterator[Route]:
        """Hold the version that `model` names until the answer is finished; load a pinned one if need be."""
        collection, version = parse_model_id(model)
        await self._until_ready()
        route = await self._take(collection, version, model)
        try:
            yield route
        finally:
            self._residency.give_back(route)

    @asynccontextmanager
    async def forward(self, route: Route, path: str, body: Mapping[str, Any]) -> AsyncIterator[EngineAnswer]:
        """POST `body` (its `model` replaced) to the engine's `path`; leaving the context cancels it there."""
        engine = self._engines[route.replica]
        headers = {"authorization": f"Bearer {engine.key}"} if engine.key else {}
        asked = {**body, "model": route.engine_name}
        request = self._http.build_request("POST", f"{engine.url}{path}", json=asked, headers=headers)
        with _engine_death():
            response = await self._http.send(request, stream=True)
        try:
            yield EngineAnswer(response)
        finally:
            await response.aclose()

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

    async def _take(self, collection: str | None, version: int | None, model: str) -> Route:
        if collection is None or version is None:
            if collection not in (None, "default"):
                await asyncio.to_thread(self._require_collection, collection, model)
            return self._residency.take(collection, None, model)
        pinned = await asyncio.to_thread(self._approved, collection, version, model)
        await asyncio.to_thread(self._residency.fetch, pinned)
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


@contextmanager
def _engine_death() -> Iterator[None]:
    try:
        yield
    except httpx.HTTPError as error:
        reason = str(error) or type(error).__name__
        raise EngineUnavailable(f"the engine stopped answering: {reason}") from error
