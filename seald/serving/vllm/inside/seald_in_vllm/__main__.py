"""`python -m seald_in_vllm ARGUMENTS`: vLLM's API server, which ends with whoever holds its standard input.

Not `vllm serve`: the CPU build's distribution has another name, which that command does not find.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

from seald_in_vllm import sleeping

PATIENCE_SECONDS = 10.0


def _end_with_parent() -> None:
    # However the parent dies, the kernel closes its end of our standard input. The engine's processes share our group.
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(PATIENCE_SECONDS)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    # Read by this thread only: vLLM's processes are given an empty standard input of their own.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.argv[0] = "vllm"
    if "--enable-sleep-mode" in sys.argv:
        sleeping.install()
    runpy.run_module("vllm.entrypoints.openai.api_server", run_name="__main__", alter_sys=True)
