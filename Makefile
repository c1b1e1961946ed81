# Needs Python 3.12 or later, make and a package index. `make` alone lists what there is.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CACHES := .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks build dist

SCENARIO ?= baseline
TESTS ?= tests
# Pytest processes; 0 runs the tests in one, as a debugger wants.
WORKERS ?= 2

# The first of these that is recent enough makes the environment; `make setup PYTHON=/path/to/python` names another.
PYTHONS := $(or $(PYTHON),python3 python3.13 python3.12 python3.14 python)
IS_RECENT := import sys; sys.exit(sys.version_info < (3, 12))
UV := $(shell command -v uv 2>/dev/null)
INSTALL_LOCK := install --quiet --require-hashes -r requirements.lock
INSTALL_SELF := install --quiet --no-deps --no-build-isolation -e .

.DEFAULT_GOAL := help
.PHONY: help setup run test lint format odd docs bench lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

setup: $(STAMP)  ## make the environment in .venv (once; again when requirements.lock or pyproject.toml change)

run: $(STAMP)  ## simulate a scenario: make run, make run SCENARIO=my_policy.yaml
	@$(BIN)/territoire run $(SCENARIO)

test: $(STAMP)  ## run the tests: make test, make test TESTS=tests/test_calendar.py
	@$(BIN)/python -m experiments.warming
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(TESTS)

lint: $(STAMP)  ## check style (ruff) and types (mypy)
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: $(STAMP)  ## rewrite the code in the house style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

odd: $(STAMP)  ## renew the tables of docs/ODD.md from the code
	@$(BIN)/python docs/generate.py

docs: $(STAMP)  ## build the documentation site into build/site; a warning is an error
	@$(BIN)/mkdocs build --strict

bench: $(STAMP)  ## measure speed and memory on the fixed workload
	@$(BIN)/python -m experiments.warming
	@$(BIN)/territoire bench --against

lock: pyproject.toml  ## renew requirements.lock (for maintainers; needs uv)
	@test -n "$(UV)" || { echo "make lock needs uv (https://docs.astral.sh/uv)" >&2; exit 1; }
	@$(UV) lock --quiet --upgrade --python $(BIN)/python
	@$(UV) export --quiet --locked --python $(BIN)/python --no-emit-project --extra test --extra lint --extra bench --extra docs --extra cluster --extra dashboard --group build \
	    --no-annotate --no-header -o requirements.lock
	@rm uv.lock

clean:  ## remove caches and build products (keeps .venv and outputs)
	@rm -rf $(CACHES)
	@find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

$(BIN)/python:
	@chosen=; for python in $(PYTHONS); do \
	    if "$$python" -c '$(IS_RECENT)' 2>/dev/null; then chosen=$$(command -v "$$python"); break; fi; \
	done; \
	if [ -z "$$chosen" ]; then \
	    echo "Python 3.12 or later is needed; found none among: $(PYTHONS). Install one, or: make setup PYTHON=/path/to/python" >&2; \
	    exit 1; \
	fi; \
	echo "Making $(VENV) with $$("$$chosen" --version)"; \
	if [ -n "$(UV)" ]; then "$(UV)" venv --quiet --clear --seed --python "$$chosen" $(VENV); \
	else "$$chosen" -m venv --clear $(VENV); fi

# uv is faster; where it cannot reach the index that pip is set up for, pip does the same from the same hashes.
$(STAMP): requirements.lock pyproject.toml | $(BIN)/python
	@$(BIN)/python -c '$(IS_RECENT)' || { echo "$(VENV) holds a Python older than 3.12: remove it and try again" >&2; exit 1; }
	@echo "Installing the locked packages into $(VENV) (once: 15 s with uv, about a minute with pip)"
	@install() { $$1 $(INSTALL_LOCK) && $$1 $(INSTALL_SELF); }; \
	if [ -n "$(UV)" ] && install "env VIRTUAL_ENV=$(VENV) $(UV) pip"; then :; \
	else \
	    $(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null; \
	    install "env PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip"; \
	fi
	@touch $(STAMP)
