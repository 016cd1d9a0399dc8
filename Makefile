# Everything a checkout needs; each target makes its environment on first use.
#   make setup TORCH=gpu        torch with CUDA, from pip's own index; kept until TORCH=cpu is said
#   make audit PYTHON=python3.12   another interpreter, 3.11 or newer
#   make test ARGS="-k gate"    further arguments for audit or pytest

PYTHON ?= python3
VENV ?= .venv
LATEST := .venv-latest
JOBS ?= 2
TORCH ?= $(patsubst $(VENV)/.ready-%,%,$(firstword $(wildcard $(VENV)/.ready-*) cpu))
TESTED_TORCH = $(shell sed -n '/^torch==/p' constraints.txt)
CPU_WHEELS := https://download.pytorch.org/whl/cpu

READY = $(VENV)/.ready-$(TORCH)
PIP_INSTALL = bin/python -m pip install -qq --disable-pip-version-check
PYTEST = OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} $(1)/bin/python -m pytest -n $(JOBS) --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help setup audit test check format-check lint types test-slow test-latest clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

setup: $(READY) ## make .venv from the tested set (TORCH=gpu for CUDA)

audit: $(READY) ## audit the demo recommender and say where its report lies
	$(VENV)/bin/audit run --model tallrec $(ARGS)

test: $(READY) ## run the tests, but for the slow ones
	$(call PYTEST,$(VENV)) -m "not slow" $(ARGS)

check: format-check lint types test ## run all that a change must pass: format, lint, types, tests

format-check: $(READY)
	$(VENV)/bin/ruff format --check .

lint: $(READY)
	$(VENV)/bin/ruff check .

types: $(READY)
	$(VENV)/bin/mypy -p recaudit

test-slow: $(READY) ## run the slow tests: trainings, whole audits, fresh installations
	$(call PYTEST,$(VENV)) -m slow $(ARGS)

test-latest: ## run the tests on the newest allowed dependencies, in .venv-latest
	$(call new_venv,--clear $(LATEST))
	$(call cpu_torch,$(LATEST),torch,$(TESTED_TORCH))
	$(LATEST)/$(PIP_INSTALL) -e ".[test]"
	$(call PYTEST,$(LATEST)) -m "not slow" $(ARGS)

clean: ## remove this checkout's environments and caches
	rm -rf .venv .venv-* build .mypy_cache .ruff_cache .pytest_cache .hypothesis

# A stale environment of the same kind is brought up to date, any other is made anew.
$(READY): pyproject.toml constraints.txt
	$(call new_venv,$(if $(wildcard $(READY)),,--clear) $(VENV))
	@$(VENV)/$(PIP_INSTALL) -c constraints.txt setuptools
	$(call cpu_torch,$(VENV),-c constraints.txt torch,-c constraints.txt torch)
	@echo "installing the tested set into $(VENV): 2 GB, a few minutes"
	@$(VENV)/$(PIP_INSTALL) -c constraints.txt --no-build-isolation -e ".[test]"
	@touch $@

define new_venv
@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "recaudit needs Python 3.11 or newer and $(PYTHON) is older: say PYTHON=python3.11")'
@$(PYTHON) -m venv $(1)
endef

# PyTorch's own index has builds without CUDA; where it does not answer, pip's configured index must do.
define cpu_torch
@if [ "$(TORCH)" != cpu ]; then \
	echo "torch: with CUDA where pip's configured index has it"; \
elif $(1)/bin/python -c 'import signal, urllib.request as web; signal.alarm(5); web.urlopen("$(CPU_WHEELS)/torch/", timeout=4)' 2>/dev/null; then \
	echo "torch: CPU build from $(CPU_WHEELS)"; \
	$(1)/$(PIP_INSTALL) --no-deps --index-url $(CPU_WHEELS) $(2); \
else \
	echo "torch: $(CPU_WHEELS) does not answer, so it comes from pip's configured index"; \
	$(1)/$(PIP_INSTALL) $(3); \
fi
endef
