"""Keeps an engine alive: start, wait until it answers, restore what must be live, restart with backoff; sleep, wake.

It is the breaker, too: an engine that has died or fallen silent gets no request, so that each is refused at once, until
it answers again with what must be live.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Protocol

import structlog

from seald.errors import EngineError
from seald.serving.command import EngineCommand
from seald.serving.engine_process import EngineProcess

BACKOFF_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
SETTLED_SECONDS = 60.0
"""An engine that lived this long is taken to be well: the next restart begins with the shortest wait again."""
POLL_SECONDS = 0.2
EXTERNAL_POLL_SECONDS = 2.0
BEAT_SECONDS = 2.0
"""How often one of ours is asked whether it is there."""
SILENT_SECONDS = 10.0
"""After so long without an answer it gets no more requests: it was stopped, or hangs."""
LOST_SECONDS = 30.0
"""After so long it is ended, which breaks what it was answering off, and started anew."""
MEND_SECONDS = 30.0
"""How often an engine that serves without a version that it should hold is given it again."""

log = structlog.get_logger(__name__)


class Answering(Protocol):
    """The engine as the supervisor speaks to it."""

    def healthy(self) -> bool:
        """Whether it answers."""
        ...

    def sleep(self) -> None:
        """Give its memory back. Raises EngineError."""
        ...

    def wake_up(self) -> None:
        """Take the memory again. Raises EngineError."""
        ...


class Charge(Protocol):
    """Whoever sends the engine requests."""

    def restore(self) -> bool:
        """The engine answers: load what must be live, then send it requests. False: not all could be loaded.

        Raises EngineError when it cannot be served from.
        """
        ...

    def withdraw(self) -> None:
        """Send it no more requests."""
        ...

    def idle(self) -> bool:
        """Whether none is being answered."""
        ...


class Supervisor:
    """Tends one engine in a thread of its own; an external one (no `argv`) is only watched."""

    def __init__(
        self,
        command: EngineCommand,
        engine: Answering,
        charge: Charge,
        *,
        log_file: Path,
        start_seconds: float,
        drain_seconds: float,
    ) -> None:
        self._command = command
        self._engine = engine
        self._charge = charge
        self._log_file = log_file
        self._start_seconds = start_seconds
        self._drain_seconds = drain_seconds
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._bedtime = threading.Event()
        self._asleep = threading.Event()
        self.resting = False
        """From the moment when it is to sleep until it serves again."""
        self.restarts = 0
        """Times that it was lost, or did not come up."""
        self._detail = "starting"
        self._whole = True
        self._process: EngineProcess | None = None
        self._thread = threading.Thread(target=self._run, name="engine-supervisor", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End the engine: ask, wait ten seconds, kill."""
        self._stopping.set()
        self._ready.clear()
        if self._process is not None:
            self._process.end(patience=10.0)
        if self._thread.ident is not None:  # else it was never started, for the daemon cannot
            self._thread.join(timeout=15.0)

    def sleep(self) -> None:
        """Let it answer what it has begun, then give its memory back; returns when that is done."""
        self.resting = True
        self._bedtime.set()
        while not self._asleep.wait(POLL_SECONDS) and not self._stopping.is_set():
            pass

    def wake(self) -> None:
        """End its sleep; it serves again once it has been restored."""
        self._bedtime.clear()

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
            if self._bedtime.is_set():
                self._lie()
                failures = 0
                continue
            failures = 0 if time.monotonic() - began > SETTLED_SECONDS else failures + 1
            self._stopping.wait(BACKOFF_SECONDS[min(max(failures, 1), len(BACKOFF_SECONDS)) - 1])

    def _live_once(self) -> None:
        """One life of the engine, from its start to its end, whatever ends it."""
        self._detail = "starting"
        try:
            self._process = EngineProcess(self._command, self._log_file)
            if self._wait_healthy() and self._serve():
                while self._bedtime.is_set() and self._nap() and self._serve(after_nap=True):
                    pass
        except Exception:  # no memory, a disk that fails: nobody else would ever start it again
            self._detail = "it could not be tended; the daemon's log says why"
            log.exception("the engine could not be tended")
        self._retire()
        if self._process is not None:
            self._process.end(patience=5.0)
        if not self._stopping.is_set() and not self._bedtime.is_set():
            self.restarts += 1
            log.warning("engine is down", detail=self._detail)

    def _wait_healthy(self) -> bool:
        deadline = time.monotonic() + self._start_seconds
        while not self._stopping.is_set() and time.monotonic() < deadline:
            if self._exited():
                return False
            if self._engine.healthy():
                return True
            self._stopping.wait(POLL_SECONDS)
        self._detail = f"no answer within {self._start_seconds:.0f} s; see {self._log_file}"
        return False

    def _serve(self, *, after_nap: bool = False) -> bool:
        """Bring it to the wanted state and watch it. True: it is well, and is to go to sleep."""
        return self._open(after_nap=after_nap) and self._watch()

    def _open(self, *, after_nap: bool = False) -> bool:
        """Bring it to the wanted state and send it requests. False: it is to end."""
        self._detail = "loading adapters"
        if not self._restore():
            return False
        if after_nap and not self._whole:
            # Under the same names the prefix cache would go on with what the wrong weights computed.
            log.error("the engine woke up with other weights than it fell asleep with; it is started anew")
            return False
        if self._exited():
            return False
        self._detail = "ready"
        self._ready.set()
        self.resting = self._bedtime.is_set()
        log.info("engine is ready", kind=self._command.kind, url=self._command.url)
        return True

    def _restore(self) -> bool:
        """Whether it can be served from, be it not whole."""
        try:
            self._whole = self._charge.restore()
        except EngineError as error:
            self._detail = error.message
            return False
        return True

    def _watch(self) -> bool:
        beat = BEAT_SECONDS if self._command.argv else EXTERNAL_POLL_SECONDS
        mended = heard = time.monotonic()
        while not self._stopping.is_set() and not self._exited() and not self._bedtime.is_set():
            if time.monotonic() - heard >= beat:
                if not self._hear():
                    return False
                heard = time.monotonic()
            if not self._whole and time.monotonic() - mended > MEND_SECONDS:
                mended = time.monotonic()
                if not self._restore():
                    return False
            self._stopping.wait(POLL_SECONDS)
        return self._bedtime.is_set() and not self._exited()

    def _hear(self) -> bool:
        """Whether it answers, now or soon enough. Somebody else's is not waited for: it is not ours to restart."""
        since = time.monotonic()
        while not self._engine.healthy():
            silent = time.monotonic() - since
            self._detail = f"{self._command.url} does not answer" + (
                f" for {silent:.0f} s" if self._command.argv else ""
            )
            if not self._command.argv or silent > LOST_SECONDS or self._stopping.is_set() or self._exited():
                return False
            if silent > SILENT_SECONDS and self._ready.is_set():
                log.warning("the engine is silent", detail=self._detail)
                self._retire()
            self._stopping.wait(POLL_SECONDS)
        self._detail = "ready"
        return self._ready.is_set() or self._open()

    def _nap(self) -> bool:
        """Sleep inside the process, where the engine can; False: its process is to end for that."""
        self._retire()
        give_up = time.monotonic() + self._drain_seconds
        while not self._charge.idle() and time.monotonic() < give_up and not self._stopping.is_set():
            self._stopping.wait(POLL_SECONDS / 4)
        if not self._command.sleeps:
            return False
        try:
            self._engine.sleep()
            self._lie()
            self._engine.wake_up()
        except EngineError as error:
            self._detail = error.message
            return False
        return not self._exited()

    def _lie(self) -> None:
        self._detail = "sleeping"
        self._asleep.set()
        while self._bedtime.is_set() and not self._stopping.is_set():
            self._stopping.wait(POLL_SECONDS / 4)
        self._asleep.clear()
        self._detail = "waking up"

    def _retire(self) -> None:
        self._ready.clear()
        self._charge.withdraw()

    def _exited(self) -> bool:
        code = self._process.exit_code() if self._process is not None else None
        if code is None:
            return False
        self._detail = f"the engine ended with code {code}; see {self._log_file}"
        return True
