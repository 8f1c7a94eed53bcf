"""Every metric that is read off at the scrape: what it means, and its labels, whose values are few by nature.

`collection` is the one label whose values clients choose; `metrics.py` bounds it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from prometheus_client.metrics_core import Metric

from seald.domain.sample import Sample


@dataclass(frozen=True)
class Family:
    """One metric; a counter is exposed with `_total` behind its name."""

    kind: Literal["counter", "gauge"]
    help: str
    labels: tuple[str, ...] = ()


FAMILIES: dict[str, Family] = {
    "seald_build_info": Family("gauge", "1; what runs here", ("version", "model", "engine")),
    "seald_schema_info": Family("gauge", "1; the revision that the database is at", ("revision",)),
    "seald_source_up": Family("gauge", "0: this part of the daemon could not be read at this scrape", ("source",)),
    "seald_ready": Family("gauge", "1: /readyz says so"),
    "seald_adaptations": Family("gauge", "Adaptations that have not ended, by status", ("status",)),
    "seald_adaptations_ended": Family("counter", "Adaptations by how they ended, since ever", ("kind", "outcome")),
    "seald_queue_age_seconds": Family("gauge", "Since the oldest queued adaptation was queued; 0: none is"),
    "seald_verdicts": Family("gauge", "Verdicts on all versions as they are kept", ("guard", "verdict")),
    "seald_live_moves": Family(
        "counter", "Moves of live pointers by who moved them: promotion, rollback, watch, forget", ("kind",)
    ),
    "seald_collections": Family("gauge", "Collections, of which no more than 50 have samples of their own"),
    "seald_live_version": Family("gauge", "The version that answers; 0: the base model", ("collection",)),
    "seald_documents": Family("gauge", "Documents that are there", ("collection",)),
    "seald_watch_paused": Family(
        "gauge", "1 where watching has rolled back as often as it may and waits for a person", ("collection",)
    ),
    "seald_steps": Family("counter", "Steps of adaptations taken since the start, failed ones too", ("kind", "step")),
    "seald_step_seconds": Family("counter", "Seconds that these steps took", ("kind", "step")),
    "seald_trainings": Family("counter", "Runs of the trainer since the start by how they ended", ("outcome",)),
    "seald_training_tokens": Family("counter", "Tokens trained on since the start"),
    "seald_training_seconds": Family("counter", "Seconds of training since the start, pauses left out"),
    "seald_engine_up": Family("gauge", "1: it serves, and answered this scrape within a second", ("replica",)),
    "seald_engine_resting": Family("gauge", "1: it sleeps on purpose while an adapter is trained", ("replica",)),
    "seald_engine_restarts": Family("counter", "Times that it was lost since the start, and begun anew", ("replica",)),
    "seald_engine_adapters": Family("gauge", "Adapter versions that it holds", ("replica",)),
    "seald_engine_in_flight": Family("gauge", "Requests that it is answering", ("replica",)),
    "seald_database_bytes": Family("gauge", "Size of the database"),
    "seald_database_writable": Family("gauge", "0: the database takes no writes"),
    "seald_disk_free_bytes": Family("gauge", "Free on the disk of the data folder"),
    "seald_disk_bytes": Family("gauge", "Size of the disk of the data folder"),
}


def families(samples: Iterable[Sample]) -> list[Metric]:
    """Every family, those without a sample too. Raises KeyError for a name that the table does not have."""
    made = {name: Metric(name, family.help, family.kind) for name, family in FAMILIES.items()}
    for sample in samples:
        ending = "_total" if FAMILIES[sample.name].kind == "counter" else ""
        made[sample.name].add_sample(sample.name + ending, dict(sample.labels), sample.value)
    return list(made.values())
