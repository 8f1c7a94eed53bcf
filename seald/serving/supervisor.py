"""Keeps the engine process alive: start, wait until it answers, restore what must be live, restart with backoff."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog

from seald.errors import SealdError
from seald.serving.command import EngineCommand

BACKOFF_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
SETTLED_SECONDS = 60.0
"""An engine that lived this long is taken to be well: the next restart begins with the shortest wait again."""
POLL_SECONDS = 0.2

log = structlog.get_logger(__name__)


class Supervisor:
    """Runs one engine child in a thread of its own; an external engine (no `argv`) is only watched."""

    def __init__(
        self,
        command: EngineCommand,
        *,
        healthy: Callable[[], bool],
        restore: Callable[[], None],
        log_file: Path,
        start_seconds: float,
    ) -> None:
        self._command = command
        self._healthy = healthy
        self._restore = restore
        self._log_file = log_file
        self._start_seconds = start_seconds
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._detail = "starting"
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="engine-supervisor", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End the engine: ask, wait ten seconds, kill."""
        self._stopping.set()
        self._ready.clear()
        self._end_process(patience=10.0)
        self._thread.join(timeout=15.0)

    def ready(self) -> tuple[bool, str]:
        """Whether the engine answers with what must be live, and if not, why."""
        return self._ready.is_set(), self._detail

    def wait_ready(self, seconds: float) -> bool:
        """Block until ready or the time is over."""
        return self._ready.wait(seconds)

    @property
    def pid(self) -> int | None:
        """Of the engine child; None while there is none."""
        return self._process.pid if self._process is not None else None

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            self._live_once()
            failures = 0 if time.monotonic() - began > SETTLED_SECONDS else failures + 1
            wait = BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS)) - 1] if failures else BACKOFF_SECONDS[0]
            self._stopping.wait(wait)

    def _live_once(self) -> None:
        """One life of the engine, from its start to its end."""
        self._start_process()
        if self._wait_healthy() and self._bring_to_wanted_state():
            self._watch()
        self._ready.clear()
        self._end_process(patience=5.0)
        if not self._stopping.is_set():
            log.warning("engine is down", detail=self._detail)

    def _start_process(self) -> None:
        self._detail = "starting"
        if not self._command.argv:
            return
        self._log_file.parent.mkdir(parents=True, exist_ok=True)
        with self._log_file.open("ab") as output:
            # Its standard input is ours to hold: when we die, however we die, it reads the end and leaves too.
            self._process = subprocess.Popen(
                self._command.argv,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._command.full_environment(),
                start_new_session=True,
            )

    def _wait_healthy(self) -> bool:
        deadline = time.monotonic() + self._start_seconds
        while not self._stopping.is_set() and time.monotonic() < deadline:
            if self._exited():
                return False
            if self._healthy():
                return True
            self._stopping.wait(POLL_SECONDS)
        self._detail = f"no answer within {self._start_seconds:.0f} s; see {self._log_file}"
        return False

    def _bring_to_wanted_state(self) -> bool:
        self._detail = "loading adapters"
        try:
            self._restore()
        except SealdError as error:
            self._detail = error.message
            return False
        if not self._exited():
            self._detail = "ready"
            self._ready.set()
            log.info("engine is ready", kind=self._command.kind, url=self._command.url)
        return True

    def _watch(self) -> None:
        while not self._stopping.is_set() and not self._exited():
            if not self._command.argv and not self._healthy():
                self._detail = f"{self._command.url} does not answer"
                return
            self._stopping.wait(POLL_SECONDS if self._command.argv else 2.0)

    def _exited(self) -> bool:
        if self._process is None or self._process.poll() is None:
            return False
        self._detail = f"the engine ended with code {self._process.returncode}; see {self._log_file}"
        return True

    def _end_process(self, *, patience: float) -> None:
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                process.kill()
        process.wait()
        # What it started itself and left behind: it leads a group of its own.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        if process.stdin is not None:
            process.stdin.close()
