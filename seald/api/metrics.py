"""What Prometheus may scrape."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

CHAT_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320)


class Metrics:
    """The metrics of one app, in a registry of its own."""

    def __init__(self, status: Callable[[], dict[str, Any]]) -> None:
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
        self._feedback = Counter(
            "seald_feedback",
            "Ratings of answers as they came, by the version that answered; one that replaces another counts, too",
            ["adapter", "rating"],
            registry=self._registry,
        )
        self._registry.register(_Standing(status))

    def count(self, *, method: str, route: str, status: int) -> None:
        """Count one answered request under its route's template."""
        self._requests.labels(method, route, str(status)).inc()

    def rated(self, adapter: str, rating: str) -> None:
        """Count a rating, `up` or `down`, of an answer of `adapter` (its label)."""
        self._feedback.labels(adapter, rating).inc()

    @contextmanager
    def chat(self, route: str, *, stream: bool) -> Iterator[None]:
        """Time one chat or completion request."""
        begin = time.perf_counter()
        self._in_flight.inc()
        try:
            yield
        finally:
            self._in_flight.dec()
            self._chat_seconds.labels(route, str(stream).lower()).observe(time.perf_counter() - begin)

    def exposition(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self._registry)


class _Standing(Collector):
    """Counts at the moment of the scrape, so that no change of state can be missed."""

    def __init__(self, status: Callable[[], dict[str, Any]]) -> None:
        self._status = status

    def describe(self) -> list[GaugeMetricFamily]:
        """The families without figures: registering must not ask the store."""
        return [_adaptations(), _paused()]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One sample a status, and one a collection."""
        found = self._status()
        adaptations, paused = _adaptations(), _paused()
        for status, count in found["adaptations"].items():
            adaptations.add_metric([status], count)
        for collection in found["collections"]:
            paused.add_metric([collection["name"]], collection["watch"]["state"] == "paused")
        yield from (adaptations, paused)


def _adaptations() -> GaugeMetricFamily:
    return GaugeMetricFamily("seald_adaptations", "Adaptations that are not finished, by status", labels=["status"])


def _paused() -> GaugeMetricFamily:
    said = "1 where watching has rolled back as often as it may and waits for a person"
    return GaugeMetricFamily("seald_watch_paused", said, labels=["collection"])
