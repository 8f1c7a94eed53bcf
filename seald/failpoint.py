"""Faults on demand, for tests: `SEALD_FAILPOINT=stage:n:kind` lets one happen when a stage is passed for the n-th time.

Several are separated by commas. Each process counts for itself, from its start on. Every stage is passed twice, right
before what it is named for and right after: a kill makes a difference there. Without the variable nothing is counted.
"""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, get_args

Stage = Literal["commit", "publish", "load", "erase", "checkpoint", "output"]
"""In the daemon: `commit` a write to the database; `publish` the renaming of an adapter's or a policy's folder, from
what a trainer left to the draft and from there to the version; `load` an adapter into an engine; `erase` the deletion
of a forgotten document's folder, and the database's rewriting. In the trainer, the renaming of `checkpoint` and
`output`."""
Kind = Literal["kill", "eio", "enospc", "oom"]
"""`kill`: SIGKILL. `eio`, `enospc`: OSError. `oom`: MemoryError in the daemon, in the trainer the kernel's SIGKILL."""
TRAINERS: tuple[Stage, ...] = ("checkpoint", "output")
VARIABLE = "SEALD_FAILPOINT"


def failpoint(stage: Stage) -> None:
    """Pass a stage once.

    Raises:
        OSError, MemoryError: what the variable asks for.
    """
    if not _faults:
        return
    with _counting:
        _passed[stage] += 1
        passed = _passed[stage]
    kind = _faults.get((stage, passed))
    if kind is not None:
        os.write(2, f"failpoint {stage}:{passed}:{kind}\n".encode())
        _happen(stage, kind)


@contextmanager
def around(stage: Stage) -> Iterator[None]:
    """Pass a stage before and after the block."""
    failpoint(stage)
    yield
    failpoint(stage)


def read(text: str) -> dict[tuple[Stage, int], Kind]:
    """Faults by stage and pass. Raises ValueError, which says what can be asked for."""
    found: dict[tuple[Stage, int], Kind] = {}
    for part in text.split(",") if text else ():
        stage, n, kind = (*part.strip().split(":"), "", "")[:3]
        if (
            stage not in get_args(Stage)
            or kind not in get_args(Kind)
            or not n.isdecimal()
            or int(n) < 1
            or part.count(":") != 2
        ):
            known = f"stage {', '.join(get_args(Stage))}; n from 1; kind {', '.join(get_args(Kind))}"
            raise ValueError(f"{VARIABLE} is {text!r}: give stage:n:kind, several with commas ({known})")
        found[stage, int(n)] = kind  # type: ignore[index,assignment]
    return found


def _happen(stage: Stage, kind: Kind) -> None:
    if kind == "kill" or (kind == "oom" and stage in TRAINERS):
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "oom":
        raise MemoryError(f"failpoint {stage}")
    number = errno.EIO if kind == "eio" else errno.ENOSPC
    raise OSError(number, os.strerror(number), f"failpoint {stage}")


def _asked_for() -> dict[tuple[Stage, int], Kind]:
    try:
        return read(os.environ.get(VARIABLE, ""))
    except ValueError as error:
        raise SystemExit(str(error)) from None


_counting = threading.Lock()
_passed: Counter[Stage] = Counter()
_faults = _asked_for()
