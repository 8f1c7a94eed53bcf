"""Which scope each route asks of a key: by the word behind `/v1/`, so that it is known before anything is read."""

from __future__ import annotations

from typing import NamedTuple

from seald.domain.key import Scope

KEYLESS = frozenset({"/livez", "/readyz", "/metrics"})
"""Paths that ask for no key."""


class Need(NamedTuple):
    """What a key must have. `scope` None: every key will do."""

    scope: Scope | None
    whole: bool = False
    """About all of the daemon: a key that is limited to some collections or models will not do."""


ANY = Need(None)
_READING = {
    "chat": Need("chat"),
    "completions": Need("chat"),
    "responses": Need("chat"),
    "embeddings": Need("chat"),
    "models": Need("chat"),
    "feedback": Need("chat"),
    "documents": Need("ingest"),
    "tasks": Need("ingest"),
    "adaptations": Need("ingest"),
    "status": Need("ingest"),
    "adapters": Need("admin"),
    "collections": Need("admin"),
    "policies": Need("admin", whole=True),
    "retrainings": Need("admin", whole=True),
    "keys": Need("admin", whole=True),
    "audit": Need("admin", whole=True),
}
_CHANGING = {**_READING, "adaptations": Need("admin")}


def need_of(method: str, path: str) -> Need | None:
    """What the routes at this path ask for; None where there are none."""
    if path == "/openapi.json":
        return ANY
    root, version, word = (*path.split("/", 3), "", "")[:3]
    if (root, version) != ("", "v1"):
        return None
    return (_READING if method in ("GET", "HEAD") else _CHANGING).get(word)
