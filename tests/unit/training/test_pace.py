"""The trainer makes room while requests are being answered."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from seald.training.pace import EXIT_ORPHANED, Pace


def test_threads_follow_the_load() -> None:
    asked: list[int] = []
    pace = Pace(threads=4, busy_threads=1, busy_share=1.0)
    pace.breathe(asked.append)
    pace.set_busy(True)
    pace.breathe(asked.append)
    pace.breathe(asked.append)
    pace.set_busy(False)
    pace.breathe(asked.append)
    assert asked == [4, 1, 4]
    assert pace.paused_seconds == 0


def test_it_rests_for_its_share_of_the_time() -> None:
    pace = Pace(threads=1, busy_threads=1, busy_share=0.25)
    pace.set_busy(True)
    pace.breathe(lambda _: None)
    before = pace.paused_seconds
    time.sleep(0.02)
    pace.breathe(lambda _: None)
    assert pace.paused_seconds - before == pytest.approx(0.06, rel=0.5)


def test_the_end_of_the_control_lines_ends_the_process() -> None:
    code = (
        "import time; from seald.training.pace import Pace\n"
        "Pace(threads=1, busy_threads=1, busy_share=1).listen(); time.sleep(60)"
    )
    child = subprocess.run([sys.executable, "-c", code], input="busy\nidle\n", text=True, timeout=30)
    assert child.returncode == EXIT_ORPHANED
