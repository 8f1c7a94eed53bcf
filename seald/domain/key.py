"""Keys: what a client shows with a request, and what it may then ask for."""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from seald.config.keys import MOST
from seald.domain.audit import LONGEST_REASON
from seald.domain.document import COLLECTION_NAME
from seald.domain.feedback import BASE_MODEL
from seald.domain.model_id import MODEL_ID
from seald.errors import InvalidRequest

Scope = Literal["chat", "ingest", "admin"]
SCOPES: tuple[Scope, ...] = ("chat", "ingest", "admin")
SECRET_PREFIX = "sk-seald-"
SECRET_BYTES = 32
LAST_MOMENT = 253_402_300_799
"""The end of the year 9999, in Unix seconds: no later moment can be written down."""


def new_secret() -> str:
    """`sk-seald-` and 256 random bits."""
    return SECRET_PREFIX + secrets.token_urlsafe(SECRET_BYTES)


def hash_of(secret: str) -> str:
    """What is kept of a secret: its SHA-256 (hex).

    A slow hash is for what people think up: 256 random bits cannot be guessed however fast the hash is.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def _model(id: str) -> str:
    if id != BASE_MODEL and MODEL_ID.fullmatch(id) is None:
        raise ValueError(f"{id[:100]!r} is no model id, like 'seald', 'seald:<collection>' or 'base'")
    return id


Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")
]
CollectionName = Annotated[str, StringConstraints(pattern=f"^(?:{COLLECTION_NAME.pattern})$")]
Limit = Annotated[int, Field(strict=True, ge=1, le=MOST)]
ModelId = Annotated[str, AfterValidator(_model)]


class KeyAsk(BaseModel):
    """What is asked of a new key. A limit, or a list, of null: there is none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    scopes: list[Scope] = Field(min_length=1, max_length=len(SCOPES))
    collections: list[CollectionName] | None = Field(None, min_length=1, max_length=1000)
    models: list[ModelId] | None = Field(None, min_length=1, max_length=1000)
    """Exactly these ids."""
    requests_per_minute: Limit | None = None
    concurrency: Limit | None = None
    """Requests at once; a stream counts until it ends."""
    expires: Annotated[int, Field(strict=True, gt=0, le=LAST_MOMENT)] | None = None
    """Unix seconds."""
    reason: Annotated[str, Field(max_length=LONGEST_REASON, strict=True)] | None = None
    """For the audit; the key does not keep it."""

    def require_first(self) -> None:
        """Raise InvalidRequest unless the key may manage keys: the first one closes the door, and nobody else could
        open it again."""
        if "admin" not in self.scopes or self.collections is not None or self.models is not None:
            raise InvalidRequest(
                "the first key must have the scope admin and not be limited to collections or models: with it every "
                "request needs a key, and only such a one can make further ones",
                param="scopes",
                code="first_key_must_be_admin",
            )


class Key(BaseModel):
    """A key as it is kept. It is never deleted, so that the door stays shut."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    name: str
    sha256: str
    """Of its secret."""
    scopes: tuple[Scope, ...]
    collections: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None
    requests_per_minute: int | None = None
    concurrency: int | None = None
    created: datetime
    expires: datetime | None = None
    revoked: datetime | None = None

    @classmethod
    def of(cls, ask: KeyAsk, secret: str, created: datetime) -> Key:
        """A new key. Raises InvalidRequest where it would have expired already."""
        expires = None if ask.expires is None else datetime.fromtimestamp(ask.expires, UTC)
        if expires is not None and expires <= created:
            raise InvalidRequest("expires lies in the past; send Unix seconds that are to come", param="expires")
        limits = ask.model_dump(include={"name", "requests_per_minute", "concurrency"})
        return cls(
            id=f"key-{secrets.token_hex(12)}",
            sha256=hash_of(secret),
            scopes=tuple(scope for scope in SCOPES if scope in ask.scopes),
            collections=_each_once(ask.collections),
            models=_each_once(ask.models),
            created=created,
            expires=expires,
            **limits,
        )

    def granted(self) -> str:
        """What it may do, as compact text for the audit; what is not limited is left out."""
        limits = self.model_dump(mode="json", include={"scopes", "collections", "models", "expires"}, exclude_none=True)
        return json.dumps(limits, sort_keys=True, ensure_ascii=False)

    def usable(self, now: datetime) -> bool:
        """Neither revoked nor expired."""
        return self.revoked is None and (self.expires is None or now < self.expires)

    def may(self, scope: Scope) -> bool:
        """Whether it has the scope; `admin` implies the others."""
        return scope in self.scopes or "admin" in self.scopes

    @property
    def is_limited(self) -> bool:
        """To some collections or models: then it has no say in what is of all of them, such as keys and policies."""
        return self.collections is not None or self.models is not None


def _each_once(names: list[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(dict.fromkeys(names))
