# Every task of the project. `make` alone prints them.
# Needs make and Python 3.11 or later; everything else goes into .venv.

SHELL := /bin/sh
.DEFAULT_GOAL := help

# The first Python that is new enough; say PYTHON=/path/to/python to choose another.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; exit; }; done; \
	echo python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CODE := tracesvc tests loadtests
# Workers share one embedded Postgres; beyond four its connections, not the cores, are the limit.
PYTEST_ARGS ?= -n auto --maxprocesses 4
# For example BENCH_ARGS="append_bills --quick".
BENCH_ARGS ?=

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

.PHONY: help setup demo serve test test-unit check fmt lint types contracts schemas schemas-check bench clean

help: ## Print this list
	@awk -F ':.*## ' '/^##: / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##: first steps

setup: $(READY) ## Create .venv and install the service with its development tools

demo: $(READY) ## Install, start a real Postgres, load a small supply chain, leave the service running
	@$(BIN)/tracesvc demo

serve: $(READY) ## Run the service alone (embedded Postgres under ./data unless TRACESVC_DSN is set)
	@$(BIN)/tracesvc serve

##: while you work and before you hand it in

test: $(READY) ## Run all tests (narrow with PYTEST_ARGS='-k custody')
	$(BIN)/pytest $(PYTEST_ARGS)

test-unit: $(READY) ## Run the tests that need no database
	$(BIN)/pytest tests/unit tests/properties tests/house $(PYTEST_ARGS)

check: lint types contracts schemas-check test ## Everything CI runs

lint: $(READY) ## Look for style and mistakes (Ruff), change nothing
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)

types: $(READY) ## Check the types (mypy, strict)
	$(BIN)/mypy

contracts: $(READY) ## Check who imports whom (import-linter)
	$(BIN)/lint-imports

fmt: $(READY) ## Format the code and mend what Ruff can mend
	$(BIN)/ruff check --fix-only --quiet $(CODE)
	$(BIN)/ruff format $(CODE)

schemas: $(READY) ## Write schemas/ anew from the wire models
	$(BIN)/tracesvc schemas

schemas-check: $(READY) ## Fail if schemas/ is not what the wire models say
	$(BIN)/tracesvc schemas --check

bench: $(READY) ## Measure append, projection and path against raw COPY on this machine
	$(BIN)/python -m loadtests $(BENCH_ARGS)

clean: ## Remove .venv and all caches (data directories stay)
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find tracesvc tests loadtests -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is written last, so that a broken installation is repeated and a good one is not.
$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo 'tracesvc needs Python 3.11 or later; name one with PYTHON=...' >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) \
	  || { rm -rf $(VENV); echo 'Python lacks its venv module (Debian and Ubuntu: apt-get install python3-venv)' >&2; exit 1; }
	@echo 'installing into $(VENV) (about a minute the first time) ...'
	@$(BIN)/python -m pip install -qq --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install -qq --group dev --editable .
	@touch $@
