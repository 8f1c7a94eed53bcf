"""The end of a forgotten document: its probes are put to all that may be asked, then everything of it goes.

The probes are needed for measuring, so the order is: measure, delete files, empty the database with the certificate in
the same transaction, scrub the database's own files. A kill anywhere in between finds the rest to do.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import structlog

from seald.domain.adaptation import Adaptation, AdaptationStatus
from seald.domain.adapter import AdapterStatus, AdapterVersion
from seald.domain.certificate import Certificate, Checked, Removed
from seald.domain.probe import Probe, ProbeResult
from seald.errors import CanaryMismatch, EngineRefused, IntegrityError, StoreError
from seald.failpoint import around
from seald.guards import forgotten, probing
from seald.pipeline.known_results import file_of
from seald.pipeline.workshop import Workshop
from seald.ports import BASE

log = structlog.get_logger(__name__)


def certify(shop: Workshop, adaptation: Adaptation) -> dict[str, Any]:
    """Write the certificate of what `adaptation` takes back, unless it is there, and scrub; figures of it.

    Raises:
        EngineUnavailable, StoreError: not now; try again.
    """
    assert adaptation.forgets is not None, "only what forgets is certified"
    written = shop.forgetting.certificate(adaptation.forgets)
    if written is None:
        written = shop.forgetting.erase(_measure(shop, adaptation, adaptation.forgets))
        log.info("forgotten", document=adaptation.forgets, outcome=written.outcome, reason=written.reason)
    shop.forgetting.scrub(adaptation.forgets)
    counted = {"versions": len(written.removed.versions), "files": written.removed.files}
    return {"outcome": written.outcome, "probes": written.probes, **counted, "rows": sum(written.removed.rows.values())}


def _measure(shop: Workshop, adaptation: Adaptation, document: str) -> Certificate:
    probes = shop.probes.of_documents([document])
    alpha = shop.settings.guards.alpha
    base = probing.put(shop.engine, probes, BASE)
    checked, unchecked = _put_to_all(shop, _askable(shop, adaptation), probes, base)
    outcome, reason = forgotten.judge(base, checked, alpha)
    knew = shop.forgetting.known_by(document)
    live = shop.adapters.live(adaptation.collection)
    return Certificate(
        document=document,
        collection=adaptation.collection,
        adaptation=adaptation.id,
        outcome=outcome,
        reason=reason,
        rebuilt=live.version if live is not None and live.version == adaptation.version else None,
        live=live.label if live is not None else BASE,
        probes=len(probes),
        alpha=alpha,
        checked=(forgotten.check(BASE, base, base), *checked.values()),
        unchecked=tuple(unchecked),
        removed=Removed(versions=tuple(v.version for v in knew), files=_remove_files(shop, adaptation, knew)),
        at=shop.clock.now(),
    )


def _put_to_all(
    shop: Workshop, versions: Iterable[AdapterVersion], probes: Sequence[Probe], base: Sequence[ProbeResult]
) -> tuple[dict[str, Checked], list[str]]:
    """Figures by label; and what cannot be loaded."""
    checked: dict[str, Checked] = {}
    unchecked: list[str] = []
    for version in versions:
        try:
            with shop.serving.staged(version) as model:
                checked[version.label] = forgotten.check(version.label, base, probing.put(shop.engine, probes, model))
        except (IntegrityError, CanaryMismatch, EngineRefused) as error:
            log.warning("a version cannot be checked", version=version.label, reason=error.message)
            unchecked.append(version.label)
    return checked, unchecked


def _askable(shop: Workshop, adaptation: Adaptation) -> list[AdapterVersion]:
    """Every version that clients may ask, and the rebuilt one where it waits for a person."""
    held = adaptation.version if adaptation.status is AdaptationStatus.HELD else None
    versions = shop.adapters.of_collection(adaptation.collection)
    return [v for v in versions if v.sha256 and (v.status is AdapterStatus.APPROVED or v.version == held)]


def _remove_files(shop: Workshop, adaptation: Adaptation, knew: Iterable[AdapterVersion]) -> int:
    """Delete the weights, drafts and work of what knew it, adapters and learned policies; files that went."""
    folders: list[Path] = []
    tainted = shop.policies.tainted()
    ids = {version.adaptation_id for version in knew} | set(shop.forgetting.learned_by(adaptation.forgets or ""))
    for version in knew:
        if version.sha256 is not None:
            shop.serving.discard(version)
            file_of(shop, version).unlink(missing_ok=True)
        folders.append(shop.files.folder(version.collection, version.version))
    folders += [folder for id in ids for folder in (shop.files.draft(id), shop.work_folder(id))]
    folders += [shop.policy_files.folder(policy.version) for policy in tainted]
    for id in shop.forgetting.retrained_by(adaptation.forgets or ""):
        folders += left_by(shop, id)
    files = sum(1 for folder in folders for file in folder.rglob("*") if file.is_file())
    for folder in folders:
        with around("erase"):
            shutil.rmtree(folder, ignore_errors=True)
            if folder.exists():  # a certificate must not say that it is gone
                raise StoreError(f"{folder} cannot be deleted: see that its disk is well, and that this user may")
    for policy in tainted:
        shop.policies.erase(policy.version)
    return files


def left_by(shop: Workshop, retraining_id: str) -> list[Path]:
    """Drafts and work folders of a retraining: their names begin with its id."""
    places = (shop.policy_files.draft(retraining_id), shop.work_folder(retraining_id))
    return [folder for place in places for folder in place.parent.glob(f"{retraining_id}*")]
