"""The machine that a figure was measured on, in a few words. Needs no torch."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path
from typing import Any

import psutil

from seald.training.pace import cores


def describe() -> dict[str, Any]:
    """Cores that this process may use, processor, memory in GB, GPUs by name, system and Python."""
    return {
        "cores": cores(),
        "cpu": _cpu(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "gpus": _lines("nvidia-smi", "--query-gpu=name", "--format=csv,noheader"),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8", errors="replace").splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name") and ":" in line]
    names += _lines("sysctl", "-n", "machdep.cpu.brand_string") if platform.system() == "Darwin" else []
    return names[0] if names else platform.processor() or platform.machine()


def _lines(*command: str) -> list[str]:
    """What a command prints; nothing if it is missing or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]
