"""What the trainer left becomes an immutable version: manifest, folder in place, hashes in the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seald import __version__
from seald.domain.adapter import WEIGHTS, AdapterVersion, Manifest
from seald.domain.training import TrainingJob, TrainingResult
from seald.errors import IllegalTransition
from seald.pipeline.workshop import Workshop

CANARY_TEXTS = (
    "The quick brown fox jumps over the lazy dog, and the river runs down to the sea.",
    "Water boils at one hundred degrees Celsius at sea level. Ice melts at zero.",
)
"""By which an engine shows that it computes what the trainer did."""


def publish(
    shop: Workshop,
    version: AdapterVersion,
    job: TrainingJob,
    result: TrainingResult,
    *,
    policy: str,
    positions: Sequence[int] = (),
) -> None:
    """Put the files of a trained version in place; twice is once. `policy` wrote what it learned, which stands in the
    ledger at `positions`.

    Raises:
        IntegrityError: the files are not what was trained.
        IllegalTransition: the version has other weights, or what it was trained for was deleted meanwhile; no file is
            left then.
    """
    draft = shop.files.draft(version.adaptation_id)
    manifest = Manifest(
        seald=__version__,
        collection=version.collection,
        version=version.version,
        parent=version.parent,
        adaptation=version.adaptation_id,
        files=shop.files.hashes(draft),
        base_model=shop.base.name,
        base_sha256=shop.base.sha256,
        documents=version.documents,
        ledger=(min(positions), max(positions)) if positions else None,
        policy=policy,
        recipe=job.recipe,
        seed=job.seed,
        repairs=version.repairs,
        figures=_figures(job, result),
        canaries=result.canaries,
        created=shop.clock.now(),
    )
    manifest_sha256 = shop.files.publish(draft, manifest)
    shop.adaptations.add_figures(version.adaptation_id, {"training": manifest.figures})
    try:
        shop.adapters.record_weights(version.collection, version.version, manifest.files[WEIGHTS], manifest_sha256)
    except IllegalTransition:  # what it was trained for is gone
        shop.files.remove(version.collection, version.version)
        raise


def _figures(job: TrainingJob, result: TrainingResult) -> dict[str, Any]:
    figures = result.model_dump(exclude={"canaries", "layer_norms"})
    if result.largest_layer is not None:
        name, share = result.largest_layer
        figures |= {"layers": len(result.layer_norms), "largest_layer": name, "largest_layer_share": round(share, 4)}
    lines = {"fresh_lines": len(job.fresh), "replay_lines": len(job.replay), "general_lines": len(job.general)}
    return {**figures, **lines, "tokens_per_second": round(result.tokens / max(result.seconds, 1e-9), 1)}
