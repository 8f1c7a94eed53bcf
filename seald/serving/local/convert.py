"""`python -m seald.serving.local.convert --gguf FILE --out DIR`: a GGUF as a folder that engine and trainer load.

Weights are dequantised to fp32 safetensors; tokenizer and chat template come out of the same file. `DIR` appears whole
or not at all.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from seald.errors import ModelUnavailable


def convert(gguf: Path, out: Path) -> None:
    """Write the model of `gguf` to the new folder `out`.

    Raises:
        ModelUnavailable: the file cannot be read, or lacks what a chat needs.
    """
    if not gguf.is_file():
        raise ModelUnavailable(f"{gguf} is not there; give the path of a GGUF file")
    out.parent.mkdir(parents=True, exist_ok=True)
    _clear_leftovers(out)
    work = out.parent / f".{out.name}.{os.getpid()}"
    work.mkdir()
    try:
        _write(gguf, work)
        _sync(work)
        _move(work, out)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _clear_leftovers(out: Path) -> None:
    """Remove what conversions left that were killed; the folder's name ends in the process that made it."""
    for folder in out.parent.glob(f".{out.name}.*"):
        owner = folder.suffix[1:]
        if owner.isdigit() and not _runs(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError as error:
        return not isinstance(error, ProcessLookupError)
    return True


def _write(gguf: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        source = {"gguf_file": gguf.name, "local_files_only": True}
        model: Any = AutoModelForCausalLM.from_pretrained(str(gguf.parent), dtype=torch.float32, **source)
        tokenizer: Any = AutoTokenizer.from_pretrained(str(gguf.parent), **source)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelUnavailable(f"{gguf} cannot be read as a model: {error}") from error
    if tokenizer.eos_token_id is None or tokenizer.chat_template is None:
        raise ModelUnavailable(f"{gguf} has no end-of-text token or no chat template; use an instruction-tuned model")
    # The weights are plain fp32 now; what is left of the GGUF quantiser would make them be read as quantised.
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.config._name_or_path = model.config.name_or_path = gguf.stem
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _sync(folder: Path) -> None:
    for file in folder.iterdir():
        file.chmod(0o644)
        _fsync(file)
    folder.chmod(0o755)
    _fsync(folder)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _move(work: Path, out: Path) -> None:
    try:
        work.rename(out)
    except OSError:
        # Somebody converted the same file meanwhile: theirs is as good.
        if not (out / "config.json").is_file():
            raise
    _fsync(out.parent)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m seald.serving.local.convert", description=__doc__)
    parser.add_argument("--gguf", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    os.environ.update(HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1", TQDM_DISABLE="1")
    try:
        convert(arguments.gguf, arguments.out)
    except ModelUnavailable as error:
        sys.exit(error.message)


if __name__ == "__main__":
    main()
