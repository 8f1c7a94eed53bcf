"""`seald bench serve`: the same requests straight to the engine and through the daemon, in turn.

What the daemon adds is measured before an engine that answers at once; what of that is left where an engine computes,
before the real one.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from seald.bench.cores import cores, running_on
from seald.bench.ground import engine_of
from seald.bench.load import Reply, Server, send
from seald.config import Settings
from seald.errors import EngineUnavailable
from seald.ports import BASE
from seald.serving.command import free_port
from seald.serving.model import resolve_model

CHAT = "/v1/chat/completions"
ROUNDS = 5
PROBES = 200
"""Requests of a round one after the other, for the latency that is added."""
BURST = 1000
"""Requests of a round at once, for how many a second the daemon passes on."""
AT_ONCE = 16
START_SECONDS = 600
LOG_CHARACTERS = 2000

Tell = Callable[[str], None]


def before_a_stub(work: Path, tell: Tell) -> dict[str, float]:
    """`added_latency_p50_ms` and `requests_per_second`: of a daemon that has a core for itself, where there are two."""
    daemons, others = cores()
    with ExitStack() as stack:
        stack.enter_context(running_on(others))
        engine = stack.enter_context(stub_engine(work))
        with running_on(daemons):
            daemon = stack.enter_context(daemon_before(engine, work / "stub"))
        warm(engine, daemon)
        added, rates = [], []
        for number in range(ROUNDS):
            direct, through = (_p50(run(server, _short(PROBES), 1)) for server in (engine, daemon))
            added.append((through - direct) * 1000)
            replies = run(daemon, _short(BURST), AT_ONCE)
            rates.append(BURST / _span(replies))
            tell(f"stub, round {number + 1}/{ROUNDS}: {added[-1]:.2f} ms added, {rates[-1]:.0f} requests a second")
    return {"added_latency_p50_ms": median(added), "requests_per_second": median(rates)}


def before_the_engine(settings: Settings, work: Path, requests: int, tokens: int, tell: Tell) -> dict[str, float]:
    """`throughput_ratio` and `ttft_ratio`, through the daemon over direct, and both rates in tokens a second."""
    bodies = _streams(requests, tokens)
    with real_engine(settings, work) as engine, daemon_before(engine, work / "engine", settings) as daemon:
        warm(engine, daemon)
        rates: dict[Server, list[float]] = {engine: [], daemon: []}
        firsts: dict[Server, list[float]] = {engine: [], daemon: []}
        for number in range(ROUNDS):
            for server in (engine, daemon) if number % 2 else (daemon, engine):
                replies = run(server, bodies, AT_ONCE)
                rates[server].append(requests * tokens / _span(replies))
                firsts[server].append(median(reply.first for reply in replies))
            tell(f"engine, round {number + 1}/{ROUNDS}: {rates[daemon][-1] / rates[engine][-1]:.3f} of its throughput")
    both = list(zip(rates[daemon], rates[engine], strict=True))
    return {
        "throughput_ratio": median(through / direct for through, direct in both),
        "ttft_ratio": median(t / d for t, d in zip(firsts[daemon], firsts[engine], strict=True)),
        "tokens_per_second_direct": median(rates[engine]),
        "tokens_per_second_through": median(rates[daemon]),
    }


def run(server: Server, bodies: Sequence[dict[str, Any]], at_once: int) -> list[Reply]:
    """Send all of them. Raises EngineUnavailable when one was not answered, or not with 200."""
    try:
        replies = asyncio.run(send(server, CHAT, bodies, at_once))
    except (OSError, EOFError) as error:
        raise EngineUnavailable(f"{server.url} broke off an answer: {error or type(error).__name__}") from error
    bad = [reply for reply in replies if reply.status != 200]
    if bad:
        raise EngineUnavailable(f"{len(bad)} of {len(replies)} requests failed: {bad[0].body[:300]!r}")
    return replies


def warm(*servers: Server) -> None:
    """What is slow the first time is not measured."""
    for server in servers:
        run(server, _short(AT_ONCE), AT_ONCE)


@contextmanager
def real_engine(settings: Settings, work: Path) -> Iterator[Server]:
    """The engine that `settings` name, with a key that we know."""
    with engine_of(settings, resolve_model(settings.model, settings.cache), work) as (_, command):
        yield Server(command.url, command.key)


@contextmanager
def stub_engine(work: Path) -> Iterator[Server]:
    """A process that answers at once."""
    server = Server(f"http://127.0.0.1:{free_port()}")
    command = [sys.executable, "-m", "seald.bench.stub_engine", server.url.rpartition(":")[2]]
    with _process(command, {}, server, "/health", work / "stub-engine.log"):
        yield server


@contextmanager
def daemon_before(engine: Server, data: Path, settings: Settings | None = None) -> Iterator[Server]:
    """A daemon that passes on to `engine`."""
    environment = {
        "SEALD_ENGINE__KIND": "external",
        "SEALD_ENGINE__URL": engine.url,
        "SEALD_ENGINE_KEY": engine.key or "",
    }
    with daemon_on(settings, data, environment) as server:
        yield server


@contextmanager
def daemon_on(settings: Settings | None, data: Path, environment: dict[str, str]) -> Iterator[Server]:
    """A daemon with what `settings` say of model and engine, and `environment` over it."""
    server = Server(f"http://127.0.0.1:{free_port()}")
    port = server.url.rpartition(":")[2]
    command = [sys.executable, "-m", "seald", "serve", "--data-dir", str(data), "--port", port]
    known = _as_environment(settings) if settings is not None else {}
    with _process(command, known | environment, server, "/readyz", data / "bench.log"):
        yield server


def _as_environment(settings: Settings) -> dict[str, str]:
    engine, model = settings.engine, settings.model
    return {
        "SEALD_MODEL__NAME": model.name,
        "SEALD_MODEL__CACHE_DIR": str(settings.cache),
        "SEALD_ENGINE__KIND": engine.kind,
        "SEALD_ENGINE__COMMAND": json.dumps(engine.command),
        "SEALD_ENGINE__ARGS": json.dumps(engine.args),
    }


@contextmanager
def _process(command: list[str], environment: dict[str, str], server: Server, ready: str, log: Path) -> Iterator[None]:
    """Whatever goes wrong while it runs is told with what it wrote to standard error last."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        said = stack.enter_context(log.open("wb"))
        process = subprocess.Popen(command, stderr=said, env={**os.environ, **environment})
        stack.callback(process.wait)
        stack.callback(process.terminate)
        try:
            _wait_until(server, ready, process)
            yield
        except EngineUnavailable as error:
            ending = f"it ended with code {process.poll()}, and" if process.poll() is not None else "it"
            raise EngineUnavailable(
                f"{error.message}; {' '.join(command)}: {ending} said last:\n{_tail(log)}"
            ) from error


