# Needs python3 (>= 3.10, with venv and pip) and make. Everything else goes into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

export TF_CPP_MIN_LOG_LEVEL := 3
export TF_ENABLE_ONEDNN_OPTS := 0
export CUDA_VISIBLE_DEVICES := -1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test lint format docs clean

help:
	@echo "make demo    install into $(VENV) and audit fixtures/"
	@echo "make test    install everything the tests need (TensorFlow too), then lint, type-check and test"
	@echo "make lint    ruff and mypy only"
	@echo "make format  let ruff format and sort"
	@echo "make docs    write anew what is generated: docs/rules, docs/options.md, the README's table of rules"
	@echo "make clean   remove $(VENV) and caches"

# The stamps make a second run start at once: pip runs again only where pyproject.toml changed.
$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-test: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $(VENV)/.installed $@

# The fixtures are wrong on purpose, so findings are what a demo is for: exit status 0.
demo: $(VENV)/.installed
	$(BIN)/fromlogits-audit scan --exit-zero fixtures
	$(BIN)/fromlogits-audit model --exit-zero fixtures/models/digits.keras

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint
	$(BIN)/python -m pytest

format: $(VENV)/.installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.installed
	$(BIN)/python -m fromlogits_audit.rules.pages
	$(BIN)/python -m fromlogits_audit.manual

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .fromlogits_audit_cache build dist
