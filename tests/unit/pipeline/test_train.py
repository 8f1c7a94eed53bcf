"""What a candidate is trained from."""

from __future__ import annotations

from pathlib import Path

from seald.domain.adaptation import AdaptationStatus as S
from tests.unit.pipeline.conftest import Site
from tests.unit.pipeline.test_compact import MILL, PIER


def test_training_does_not_start_from_weights_that_were_tampered_with(tiny_model: Path, tmp_path: Path) -> None:
    site = Site(tmp_path, tiny_model)
    first = site.ingest(*MILL)
    site.walk()
    assert site.stores.adaptations.get(first).status is S.PROMOTED
    version = site.stores.adapters.get("default", 1)
    site.stores.adapter_files.verify(version)
    assert version.manifest_sha256 is not None
    file = site.stores.adapter_files.folder("default", 1) / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"\0")
    second = site.ingest(*PIER)
    site.walk()
    ended = site.stores.adaptations.get(second)
    assert ended.error is not None
    assert (ended.status, ended.error["code"], second in site.trainer.jobs) == (S.FAILED, "integrity_error", False)
    site.stores.close()
