from __future__ import annotations

import errno
import signal
import subprocess
import sys
from collections import Counter

import pytest

from seald import failpoint

PASS = "from seald.failpoint import failpoint\nfor _ in range({passes}): failpoint('{stage}')\nprint('through')"


def in_a_process(asked: str, stage: str, passes: int) -> subprocess.CompletedProcess[str]:
    code = PASS.format(stage=stage, passes=passes)
    variable = {failpoint.VARIABLE: asked}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=variable, check=False)


@pytest.mark.parametrize(
    ("kind", "raised"),
    [("eio", errno.EIO), ("enospc", errno.ENOSPC), ("oom", MemoryError)],
)
def test_the_nth_passing_of_its_stage_and_no_other(monkeypatch: pytest.MonkeyPatch, kind: str, raised: object) -> None:
    monkeypatch.setattr(failpoint, "_faults", failpoint.read(f"publish:3:{kind}"))
    monkeypatch.setattr(failpoint, "_passed", Counter())
    failpoint.failpoint("commit")
    with failpoint.around("publish"):
        pass
    with pytest.raises((OSError, MemoryError)) as caught, failpoint.around("publish"):
        pytest.fail("the fault comes before")
    assert getattr(caught.value, "errno", type(caught.value)) == raised
    failpoint.failpoint("publish")


@pytest.mark.parametrize(("stage", "kind"), [("commit", "kill"), ("checkpoint", "oom")])
def test_a_kill_is_the_kernels(stage: str, kind: str) -> None:
    """Also where a trainer finds no memory."""
    met = in_a_process(f"erase:1:eio, {stage}:2:{kind}", stage, 2)
    assert (met.returncode, met.stdout, met.stderr) == (-signal.SIGKILL, "", f"failpoint {stage}:2:{kind}\n")
    assert in_a_process(f"{stage}:2:{kind}", stage, 1).stdout == "through\n"


@pytest.mark.parametrize("asked", ["commit", "commit:1", "commit:0:kill", "comit:1:kill", "commit:1:kil", "a:1:kill:1"])
def test_what_cannot_be_asked_for_is_said_at_once(asked: str) -> None:
    with pytest.raises(ValueError, match="stage:n:kind"):
        failpoint.read(asked)
    refused = in_a_process(asked, "commit", 1)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"SEALD_FAILPOINT is '{asked}'")
