"""`python -m seald.serving.local`: load the model, then listen until told to stop."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from pathlib import Path

DRAIN_SECONDS = 5


def main() -> None:
    """Run the engine process. Its key, if any, is in SEALD_ENGINE_KEY."""
    arguments = _arguments()
    if arguments.exit_with_parent:
        threading.Thread(target=_exit_with_parent, daemon=True).start()
    _be_quiet()
    _share_the_cores(arguments.threads)
    _serve(arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m seald.serving.local", description="The bundled engine of seald.")
    parser.add_argument("--model", type=Path, required=True, help="folder of a model (safetensors)")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--served-model-name", default="base")
    parser.add_argument("--max-model-len", type=int, default=2048, help="tokens of prompt and answer")
    parser.add_argument("--max-num-seqs", type=_positive, default=16, help="sequences written at once")
    parser.add_argument("--max-loras", type=_positive, default=8, help="different adapters in one batch")
    parser.add_argument("--max-lora-rank", type=_positive, default=64)
    parser.add_argument("--threads", type=int, default=0, help="of torch; 0 leaves it to torch")
    parser.add_argument("--exit-with-parent", action="store_true", help="exit when standard input ends")
    return parser.parse_args()


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _exit_with_parent() -> None:
    # However the parent dies, the kernel closes its end of our standard input.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(0)


def _be_quiet() -> None:
    """Nothing is downloaded, counted or shown as a progress bar. Read by the libraries when they are imported."""
    for name in ("HF_HUB_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS"):
        os.environ[name] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"


def _share_the_cores(threads: int) -> None:
    # OpenMP's threads spin while they wait and starve a trainer on the same cores; read when torch loads libgomp.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    import torch

    if threads:
        torch.set_num_threads(threads)


def _serve(arguments: argparse.Namespace) -> None:
    import uvicorn
    from transformers.utils import logging as transformers_logging

    from seald.serving.local.engine import EngineSettings, LocalEngine
    from seald.serving.local.routes import create_app

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.basicConfig(level=os.environ.get("SEALD_ENGINE_LOG", "INFO"), format="%(levelname)s %(name)s: %(message)s")
    engine = LocalEngine(
        EngineSettings(
            model=arguments.model,
            served_model_name=arguments.served_model_name,
            max_model_len=arguments.max_model_len,
            max_num_seqs=arguments.max_num_seqs,
            max_loras=arguments.max_loras,
            max_lora_rank=arguments.max_lora_rank,
        )
    )
    app = create_app(engine, key=os.environ.get("SEALD_ENGINE_KEY"))
    # uvicorn raises the signal again once it has shut down: without a handler that would be our exit status.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    engine.start()
    uvicorn.run(
        app,
        host=arguments.host,
        port=arguments.port,
        log_config=None,
        access_log=logging.getLogger().isEnabledFor(logging.DEBUG),
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    engine.stop()


if __name__ == "__main__":
    main()
