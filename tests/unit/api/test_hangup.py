from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.types import Send

from seald.api.hangup import unless_hung_up

Message = dict[str, Any]


def told(*messages: str, after: float = 0.0) -> Callable[[], Awaitable[Message]]:
    waiting = list(messages)

    async def receive() -> Message:
        if not waiting:
            await asyncio.Event().wait()
        await asyncio.sleep(after)
        return {"type": waiting.pop(0)}

    return receive


async def nowhere(message: Any) -> None:
    """Sends nothing."""


class Work:
    """Takes `seconds`, then cleans up for a moment."""

    def __init__(self, seconds: float, error: Exception | None = None) -> None:
        self._seconds = seconds
        self._error = error
        self.cleaned = False
        self.cancelled = False

    async def __call__(self, send: Send) -> None:
        try:
            await asyncio.sleep(self._seconds)
            if self._error is not None:
                raise self._error
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        finally:
            await asyncio.sleep(0.01)
            self.cleaned = True


def test_work_that_is_waited_for_ends_by_itself_and_the_task_goes_on() -> None:
    async def scenario() -> None:
        work = Work(0.01)
        await unless_hung_up(work, told(), nowhere)
        assert work.cleaned
        assert not work.cancelled
        await asyncio.sleep(0.01)
        assert len(asyncio.all_tasks()) == 1, "the watch is still there"

    asyncio.run(scenario())


def test_a_hang_up_cancels_the_work_and_nothing_else() -> None:
    async def scenario() -> None:
        work = Work(60)
        await unless_hung_up(work, told("http.request", "http.disconnect"), nowhere)
        assert work.cleaned
        assert work.cancelled
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        await asyncio.sleep(0.01)

    asyncio.run(scenario())


def test_the_works_own_errors_come_through() -> None:
    async def scenario() -> None:
        with pytest.raises(OSError, match="disk gone"):
            await unless_hung_up(Work(0.01, OSError("disk gone")), told(), nowhere)
        await asyncio.sleep(0.01)

    asyncio.run(scenario())


def test_a_hang_up_as_the_work_ends_is_none_of_the_next_works_business() -> None:
    async def scenario() -> None:
        for delay in (0.0, 0.001, 0.01, 0.011, 0.02):
            await unless_hung_up(Work(0.01), told("http.disconnect", after=delay), nowhere)
            await asyncio.sleep(0.03)

    asyncio.run(scenario())


@pytest.mark.parametrize("messages", [(), ("http.disconnect",)])
def test_whoever_else_cancels_is_obeyed(messages: tuple[str, ...]) -> None:
    async def scenario() -> None:
        work = Work(60)
        running = asyncio.create_task(unless_hung_up(work, told(*messages, after=0.02), nowhere))
        await asyncio.sleep(0.0195)
        running.cancel()
        await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await running
        assert work.cleaned

    asyncio.run(scenario())


def test_a_timeout_around_it_still_works() -> None:
    async def scenario() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await unless_hung_up(Work(60), told(), nowhere)

    asyncio.run(scenario())


def test_the_hang_up_that_follows_the_last_part_leaves_the_cleanup_alone() -> None:
    sent = asyncio.Event()

    async def receive() -> Message:
        await sent.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.set()

    class Answer(Work):
        async def __call__(self, send: Send) -> None:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            await super().__call__(send)

    async def scenario() -> None:
        answer = Answer(0.01)
        await unless_hung_up(answer, receive, send)
        assert answer.cleaned
        assert not answer.cancelled

    asyncio.run(scenario())
