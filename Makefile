# Needs python3 (>= 3.10, with venv and pip) and make. Everything else goes into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

export TF_CPP_MIN_LOG_LEVEL := 3
export TF_ENABLE_ONEDNN_OPTS := 0
export CUDA_VISIBLE_DEVICES := -1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test lint format docs ecosystem ecosystem-accept soak soak-fuzz soak-kills soak-installed soak-programs bench clean

help:
	@echo "make demo    install into $(VENV) and audit fixtures/"
	@echo "make test    install everything the tests need (TensorFlow too), then lint, type-check and test"
	@echo "make lint    ruff and mypy only"
	@echo "make format  let ruff format and sort"
	@echo "make docs    write anew what is generated: docs/rules, docs/options.md, the README's table of rules"
	@echo "make ecosystem CHECKOUTS=DIR         scan public repositories, say which findings are new or gone"
	@echo "make ecosystem-accept CHECKOUTS=DIR  store them as the new expectation"
	@echo "make soak SOAK_SECONDS=N              the four soaks below, one after the other"
	@echo "make soak-fuzz SOAK_SECONDS=N         mangled and coverage-guided sources, notebooks, models, configurations, N seconds a kind"
	@echo "make soak-kills SOAK_KILLS=N          every kind of run that writes, killed N times"
	@echo "make soak-installed                   scan all of site-packages and of the standard library, file by file"
	@echo "make soak-programs PROGRAMS=N SEED=N  more generated programs, run on TensorFlow and JAX and scanned"
	@echo "make bench BENCH_SAMPLE=DIR           speed beside other linters, and growth; writes docs/performance.md"
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

# What takes hours and finds what the tests of every day do not (docs/trust.md).
SOAK_SECONDS ?= 600
SOAK_KILLS ?= 100
soak: soak-fuzz soak-kills soak-installed soak-programs

# atheris (coverage-guided fuzzing) exists for some Pythons only; without it the mangled inputs have to do.
soak-fuzz: $(VENV)/.installed-test
	SOAK_SECONDS=$(SOAK_SECONDS) $(BIN)/python -m pytest -q tests/test_fuzz.py -k soak
	if $(BIN)/python -m pip install --quiet --requirement tests/soak/requirements.txt; \
	then SOAK_SECONDS=$(SOAK_SECONDS) $(BIN)/python tests/soak/guided.py; \
	else echo "no atheris for this Python: coverage-guided fuzzing is left out"; fi

soak-kills: $(VENV)/.installed-test
	SOAK_KILLS=$(SOAK_KILLS) $(BIN)/python -m pytest -q tests/test_nothing_lost.py -k kill

soak-installed: $(VENV)/.installed-test
	$(BIN)/python tests/soak/installed.py

# Programs generated from SEED on, run on TensorFlow and JAX and scanned, and put through every transformation.
PROGRAMS ?= 2000
SEED ?= $(shell date +%s)
soak-programs: $(VENV)/.installed-test
	@echo "seeds from $(SEED)"
	SOAK_PROGRAMS=$(PROGRAMS) SOAK_SEED=$(SEED) $(BIN)/python -m pytest -rP tests/test_differential.py tests/test_metamorphic.py \
		tests/test_python_semantics.py tests/test_random_models.py

format: $(VENV)/.installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.installed
	$(BIN)/python -m fromlogits_audit.rules.pages
	$(BIN)/python -m fromlogits_audit.manual

# CHECKOUTS is a folder with a checkout of each repository of ecosystem/repositories.toml, by name.
ecosystem: $(VENV)/.installed
	$(BIN)/python benchmarks/ecosystem.py $(CHECKOUTS)

ecosystem-accept: $(VENV)/.installed
	$(BIN)/python benchmarks/ecosystem.py --accept $(CHECKOUTS)

# The other tools go into venvs of their own. Takes about twenty minutes.
BENCH_SAMPLE ?= fixtures
BENCH_ROUNDS ?= 3
bench: $(VENV)/.installed
	$(BIN)/python benchmarks/bench.py --sample $(BENCH_SAMPLE) $(if $(BENCH_NAME),--sample-name "$(BENCH_NAME)") \
		--rounds $(BENCH_ROUNDS) --venvs $(VENV)/bench

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .fromlogits_audit_cache build dist
