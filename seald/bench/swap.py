"""`seald bench swap`: the live version changes again and again under a steady load of streams.

Only one idle version stays resident, so that every change loads weights, puts them to the canary, moves the pointer,
and lets go of others. What the versions know does not matter here: they are trained in haste and any may serve.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Any, get_args

import httpx

from seald.bench.load import Connection, Reply, Server
from seald.bench.passages import BenchPassage
from seald.bench.serve import CHAT, daemon_on
from seald.config import Settings
from seald.domain.verdict import GuardName
from seald.errors import SealdError

VERSIONS = 3
TOKENS = 24
SETTLE_SECONDS = 1.0
LEARN_SECONDS = 1800
ASKED = ("integrity", "acquisition", "in_context")
"""Guards that a model of random weights passes, and the one that only tasks are put to."""
ANY_MAY_SERVE = {
    "SEALD_GUARDS__INCONCLUSIVE": "promote",
    "SEALD_GUARDS__ACQUISITION__MIN_ACCURACY": "0",
    "SEALD_GUARDS__ACQUISITION__MIN_LOGPROB_GAIN": "0",
    "SEALD_GUARDS__ACQUISITION__LEAST_ACCURACY": "0",
    **{f"SEALD_GUARDS__{guard.upper()}__MODE": "off" for guard in get_args(GuardName) if guard not in ASKED},
    "SEALD_COMPACTION__RETENTION_FALL": "1",
    "SEALD_POLICY__NAME": "none",
    "SEALD_WATCH__EVERY_MINUTES": "0",
}
"""For a daemon whose versions are to come and go, whatever they know."""
IN_HASTE = {**ANY_MAY_SERVE, "SEALD_ENGINE__KEEP_LOADED": "1"}

Tell = Callable[[str], None]


@dataclass
class Seen:
    """What the clients of the load saw."""

    replies: list[Reply] = field(default_factory=list)
    broken: int = 0
    """Connections that ended in the middle"""

    def failed(self) -> int:
        """Requests that were not answered whole."""
        return self.broken + sum(reply.status != 200 or b"data: [DONE]" not in reply.body for reply in self.replies)

    def mixed(self) -> int:
        """Replies with words of another version than their header says."""
        return sum(_versions(reply) != {reply.headers.get("x-seald-adapter", "")} for reply in self.replies)

    def first_of(self, label: str, since: float) -> float | None:
        """Seconds from `since` to the first byte of a reply by `label` that was asked for after it."""
        asked = [(reply.ended - reply.seconds, reply) for reply in self.replies]
        times = [
            start + reply.first - since
            for start, reply in asked
            if start >= since and reply.headers.get("x-seald-adapter") == label
        ]
        return min(times, default=None)


def measure(
    settings: Settings, documents: Sequence[BenchPassage], work: Path, swaps: int, streams: int, tell: Tell
) -> dict[str, float]:
    """`failed`, `mixed`, `replies`, `switch_p50_seconds` and `switch_p99_seconds`."""
    with daemon_on(settings, work, IN_HASTE) as daemon:
        for number, document in enumerate(documents[:VERSIONS], 1):
            _learn(daemon, document)
            tell(f"version {number}/{VERSIONS} is there")
        seen, decided = asyncio.run(_swap(daemon, swaps, streams, tell))
    took = [seen.first_of(label, since) for label, since in decided]
    switches = [seconds for seconds in took if seconds is not None]
    cuts = quantiles(switches, n=100, method="inclusive")
    return {
        "swaps": len(switches),
        "failed": seen.failed(),
        "mixed": seen.mixed(),
        "replies": len(seen.replies),
        "switch_p50_seconds": cuts[49],
        "switch_p99_seconds": cuts[98],
    }


async def _swap(daemon: Server, swaps: int, streams: int, tell: Tell) -> tuple[Seen, list[tuple[str, float]]]:
    """The load, and each change: which version was to serve, and when that was asked for."""
    seen, stop, decided = Seen(), asyncio.Event(), []
    load = [asyncio.create_task(_ask(daemon, seen, stop)) for _ in range(streams)]
    operator = Connection(daemon)
    for number in range(swaps):
        await asyncio.sleep(SETTLE_SECONDS)
        to = number % VERSIONS + 1
        began = time.perf_counter()
        reply = await operator.post("/v1/adapters/default/rollback", {"to": to})
        if reply.status != 200:
            raise SealdError(f"the change to default@{to} was refused: {reply.body[:300]!r}")
        decided.append((f"default@{to}", began))
        await _until_seen(seen, *decided[-1])
        tell(f"{number + 1}/{swaps}: default@{to}, {len(seen.replies)} replies so far")
    stop.set()
    await asyncio.gather(*load)
    operator.close()
    return seen, decided


async def _until_seen(seen: Seen, label: str, since: float) -> None:
    give_up = time.perf_counter() + 120
    while seen.first_of(label, since) is None and time.perf_counter() < give_up:
        await asyncio.sleep(0.05)


async def _ask(daemon: Server, seen: Seen, stop: asyncio.Event) -> None:
    body = {"model": "seald", "max_tokens": TOKENS, "stream": True, "ignore_eos": True}
    body |= {"messages": [{"role": "user", "content": "Tell me something."}]}
    connection = Connection(daemon)
    while not stop.is_set():
        try:
            seen.replies.append(await connection.post(CHAT, body))
        except (OSError, asyncio.IncompleteReadError):
            seen.broken += 1
            connection = Connection(daemon)
    connection.close()


def _versions(reply: Reply) -> set[str]:
    """The fingerprints of a stream's events."""
    found = set()
    for line in reply.body.split(b"\n"):
        with suppress(ValueError):
            event: Any = json.loads(line.removeprefix(b"data: "))
            found.add(str(event.get("system_fingerprint")))
    return found


def _learn(daemon: Server, document: BenchPassage) -> None:
    """Raises SealdError when the version was not promoted."""
    with httpx.Client(base_url=daemon.url, timeout=60, trust_env=False) as http:
        sent = http.post("/v1/documents", json={"title": document.title, "text": document.context}).json()
        give_up = time.monotonic() + LEARN_SECONDS
        while (found := http.get(f"/v1/adaptations/{sent['adaptation']}").json())["status"] != "promoted":
            ended = found["status"] in ("rejected", "held", "failed", "cancelled")
            if ended or time.monotonic() > give_up:
                raise SealdError(f"{document.title} is {found['status']}: {found['error']}")
            time.sleep(0.5)
