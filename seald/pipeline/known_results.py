"""What versions made of probes: asked once, kept by the engine's name for the weights, which is never given anew.

A candidate's results are those of the live version when the next document comes, and the mark that later losses are
counted from. Only ids, outcomes and log-probabilities are kept, no words of any probe.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from seald.domain.adapter import AdapterVersion
from seald.domain.probe import Probe, ProbeResult
from seald.guards import probing
from seald.pipeline.workshop import Workshop
from seald.ports import BASE

FOLDER = "results"
_SHAPE = TypeAdapter(dict[str, ProbeResult])


def results(shop: Workshop, probes: Sequence[Probe], version: AdapterVersion | None) -> list[ProbeResult]:
    """What `version` (None: the base) makes of each probe, in their order; asked is only what nobody knows yet.

    Raises:
        IntegrityError, CanaryMismatch, EngineUnavailable, EngineRefused: the version cannot be asked.
    """
    known = recorded(shop, version)
    missing = [probe for probe in probes if probe.id not in known]
    if missing:
        with shop.serving.staged(version) if version is not None else nullcontext(BASE) as model:
            found = probing.put(shop.engine, missing, model)
        known |= {result.probe_id: result.model_copy(update={"reply": None}) for result in found}
        _write(file_of(shop, version), known)
    return [known[probe.id] for probe in probes]


def recorded(shop: Workshop, version: AdapterVersion | None) -> dict[str, ProbeResult]:
    """All that is known of a version, by probe; nothing is asked."""
    try:
        return _SHAPE.validate_json(file_of(shop, version).read_bytes())
    except (OSError, ValidationError):
        return {}


def file_of(shop: Workshop, version: AdapterVersion | None) -> Path:
    """Where the results of a version's weights are kept."""
    name = version.engine_name if version is not None else f"{BASE}-{shop.base.sha256[:16]}"
    return shop.work / FOLDER / f"{name}.json"


def _write(file: Path, known: dict[str, ProbeResult]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".tmp")
    draft.write_bytes(_SHAPE.dump_json(known))
    draft.replace(file)