def _wait_until(server: Server, ready: str, process: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + START_SECONDS
    while not _answers(server, ready):
        if process.poll() is not None or time.monotonic() > give_up:
            raise EngineUnavailable(f"nothing answers {server.url}{ready}")
        time.sleep(0.1)


def _tail(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-LOG_CHARACTERS:]


def _answers(server: Server, path: str) -> bool:
    try:
        return httpx.get(f"{server.url}{path}", timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _short(count: int) -> list[dict[str, Any]]:
    body = {"model": BASE, "messages": [{"role": "user", "content": "Yes or no?"}], "max_tokens": 1, "temperature": 0}
    return [body] * count


def _streams(count: int, tokens: int) -> list[dict[str, Any]]:
    """Each asks something else, so that no prompt's cache answers for another."""
    fixed = {"model": BASE, "max_tokens": tokens, "temperature": 0, "stream": True, "ignore_eos": True}
    asked = [[{"role": "user", "content": f"Tell me about the number {number}."}] for number in range(count)]
    return [{**fixed, "messages": messages} for messages in asked]


def _p50(replies: Sequence[Reply]) -> float:
    return median(reply.seconds for reply in replies)


def _span(replies: Sequence[Reply]) -> float:
    """Seconds from the first request's beginning to the last one's end."""
    return max(reply.ended for reply in replies) - min(reply.ended - reply.seconds for reply in replies)
