"""What Prometheus may scrape."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from seald.api.engine_metrics import passed_through
from seald.api.families import families
from seald.domain.sample import Sample
from seald.errors import EngineError, EngineRefused, EngineUnavailable, SealdError
from seald.ports import BASE

log = structlog.get_logger(__name__)

CHAT_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320)
MOST_COLLECTIONS = 50
OTHER = "_other"
"""No collection can be called so."""


@dataclass(frozen=True)
class Sight:
    """What an operator sees the daemon by, besides its status."""

    sources: Mapping[str, Callable[[], Iterable[Sample]]]
    """By the name of what they tell of. Each may raise SealdError or OSError."""
    engines: Callable[[], Mapping[str, str | None]]
    """By replica: what it exposes at this moment, None where it does not serve or answer. Returns within a second."""
    alive: Callable[[], bool]
    """Whether the threads that nothing restarts are there."""
    no_writes: Callable[[], str | None]
    """Why the database takes no writes; None: it does."""


class Metrics:
    """The metrics of one app, in a registry of its own."""

    def __init__(self, sight: Sight, status: Callable[[], dict[str, Any]], version: str) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "seald_http_requests",
            "Answered requests; 499: the client hung up first",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._chat_seconds = Histogram(
            "seald_chat_seconds",
            "From a chat or completion request to the last byte of its answer",
            ["route", "stream"],
            buckets=CHAT_SECONDS,
            registry=self._registry,
        )
        self._in_flight = Gauge(
            "seald_chat_in_flight", "Chat and completion requests being answered", registry=self._registry
        )
        self._engine_requests = Counter(
            "seald_engine_requests",
            "Requests for the engine: answered, refused by it, unavailable (none answered), or broken off",
            ["outcome"],
            registry=self._registry,
        )
        for outcome in ("answered", "refused", "unavailable", "broken"):
            self._engine_requests.labels(outcome)
        self._feedback = Counter(
            "seald_feedback",
            "Ratings of answers as they came; one that replaces another counts, too",
            ["collection", "rating"],
            registry=self._registry,
        )
        self._named = _Names(MOST_COLLECTIONS)
        ProcessCollector(registry=self._registry)
        self._registry.register(_Scraped(sight, status, version, self._named))

    def count(self, *, method: str, route: str, status: int) -> None:
        """Count one answered request under its route's template."""
        self._requests.labels(method, route, str(status)).inc()

    def engine(self, outcome: str) -> None:
        """Count what became of one request for the engine."""
        self._engine_requests.labels(outcome).inc()

    def rated(self, collection: str, rating: str) -> None:
        """Count a rating, `up` or `down`, of an answer to a request for `collection`; empty: for `base`."""
        self._feedback.labels(self._named.bounded(collection or BASE), rating).inc()

    @contextmanager
    def chat(self, route: str, *, stream: bool) -> Iterator[None]:
        """Time one chat or completion request, and count it where the engine failed it."""
        begin = time.perf_counter()
        self._in_flight.inc()
        try:
            yield
        except EngineError as error:
            self.engine(_outcome(error))
            raise
        finally:
            self._in_flight.dec()
            self._chat_seconds.labels(route, str(stream).lower()).observe(time.perf_counter() - begin)

    def exposition(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self._registry)


def _outcome(error: EngineError) -> str:
    if isinstance(error, EngineRefused):
        return "refused"
    return "unavailable" if isinstance(error, EngineUnavailable) else "broken"


class _Names:
    """The first so many collections that were named have samples of their own, the others share theirs."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()

    def bounded(self, name: str) -> str:
        """The name itself, or `other`."""
        if name not in self._known and len(self._known) < self._most:
            self._known.add(name)
        return name if name in self._known else OTHER


class _Scraped(Collector):
    """Asked at the moment of the scrape, so that no change of state can be missed."""

    def __init__(self, sight: Sight, status: Callable[[], dict[str, Any]], version: str, named: _Names) -> None:
        self._sight = sight
        self._status = status
        self._version = version
        self._named = named

    def describe(self) -> list[Metric]:
        """The families without figures: registering must not ask the store."""
        return families(())

    def collect(self) -> Iterator[Metric]:
        """Ours, then those of the engines."""
        engines = self._sight.engines()
        samples = [Sample("seald_engine_up", text is not None, {"replica": name}) for name, text in engines.items()]
        samples.append(Sample("seald_database_writable", self._sight.no_writes() is None))
        for name, read in {"status": self._standing, **self._sight.sources}.items():
            try:
                samples += read()
            except (SealdError, OSError) as error:
                log.warning("not_scraped", source=name, error=str(error))
                samples.append(Sample("seald_source_up", 0, {"source": name}))
            else:
                samples.append(Sample("seald_source_up", 1, {"source": name}))
        yield from families(samples)
        yield from passed_through({name: text for name, text in engines.items() if text})

    def _standing(self) -> list[Sample]:
        found = self._status()
        engine = found["engine"]
        # A scrape asks for no key, and need not know where on this machine the model lies.
        model = found["model"].rpartition("/")[2]
        build = {"version": self._version, "model": model, "engine": engine["kind"]}
        adaptations = [Sample("seald_adaptations", n, {"status": s}) for s, n in found["adaptations"].items()]
        return [
            Sample("seald_build_info", 1, build),
            Sample("seald_ready", engine["ready"] and self._sight.no_writes() is None),
            Sample("seald_collections", len(found["collections"])),
            *adaptations,
            *self._summed(_of_collections(found["collections"])),
        ]

    def _summed(self, samples: Iterable[Sample]) -> Iterator[Sample]:
        """Those of collections beyond the bound as one."""
        rest: dict[str, float] = defaultdict(float)
        for sample in samples:
            if self._named.bounded(sample.labels["collection"]) != OTHER:
                yield sample
            elif sample.name != "seald_live_version":  # which has no sum
                rest[sample.name] += sample.value
        for name, value in rest.items():
            yield Sample(name, value, {"collection": OTHER})


def _of_collections(collections: Iterable[dict[str, Any]]) -> Iterator[Sample]:
    for one in collections:
        of = {"collection": one["name"]}
        yield Sample("seald_live_version", one["live"] or 0, of)
        yield Sample("seald_documents", one["documents"], of)
        yield Sample("seald_watch_paused", one["watch"]["state"] == "paused", of)
