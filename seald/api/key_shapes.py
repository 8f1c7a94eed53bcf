"""Keys as clients see them. Times are Unix seconds."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel

from seald.api.shapes import unix
from seald.domain.key import Key, Scope


class KeyObject(BaseModel):
    """A key. `collections`, `models` and the limits are null where there is none; `expires` and `revoked` are null
    where it was not."""

    id: str
    object: Literal["key"] = "key"
    name: str
    scopes: list[Scope]
    collections: list[str] | None
    models: list[str] | None
    requests_per_minute: int | None
    concurrency: int | None
    created: int
    expires: int | None
    revoked: int | None

    @classmethod
    def of(cls, key: Key, **more: Any) -> Self:
        """Shape a key."""
        moments = {name: getattr(key, name) for name in ("created", "expires", "revoked")}
        kept = key.model_dump(mode="json", exclude={"sha256", *moments})
        return cls(**kept, **{name: unix(at) if at is not None else None for name, at in moments.items()}, **more)


class NewKeyObject(KeyObject):
    """A key with its secret, which is shown this once."""

    secret: str


class RevokedKey(KeyObject):
    """A key that nobody can use any more."""

    deleted: Literal[True] = True
