from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from seald.serving.local.adapters import Adapter
from seald.serving.local.model import BASE_ROW
from seald.serving.local.sampling import Options
from seald.serving.local.sequence import Call, Prompt, Sequence
from seald.serving.local.waiting import Room, Waiting

ROOM = Room(rows=4, tokens=100, max_adapters=2, adapters=frozenset(), running={}, rows_per_call=3)


def call(key: str = BASE_ROW, *, writes: bool = True) -> Call:
    return Call(Adapter(key, key, ""), Options(max_tokens=int(writes)), tell=lambda _: None)


def prompt(of: Call, length: int, choices: int = 1) -> Prompt:
    return Prompt(of, [0] * length, cast(list[Sequence], [cast(Any, None)] * choices))


def waiting(*prompts: Prompt) -> Waiting:
    queue = Waiting(lambda prompt: prompt.remaining)
    queue.add(prompts)
    return queue


def test_prompts_are_taken_as_long_as_rows_and_padded_tokens_allow() -> None:
    a, b, c, d = (prompt(call(), length) for length in (10, 30, 40, 20))
    queue = waiting(a, b, c, d)
    assert queue.to_write(ROOM) == [a, b]
    assert queue.to_write(replace(ROOM, rows=1)) == [c]
    assert queue.to_write(replace(ROOM, rows=0)) == []


def test_one_call_cannot_take_every_row() -> None:
    many = call()
    prompts = [prompt(many, 1) for _ in range(6)]
    assert waiting(*prompts).to_write(ROOM) == prompts[:3]
    other = prompt(call(), 1)
    assert waiting(*prompts, other).to_write(replace(ROOM, running={many: 3})) == [other]


def test_a_call_with_fewer_rows_goes_first() -> None:
    busy = call()
    first, second = prompt(busy, 1), prompt(call(), 1)
    assert waiting(first, second).to_write(replace(ROOM, rows=1, running={busy: 1})) == [second]


def test_more_adapters_than_allowed_wait_but_the_base_does_not() -> None:
    queue = waiting(*(prompt(call(key), 1) for key in ("v1", "v2", "v3", BASE_ROW, "v1")))
    taken = [p.call.adapter.key for p in queue.to_write(replace(ROOM, rows=9))]
    assert taken == ["v1", "v2", BASE_ROW, "v1"]
    assert [p.call.adapter.key for p in queue.to_write(replace(ROOM, adapters={"v1", "v2"}))] == []


def test_short_prompts_pass_a_long_one_that_is_read_in_pieces() -> None:
    long, other_long = prompt(call(), 250), prompt(call(), 300)
    queue = waiting(long, other_long)
    order = []
    for _ in range(5):
        queue.add([prompt(call(), 10)])
        taken = queue.to_write(ROOM)
        order.append("long" if long in taken else f"{len(taken)} short")
        if long in taken:
            long.read = min(250, long.read + 100)
            if long.remaining:
                queue.put_back(long)
    assert order == ["long", "2 short", "long", "2 short", "long"]
    assert queue.to_write(ROOM) == [other_long]


def test_scoring_needs_no_row() -> None:
    scored = [prompt(call(writes=False), 20) for _ in range(3)]
    queue = waiting(*scored)
    assert queue.to_write(ROOM) == []
    assert queue.to_score(replace(ROOM, rows=0)) == scored


def test_a_cancelled_calls_prompts_are_forgotten() -> None:
    gone, stays = prompt(call(), 500), prompt(call(), 1)
    queue = waiting(gone, stays)
    queue.put_back(prompt(gone.call, 500))
    gone.call.cancelled = True
    queue.drop_cancelled()
    assert queue.all() == [stays]
