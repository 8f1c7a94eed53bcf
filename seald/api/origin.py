"""Keeps web pages of other sites, and names that were rebound to this machine, away from an open loopback port."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from seald.api.errors import answer_for
from seald.api.headers import KEY, header
from seald.errors import Forbidden

PROBED = frozenset({"/livez", "/readyz"})
"""Asked through a proxy, by the name that it goes by, and never with a key."""


class LocalOrigin:
    """ASGI middleware: 403 when a browser says that a page from elsewhere sent a request that came with no key.

    `Origin` must name loopback or the address that the daemon is bound to; where that address is itself
    loopback, so must `Host` (DNS rebinding: the page's own name resolves to us, and `GET` carries no `Origin`).
    No browser adds a key by itself: whoever shows one may ask by any name and from any page, as a proxy in front of
    the daemon lets them.
    """

    def __init__(self, app: ASGIApp, bound: str) -> None:
        self._app = app
        self._bound = bound

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request through, or refuse it."""
        refused = self._refusal(scope) if scope["type"] == "http" and KEY not in scope else None
        if refused is None:
            await self._app(scope, receive, send)
        else:
            await answer_for(refused)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Forbidden | None:
        origin, host = header(scope, b"origin"), header(scope, b"host")
        if origin is not None and not self._ours(origin):
            return Forbidden(
                f"a web page of {origin[:200]!r} may not use this daemon; call it from this machine",
                param="Origin",
                code="forbidden_origin",
            )
        if host and is_loopback(self._bound) and not self._ours(f"//{host}") and scope["path"] not in PROBED:
            return Forbidden(
                f"this daemon is not called {host[:200]!r}; address it as localhost",
                param="Host",
                code="forbidden_host",
            )
        return None

    def _ours(self, url: str) -> bool:
        name = _host(url)
        return name is not None and (name == self._bound or is_loopback(name))


@lru_cache(maxsize=64)
def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


@lru_cache(maxsize=64)
def is_loopback(name: str) -> bool:
    """Whether a host name or address means this machine."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
