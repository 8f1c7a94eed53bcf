"""What the engines themselves expose, passed through with the number of the replica."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

OURS = ("seald_", "process_", "python_")
"""What the daemon says of itself under these names, the engine says of another process."""
UNBOUNDED = frozenset({"vllm:lora_requests_info"})
"""A label of it lists adapters by name: each promotion would add samples for good."""


def passed_through(expositions: Mapping[str, str]) -> list[Metric]:
    """Each family once, with the samples of all replicas; `expositions` by replica. What is no exposition is left out
    whole: one broken line would cost the daemon's own metrics."""
    made: dict[str, Metric] = {}
    for replica, text in expositions.items():
        for family in _parsed(text):
            if family.name.startswith(OURS) or family.name in UNBOUNDED:
                continue
            kept = made.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            for sample in family.samples:
                kept.add_sample(sample.name, {**sample.labels, "replica": replica}, sample.value)
    return list(made.values())


def _parsed(text: str) -> list[Metric]:
    try:
        return list(text_string_to_metric_families(text))
    except ValueError:
        return []
