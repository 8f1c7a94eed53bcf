"""Everything that can go wrong, as one tree. No class here knows HTTP: `api/errors.py` maps them to statuses.

SealdError
├── ConfigError            seald.toml, SEALD_* variables, command line
├── ModelUnavailable       the base model cannot be found or read
├── InvalidRequest         the caller must change the request
│   ├── ContextTooLong
│   └── UnreadableDocument   empty, binary, encrypted, broken
├── UnsupportedDocument    a format that no parser is there for
├── TooLarge
├── NotFound
├── Conflict               the request is fine, the state is not
│   ├── IllegalTransition
│   └── StillInProgress      the same request was sent before, and is being answered
├── Forbidden / Unauthorized / TooManyRequests
├── Draining               the daemon is stopping
├── EngineError
│   ├── EngineUnavailable  no connection, not ready, died mid-answer
│   └── EngineRefused      the engine answered with an error
├── CanaryMismatch         the engine computes other numbers than the trainer recorded
├── TrainerError
│   ├── TrainerKilled      died without a word: may be tried again
│   ├── TrainerFailed      said why: trying again gives the same
│   └── TrainerStopped     we stopped it
├── IntegrityError         a file is not what its manifest says
└── StoreError
    ├── InsufficientStorage  the disk is full: worth another try once it is not
    ├── NewerSchema
    └── DataFolderLocked
"""

from __future__ import annotations

import errno


class SealdError(Exception):
    """Base of all. `code` is stable and machine-readable, `param` names the offending field or key."""

    code = "internal_error"

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        if code is not None:
            self.code = code


class ConfigError(SealdError):
    """A setting is unknown, of the wrong type, or impossible together with another."""

    code = "invalid_config"


class ModelUnavailable(SealdError):
    """`model.name` leads to no loadable model."""

    code = "model_unavailable"


class InvalidRequest(SealdError):
    """The caller must change the request before it can succeed."""

    code = "invalid_request"


class ContextTooLong(InvalidRequest):
    """Prompt and answer do not fit the model's context."""

    code = "context_length_exceeded"


class UnreadableDocument(InvalidRequest):
    """The document's format is known, its content cannot be had: empty, binary, encrypted, broken."""

    code = "unreadable_document"


class UnsupportedDocument(SealdError):
    """No parser is there for this kind of file."""

    code = "unsupported_document"


class TooLarge(SealdError):
    """Over a size limit of the configuration."""

    code = "too_large"


class NotFound(SealdError):
    """No such thing, or not for this caller."""

    code = "not_found"


class Conflict(SealdError):
    """The request is well-formed but the state of the thing does not allow it."""

    code = "conflict"


class IllegalTransition(Conflict):
    """A state change that `domain/` does not list, or that somebody else made first."""

    code = "illegal_transition"


class StillInProgress(Conflict):
    """The first request with this Idempotency-Key is being answered."""

    code = "idempotency_in_progress"


class Unauthorized(SealdError):
    """No key, or one that is unknown, expired or revoked."""

    code = "invalid_api_key"


class Forbidden(SealdError):
    """The key is good but lacks the scope."""

    code = "insufficient_scope"


class TooManyRequests(SealdError):
    """The key's limits are used up for now. `retry_after`: whole seconds until it is worth another try."""

    code = "rate_limit_exceeded"

    def __init__(self, message: str, *, retry_after: int, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class Draining(SealdError):
    """The daemon is stopping and takes no new work."""

    code = "draining"


class EngineError(SealdError):
    """Anything between us and the process that serves."""

    code = "engine_error"


class EngineUnavailable(EngineError):
    """No connection, not ready yet, or it died in the middle of an answer."""

    code = "engine_unavailable"


class EngineRefused(EngineError):
    """The engine answered, with an error. `status` is its HTTP status, `body` what it said."""

    code = "engine_refused"

    def __init__(self, message: str, *, status: int, body: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.body = body


class CanaryMismatch(EngineError):
    """The engine's log-probabilities under an adapter are not those that the trainer recorded."""

    code = "canary_mismatch"


class TrainerError(SealdError):
    """Anything between us and the process that trains."""

    code = "trainer_error"


class TrainerKilled(TrainerError):
    """The trainer died without saying why (a signal, the kernel's out-of-memory killer): worth another try."""

    code = "trainer_killed"


class TrainerFailed(TrainerError):
    """The trainer said why it stopped; the same job would fail again. `code` is the trainer's own."""

    code = "trainer_failed"


class TrainerStopped(TrainerError):
    """The job was stopped on request before it was done; its checkpoint is still there."""

    code = "trainer_stopped"


class IntegrityError(SealdError):
    """A file is not what its manifest says, or a manifest is missing."""

    code = "integrity_error"


class StoreError(SealdError):
    """Anything between us and the database or the data folder."""

    code = "store_error"


class InsufficientStorage(StoreError):
    """The disk is full, or this user's share of it."""

    code = "insufficient_storage"


class NewerSchema(StoreError):
    """The database was written by a newer seald than this one."""

    code = "newer_schema"


class DataFolderLocked(StoreError):
    """Another daemon works on this data folder; the message names it."""

    code = "data_folder_locked"


FULL = {errno.ENOSPC, errno.EDQUOT}
FAILING = {errno.EIO, errno.EROFS}


def of_disk(error: BaseException | None) -> StoreError | None:
    """What a disk that is full or failing has made of a write, at whatever remove; None: it is something else."""
    while error is not None:
        number = error.errno if isinstance(error, OSError) else None
        # What is written outside of Python says it in words.
        if number in FULL or "No space left on device" in str(error):
            return InsufficientStorage("there is no room left on the disk: make some, and what waits goes on by itself")
        if number in FAILING:
            return StoreError(f"the disk failed: {error}")
        error = error.__cause__ or error.__context__
    return None
