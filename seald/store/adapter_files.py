"""Folders of adapter versions: written whole or not at all, read only when the manifest vouches for every byte."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import ValidationError

from seald.domain.adapter import ADAPTER_CONFIG, MANIFEST, WEIGHTS, AdapterVersion, Manifest
from seald.errors import IntegrityError

VOUCHED = (ADAPTER_CONFIG, WEIGHTS)
"""What an engine reads."""
TRAINERS_RESULT = "result.json"
"""Lies in a draft until it is in place: without it the trainer would take the job for unfinished."""
DRAFTS = ".drafts"


class AdapterFolders:
    """Fulfils the port `AdapterFiles` below one folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, collection: str, version: int) -> Path:
        """`adapters/<collection>/<n>/`, whether there or not."""
        return self._root / collection / str(version)

    def draft(self, adaptation_id: str) -> Path:
        """Where the trainer of this adaptation leaves its files."""
        return self._root / DRAFTS / adaptation_id

    def hashes(self, draft: Path) -> dict[str, str]:
        """File name → sha256 of the files that a manifest vouches for. Raises IntegrityError when one is missing."""
        return {name: _hash(draft / name) for name in VOUCHED}

    def publish(self, draft: Path, manifest: Manifest) -> str:
        """Write the manifest into the trainer's folder, fsync, rename into place; return the manifest's sha256.

        Twice is once: the manifest that was there first is the one that counts.
        Raises IntegrityError when the folder holds other files than the manifest says, or the version is there with
        other weights.
        """
        target = self.folder(manifest.collection, manifest.version)
        if not target.exists():
            self._move_in(draft, target, manifest)
        (target / TRAINERS_RESULT).unlink(missing_ok=True)
        for folder in (target, target.parent, self._root):
            _sync(folder)
        held, sha256 = self._read(manifest.collection, manifest.version)
        if held.files != manifest.files:
            raise IntegrityError(f"{target} already holds other weights: versions are immutable; train a new one")
        shutil.rmtree(draft, ignore_errors=True)
        return sha256

    def _move_in(self, draft: Path, target: Path, manifest: Manifest) -> None:
        _require_exactly(draft, VOUCHED, str(draft), beside=(TRAINERS_RESULT, MANIFEST))
        if self.hashes(draft) != manifest.files:
            raise IntegrityError(f"{draft} is not what its manifest says; remove it and train again")
        (draft / MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
        for file in draft.iterdir():
            _sync(file)
        _sync(draft)
        target.parent.mkdir(parents=True, exist_ok=True)
        draft.rename(target)

    def verify(self, version: AdapterVersion) -> Manifest:
        """Hash every file against the manifest, and the manifest against what the database has of it.

        Raises IntegrityError, also when there is no folder.
        """
        label = version.label
        try:
            manifest, sha256 = self._read(version.collection, version.version)
        except OSError as error:
            raise IntegrityError(f"{label}: its files cannot be read: {error.strerror}") from error
        if manifest.files[WEIGHTS] != version.sha256 or version.manifest_sha256 not in (None, sha256):
            raise IntegrityError(f"{label}: its manifest is not the one it was made with; roll back to another version")
        return manifest

    def _read(self, collection: str, version: int) -> tuple[Manifest, str]:
        """The manifest, which vouches for every file, and its sha256. Raises IntegrityError."""
        folder = self.folder(collection, version)
        label = f"{collection}@{version}"
        _require_exactly(folder, (*VOUCHED, MANIFEST), label)
        manifest, sha256 = _read_manifest(folder / MANIFEST, label)
        if (manifest.collection, manifest.version) != (collection, version):
            raise IntegrityError(f"{label}: its manifest is that of {manifest.collection}@{manifest.version}")
        if set(manifest.files) != set(VOUCHED):
            raise IntegrityError(f"{label}: its manifest does not vouch for {', '.join(VOUCHED)}")
        for name, expected in manifest.files.items():
            if _hash(folder / name) != expected:
                raise IntegrityError(f"{label}: {name} is not what its manifest says; roll back to another version")
        return manifest, sha256

    def set_aside(self, version: AdapterVersion, to: Path) -> None:
        """Verify a version's files and copy them into `to`, whole or not at all. Raises IntegrityError."""
        if to.exists():
            return
        self.verify(version)
        draft = to.with_name(f"{to.name}.tmp")
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(self.folder(version.collection, version.version), draft)
        draft.rename(to)

    def remove(self, collection: str, version: int) -> None:
        """Delete a version's folder; none there is fine."""
        shutil.rmtree(self.folder(collection, version), ignore_errors=True)

    def sweep(self, known: Sequence[AdapterVersion], running: Iterable[str]) -> list[Path]:
        """Delete version folders without recorded weights, and drafts of no running adaptation; return what went."""
        owned = {self.folder(v.collection, v.version) for v in known if v.sha256 is not None}
        kept_drafts = {self.draft(id) for id in running}
        gone = [folder for folder in self._root.glob("*/*") if folder.is_dir() and not folder.is_symlink()]
        gone = sorted(folder for folder in gone if folder not in owned | kept_drafts)
        for folder in gone:
            # A killed daemon's trainer may be alive for one more moment and write there; the next sweep gets the rest.
            shutil.rmtree(folder, ignore_errors=True)
        return [folder for folder in gone if not folder.exists()]


def _require_exactly(folder: Path, names: Sequence[str], label: str, *, beside: Sequence[str] = ()) -> None:
    """Plain files of all `names`, perhaps of those in `beside`, and nothing else. Raises IntegrityError."""
    if folder.is_symlink() or not folder.is_dir():
        raise IntegrityError(
            f"{label}: it has no folder of its own; put it back, roll back to another version, or train again"
        )
    found = {entry.name: entry for entry in folder.iterdir()}
    for name in {*names, *(set(beside) & set(found))}:
        if name not in found or found[name].is_symlink() or not found[name].is_file():
            raise IntegrityError(f"{label}: {name} is missing or not a plain file; roll back to another version")
    surplus = sorted(set(found) - {*names, *beside})
    if surplus:
        raise IntegrityError(f"{label}: {', '.join(surplus)} does not belong there; take it away or roll back")


def _read_manifest(file: Path, label: str) -> tuple[Manifest, str]:
    content = file.read_bytes()
    try:
        return Manifest.model_validate_json(content), hashlib.sha256(content).hexdigest()
    except ValidationError as error:
        raise IntegrityError(f"{label}: its manifest cannot be read: {error.errors()[0]['msg']}") from None


def _hash(file: Path) -> str:
    if file.is_symlink() or not file.is_file():
        raise IntegrityError(f"{file} is missing or not a plain file")
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
