"""Who may ask for what: looked at before a route is, and before a byte of the body is read."""

from __future__ import annotations

from contextlib import ExitStack

from starlette.types import ASGIApp, Receive, Scope, Send

from seald.api.errors import answer_for
from seald.api.headers import KEY, REQUEST, header
from seald.api.origin import is_loopback
from seald.api.pace import Pace
from seald.api.scopes import ANY, KEYLESS, need_of
from seald.api.seen import seen_by
from seald.api.services import SEEN, services_of
from seald.domain.actor import Actor, acting
from seald.domain.key import Key
from seald.errors import ConfigError, Forbidden, SealdError, Unauthorized
from seald.ports import KeyStore

LOCAL = "local"
"""Who acts where no key is asked for."""


class Admission:
    """ASGI middleware: 401 without a good key, 403 without the scope, 429 over the key's limits.

    Where no key was ever created and the daemon is bound to loopback, everybody there may do everything. What goes on
    from here finds in the scope what there is for whoever asks, and in `acting` who that is.
    """

    def __init__(self, app: ASGIApp, bound: str) -> None:
        self._app = app
        self._loopback = is_loopback(bound)
        self._pace = Pace()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request through, or refuse it."""
        if scope["type"] != "http" or scope["path"] in KEYLESS:
            await self._app(scope, receive, send)
            return
        with ExitStack() as stack:
            try:
                self._admit(scope, stack)
            except SealdError as refused:
                await answer_for(refused)(scope, receive, send)
                return
            await self._app(scope, receive, send)

    def _admit(self, scope: Scope, stack: ExitStack) -> None:
        services, who = services_of(scope["app"]), LOCAL
        if services.keys.ever() or not self._loopback:
            key = _key_of(scope, services.keys)
            _require_scope(key, scope)
            stack.enter_context(self._pace.turn(key))
            services = seen_by(services, key)
            scope[KEY] = who = key.id
        scope[SEEN] = services
        stack.callback(acting.reset, acting.set(Actor(who, scope.get(REQUEST))))


def require_keys_beyond_loopback(host: str, keys: KeyStore) -> None:
    """Raise ConfigError where others than this machine could reach the daemon, and nobody could show a key."""
    if not is_loopback(host) and not keys.any_usable():
        raise ConfigError(
            f"server.host is {host!r}, and there is no usable key: beyond loopback seald answers to keys alone. Make "
            "one with `seald keys create admin --offline` (with the same --config and --data-dir), or use 127.0.0.1",
            param="server.host",
        )


def _key_of(scope: Scope, keys: KeyStore) -> Key:
    kind, _, secret = (header(scope, b"authorization") or "").partition(" ")
    if kind.lower() != "bearer" or not secret.strip():
        raise Unauthorized("this daemon asks for a key: send it as 'Authorization: Bearer sk-seald-…'")
    key = keys.find(secret.strip())
    if key is None:
        raise Unauthorized("this key is unknown, expired or revoked; ask for another one")
    return key


def _require_scope(key: Key, scope: Scope) -> None:
    need = need_of(scope["method"], scope["path"]) or ANY
    if need.scope is not None and not key.may(need.scope):
        raise Forbidden(f"this needs the scope {need.scope}; the key has {', '.join(key.scopes)}")
    if need.whole and key.is_limited:
        raise Forbidden("this is about the whole daemon; the key is limited to some of its collections or models")
