"""OpenTelemetry: a span a request, where the standard OTEL_* variables name somebody to send it to."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import MutableMapping
from typing import Any

import structlog
from fastapi.telemetry import TelemetryConfig

log = structlog.get_logger(__name__)

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROBED = frozenset({"/livez", "/readyz", "/metrics"})
"""Asked every few seconds, by nobody who wants to read about it."""


def telemetry() -> TelemetryConfig:
    """FastAPI's own instrumentation: on where an endpoint is named and the extra `otel` is installed. Its metrics would
    be a second set of ours; its logs would quote exceptions."""
    named = any(os.environ.get(name) for name in ENDPOINTS)
    if named and importlib.util.find_spec("opentelemetry.sdk") is None:
        log.warning("an endpoint for traces is named, but there is nothing to send them with: install seald[otel]")
        named = False
    return {
        "tracing": named,
        "auto_configure": named,
        "metrics": False,
        "logs": False,
        "operation_spans": False,
        "exclude": _is_probe,
    }


def _is_probe(scope: MutableMapping[str, Any]) -> bool:
    return scope["path"] in PROBED
