"""What the folders of every kind of version have in common: written whole or not at all, read only when the manifest
vouches for every byte."""

from __future__ import annotations

import hashlib
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import ValidationError

from seald.domain.adapter import ADAPTER_CONFIG, MANIFEST, WEIGHTS, AdapterVersion, Manifest
from seald.domain.policy_version import PolicyManifest, PolicyVersion
from seald.errors import IntegrityError
from seald.failpoint import around

VOUCHED = (ADAPTER_CONFIG, WEIGHTS)
"""What an engine reads."""
TRAINERS_RESULT = "result.json"
"""Lies in a draft until it is in place: without it the trainer would take the job for unfinished."""
DRAFTS = ".drafts"

M = TypeVar("M", Manifest, PolicyManifest)


class VersionFolders(ABC, Generic[M]):
    """Folders below `root`, and the drafts of those to come. `kind` is what their manifests are."""

    def __init__(self, root: Path, kind: type[M]) -> None:
        self._root = root
        self._kind: type[M] = kind

    @abstractmethod
    def _home(self, manifest: M) -> Path:
        """The folder of the version that a manifest is of."""

    def draft(self, name: str) -> Path:
        """Where a trainer leaves its files."""
        return self._root / DRAFTS / name

    def hashes(self, draft: Path) -> dict[str, str]:
        """File name → sha256 of the files that a manifest vouches for. Raises IntegrityError when one is missing."""
        return {name: _hash(draft / name) for name in VOUCHED}

    def publish(self, draft: Path, manifest: M) -> str:
        """Write the manifest into the trainer's folder, fsync, rename into place; return the manifest's sha256.

        Twice is once: the manifest that was there first is the one that counts.
        Raises IntegrityError when the folder holds other files than the manifest says, or the version is there with
        other weights.
        """
        target = self._home(manifest)
        if not target.exists():
            self._move_in(draft, target, manifest)
        (target / TRAINERS_RESULT).unlink(missing_ok=True)
        for folder in (target, target.parent, self._root):
            _sync(folder)
        held, sha256 = self._read(target, str(target))
        if held.files != manifest.files:
            raise IntegrityError(f"{target} already holds other weights: versions are immutable; train a new one")
        shutil.rmtree(draft, ignore_errors=True)
        return sha256

    def _move_in(self, draft: Path, target: Path, manifest: M) -> None:
        _require_exactly(draft, VOUCHED, str(draft), beside=(TRAINERS_RESULT, MANIFEST))
        if self.hashes(draft) != manifest.files:
            raise IntegrityError(f"{draft} is not what its manifest says; remove it and train again")
        (draft / MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
        for file in draft.iterdir():
            _sync(file)
        _sync(draft)
        target.parent.mkdir(parents=True, exist_ok=True)
        with around("publish"):
            draft.rename(target)

    def _verify(self, folder: Path, version: AdapterVersion | PolicyVersion) -> M:
        """Hash every file against the manifest, and the manifest against what the database has of it.

        Raises IntegrityError, also when there is no folder.
        """
        label = version.label
        try:
            manifest, sha256 = self._read(folder, label)
        except OSError as error:
            raise IntegrityError(f"{label}: its files cannot be read: {error.strerror}") from error
        if manifest.files[WEIGHTS] != version.sha256 or version.manifest_sha256 not in (None, sha256):
            raise IntegrityError(f"{label}: its manifest is not the one it was made with; roll back to another version")
        return manifest

    def _read(self, folder: Path, label: str) -> tuple[M, str]:
        """The manifest, which vouches for every file, and its sha256. Raises IntegrityError."""
        _require_exactly(folder, (*VOUCHED, MANIFEST), label)
        manifest, sha256 = self._read_manifest(folder / MANIFEST, label)
        if self._home(manifest) != folder:
            raise IntegrityError(f"{label}: its manifest is another version's, of {self._home(manifest)}")
        if set(manifest.files) != set(VOUCHED):
            raise IntegrityError(f"{label}: its manifest does not vouch for {', '.join(VOUCHED)}")
        for name, expected in manifest.files.items():
            if _hash(folder / name) != expected:
                raise IntegrityError(f"{label}: {name} is not what its manifest says; roll back to another version")
        return manifest, sha256

    def _read_manifest(self, file: Path, label: str) -> tuple[M, str]:
        content = file.read_bytes()
        try:
            return self._kind.model_validate_json(content), hashlib.sha256(content).hexdigest()
        except ValidationError as error:
            raise IntegrityError(f"{label}: its manifest cannot be read: {error.errors()[0]['msg']}") from None

    def _sweep(self, found: Iterable[Path], owned: Collection[Path], running: Iterable[str]) -> list[Path]:
        """Delete those folders `found` that are neither `owned` nor drafts of what is `running`; return what went."""
        kept = {*owned, *map(self.draft, running)}
        gone = sorted(f for f in found if f.is_dir() and not f.is_symlink() and f not in kept)
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
