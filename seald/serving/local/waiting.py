"""Prompts that have not been read yet, and which of them come next."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass

from seald.serving.local.model import BASE_ROW
from seald.serving.local.sequence import Call, Prompt


@dataclass(frozen=True)
class Room:
    """What the running batch can still take.

    Rows free, tokens of this step, adapters there and how many there may be (the base does not count), and the rows
    that each call has and may have: one of many prompts must not shut out all others.
    """

    rows: int
    tokens: int
    max_adapters: int
    adapters: Set[str]
    running: Mapping[Call, int]
    rows_per_call: int


class Waiting:
    """Two queues, since prompts that are only scored need no row in the batch.

    A prompt longer than a step's tokens is read in pieces, one such prompt at a time, every other step, so that
    short prompts pass it by. `unread` says how many tokens of a prompt would have to be read now.
    """

    def __init__(self, unread: Callable[[Prompt], int]) -> None:
        self._unread = unread
        self._writing: deque[Prompt] = deque()
        self._scoring: deque[Prompt] = deque()
        self._partial: dict[bool, Prompt | None] = {True: None, False: None}
        self._turn = {True: False, False: False}

    def __len__(self) -> int:
        return len(self.all())

    def all(self) -> list[Prompt]:
        """Every prompt, begun or not."""
        return [*self._writing, *self._scoring, *(p for p in self._partial.values() if p is not None)]

    def add(self, prompts: Iterable[Prompt]) -> None:
        """Queue prompts behind those already there."""
        for prompt in prompts:
            (self._writing if prompt.writes else self._scoring).append(prompt)

    def drop_cancelled(self) -> None:
        """Forget the prompts of cancelled calls."""
        for queue in (self._writing, self._scoring):
            kept = [prompt for prompt in queue if not prompt.call.cancelled]
            queue.clear()
            queue.extend(kept)
        for kind, partial in self._partial.items():
            if partial is not None and partial.call.cancelled:
                self._partial[kind] = None

    def to_write(self, room: Room) -> list[Prompt]:
        """Prompts to read now whose continuations then join the batch."""
        return self._next(self._writing, room, writing=True)

    def to_score(self, room: Room) -> list[Prompt]:
        """Prompts to read now only for their scores."""
        return self._next(self._scoring, room, writing=False)

    def put_back(self, prompt: Prompt) -> None:
        """A prompt of which another piece was read and more is left."""
        self._partial[prompt.writes] = prompt

    def _next(self, queue: deque[Prompt], room: Room, *, writing: bool) -> list[Prompt]:
        partial = self._partial[writing]
        self._turn[writing] = not self._turn[writing]
        if partial is not None and self._turn[writing]:
            self._partial[writing] = None
            return [partial]
        reserved = len(partial.sequences) if partial is not None and writing else 0
        short = self._pick(queue, room, room.rows - reserved if writing else len(queue), may_be_long=partial is None)
        if short or partial is None:
            return short
        self._partial[writing] = None
        return [partial]

    def _pick(self, queue: deque[Prompt], room: Room, rows: int, *, may_be_long: bool) -> list[Prompt]:
        """Take prompts in the order of how few rows their call has running, as long as all that is bounded allows."""
        picked: list[Prompt] = []
        running, adapters = dict(room.running), set(room.adapters)
        limit = None if may_be_long else room.tokens
        while True:
            can = Room(rows, room.tokens, room.max_adapters, adapters, running, room.rows_per_call)
            prompt = _first(queue, can, limit)
            if prompt is None or (picked and self._padded([*picked, prompt]) > room.tokens):
                return picked
            queue.remove(prompt)
            picked.append(prompt)
            rows -= len(prompt.sequences)
            adapters |= {prompt.call.adapter.key} - {BASE_ROW}
            running[prompt.call] = running.get(prompt.call, 0) + len(prompt.sequences)

    def _padded(self, prompts: list[Prompt]) -> int:
        """Tokens of one pass over these: every row is as long as the longest, less what all of them know."""
        known = min(prompt.remaining - self._unread(prompt) for prompt in prompts)
        return len(prompts) * (max(prompt.remaining for prompt in prompts) - known)


def _first(queue: deque[Prompt], room: Room, longest: int | None) -> Prompt | None:
    fitting = [p for p in queue if _fits(p, room) and (longest is None or p.remaining <= longest)]
    return min(fitting, key=lambda prompt: room.running.get(prompt.call, 0), default=None)


def _fits(prompt: Prompt, room: Room) -> bool:
    call, rows = prompt.call, len(prompt.sequences)
    had = room.running.get(call, 0)
    in_share = not prompt.writes or had == 0 or had + rows <= room.rows_per_call
    welcome = call.adapter.key in {BASE_ROW, *room.adapters} or len(room.adapters) < room.max_adapters
    return rows <= room.rows and in_share and welcome
