"""One engine child: started, watched, ended with all that it started itself; what it says goes into our logs."""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import threading
from contextlib import closing, suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

import structlog

from seald.serving.command import EngineCommand

HEAD = re.compile(rb".{,60}?\b(WARNING|ERROR|CRITICAL)\b( [^\[]{,20}\[[^]]*\])?")
"""How a line begins that has a level; vLLM's goes on with time and place, the same for all lines of one message."""
LOG_BYTES = 16 * 1024 * 1024
LOG_FILES = 3

log = structlog.get_logger(__name__)


class EngineProcess:
    """Of one life; an external engine (no `argv`) has none to start or end, and never exits."""

    def __init__(self, command: EngineCommand, log_file: Path) -> None:
        self._log_file = log_file
        self._process = _start(command) if command.argv else None
        self._listener = threading.Thread(target=self._listen, name="engine-log", daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int | None:
        """None for an engine that is not ours."""
        return self._process.pid if self._process is not None else None

    def exit_code(self) -> int | None:
        """None as long as it runs."""
        return self._process.poll() if self._process is not None else None

    def end(self, *, patience: float) -> None:
        """Ask it to leave, wait `patience` seconds, kill."""
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
        self._listener.join(timeout=2.0)

    def _listen(self) -> None:
        if self._process is None or self._process.stdout is None:
            return
        self._log_file.parent.mkdir(parents=True, exist_ok=True)
        file = RotatingFileHandler(self._log_file, maxBytes=LOG_BYTES, backupCount=LOG_FILES, delay=True)
        head = b""
        with closing(file), self._process.stdout as said:
            for line in said:
                # A handler swallows what a full disk makes of it: an engine must not wait for our log.
                file.handle(logging.makeLogRecord({"msg": line.decode(errors="replace").rstrip()}))
                head = self._repeat(line, head)

    def _repeat(self, line: bytes, last: bytes) -> bytes:
        """Of a traceback the first line. `last` is how the line before it began; returned is how this one does."""
        head = HEAD.match(line)
        if head is not None and not (head[2] and head[0] == last):
            say = log.warning if head[1] == b"WARNING" else log.error
            say("the engine says", line=line.decode(errors="replace").rstrip(), log=str(self._log_file))
        return head[0] if head is not None else b""


def _start(command: EngineCommand) -> subprocess.Popen[bytes]:
    # Its standard input is ours to hold: when we die, however we die, it reads the end and leaves too.
    return subprocess.Popen(
        command.argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=command.full_environment(),
        start_new_session=True,
    )
