"""Structured logs on standard error: one line an event, with the fields that an operator greps for."""

from __future__ import annotations

import io
import logging
import sys
from contextlib import suppress
from typing import Literal, TextIO, cast

import structlog
from structlog.typing import Processor

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class _StandardError(io.TextIOBase):
    """What it does not take, since it goes to a full disk, is lost: no work fails for want of a log."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()


def configure_logging(level: str, form: Literal["auto", "console", "json"] = "console") -> None:
    """Send structlog at `level`, and the libraries' own warnings, to standard error; `auto` is `console` on a terminal
    and `json` elsewhere."""
    as_json = form == "json" or (form == "auto" and not sys.stderr.isatty())
    written = _json() if as_json else _console()
    known: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    _libraries([*known, structlog.stdlib.add_logger_name], written)
    structlog.configure(
        processors=[*known, *written],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _StandardError())),
    )


def _console() -> list[Processor]:
    # Plain: the rich one prints local variables, and a document's text is not for the log.
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]


def _json() -> list[Processor]:
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def _libraries(known: list[Processor], written: list[Processor]) -> None:
    last = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *written]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=known, processors=last))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
