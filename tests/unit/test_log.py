from __future__ import annotations

import json
import subprocess
import sys

import pytest

SAY = """
import logging, sys, structlog
from seald.log import configure_logging
configure_logging("info", sys.argv[1])
log = structlog.get_logger("seald.x")
with structlog.contextvars.bound_contextvars(adaptation="adp-1"):
    log.info("step", status="training")
log.debug("unheard")
logging.getLogger("uvicorn.error").warning("a library says %s", "this")
try:
    secret = "swordfish"
    raise ValueError("broken")
except ValueError:
    log.exception("broke")
"""


def said(form: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", SAY, form], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    return done.stderr.splitlines()


@pytest.mark.parametrize("form", ["json", "auto"])
def test_where_no_terminal_is_every_line_is_one_object(form: str) -> None:
    step, library, broke = map(json.loads, said(form))
    assert step.pop("timestamp").endswith("Z")
    assert step == {"event": "step", "level": "info", "status": "training", "adaptation": "adp-1"}
    assert (library["event"], library["level"], library["logger"]) == (
        "a library says this",
        "warning",
        "uvicorn.error",
    )
    assert "ValueError: broken" in broke["exception"]
    assert "swordfish" not in broke["exception"]


def test_for_people_it_is_plain() -> None:
    first, second, *traceback = said("console")
    assert "step" in first
    assert "adaptation=adp-1" in first
    assert "a library says this" in second
    assert traceback[-1] == "ValueError: broken"
