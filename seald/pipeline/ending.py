"""What becomes of a job whose step raised: it waits, it was cancelled, or it failed, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from seald.errors import EngineUnavailable, SealdError, StoreError, TrainerStopped, of_disk
from seald.pipeline.workshop import Workshop

log = structlog.get_logger(__name__)

WAITS = (EngineUnavailable, StoreError)
"""No verdict on the job: its step is taken again."""


@contextmanager
def ending(
    shop: Workshop, *, cancelled: Callable[[], None], failed: Callable[[dict[str, str]], None]
) -> Iterator[None]:
    """Around one step: call `cancelled`, or `failed` with message and code, where that is how it ended.

    Raises WAITS, to which a failing disk comes down, too.
    """
    try:
        yield
    except TrainerStopped:
        if not shop.stopping.is_set():
            cancelled()
    except WAITS:
        raise
    except SealdError as error:
        failed({"message": error.message, "code": error.code})
    except Exception as error:
        if (disk := of_disk(error)) is not None:
            raise disk from error
        log.exception("a step broke")
        failed({"message": "internal error; the daemon's log has the details", "code": "internal_error"})
