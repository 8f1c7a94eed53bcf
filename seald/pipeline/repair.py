"""guarding → training, once more: a candidate that lost too much is trained on, with more of what it should keep."""

from __future__ import annotations

from pathlib import Path

from seald.domain.adapter import AdapterVersion
from seald.pipeline.known_results import file_of
from seald.pipeline.workshop import Workshop


def repair(shop: Workshop, candidate: AdapterVersion, reasons: str) -> None:
    """Set its weights aside as the start of the second stage, and send the adaptation back to training.

    The version keeps its number and gets other weights, which the engine knows by another name. Each step can be
    repeated: until the store has moved the adaptation, the candidate stands as it was.
    """
    shop.files.set_aside(candidate, stage(shop, candidate.adaptation_id, candidate.repairs + 1))
    shop.serving.discard(candidate)
    file_of(shop, candidate).unlink(missing_ok=True)
    shop.adapters.repair(candidate.adaptation_id, reasons=reasons)
    shop.files.remove(candidate.collection, candidate.version)


def stage(shop: Workshop, adaptation_id: str, repair: int) -> Path:
    """Where the weights lie that repair number `repair` starts from."""
    return shop.work_folder(adaptation_id) / f"before-repair-{repair}"
