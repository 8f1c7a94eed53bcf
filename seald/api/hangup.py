"""Work that nobody waits for any more is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from starlette.types import Message, Receive, Send


async def unless_hung_up(answer: Callable[[Send], Coroutine[Any, Any, None]], receive: Receive, send: Send) -> None:
    """Await `answer`, which is given a `send`; cancel it when the client is gone before the last part is sent.

    Its cleanup is awaited, its exceptions come through. `receive` must have given the whole body already, so that the
    next thing it tells is the hang-up.
    """
    worker = asyncio.current_task()
    assert worker is not None
    others = worker.cancelling()
    # The watch cancels this very task, as `asyncio.timeout` does: a task of its own for the work would cost a sixth of
    # a short chat.
    watch = asyncio.ensure_future(_cancel_at_hang_up(worker, receive))

    async def watched(message: Message) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            # From here on `receive` tells of a hang-up in any case.
            watch.cancel()
        await send(message)

    try:
        await answer(watched)
    except asyncio.CancelledError:
        if not _hung_up(watch) or worker.cancelling() > others + 1:
            raise
    finally:
        if _hung_up(watch):
            worker.uncancel()
        else:
            watch.cancel()


def _hung_up(watch: asyncio.Task[None]) -> bool:
    return watch.done() and not watch.cancelled()


async def _cancel_at_hang_up(worker: asyncio.Task[Any], receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    worker.cancel()
