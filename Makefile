# Every target makes the virtual environment that it needs; nothing else has to be set up.
#
#   make demo    the main job on the embedded digits: a table and a picture, in minutes
#   make test    style, types and tests, as CI runs them
#   make bench   the benchmarks, as a table (needs the shared data beside the project)
#   make format  put the code into shape
#   make clean   remove what these targets made

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test lint types pytest bench format clean

demo: $(READY)
	PATH="$(CURDIR)/$(BIN):$$PATH" sh models/lenet5/recipe.sh digits demo

test: lint types pytest

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(READY)
	$(BIN)/mypy

pytest: $(READY)
	$(BIN)/python -m pytest

bench: $(READY)
	$(BIN)/python -m tests.bench

format: $(READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf $(VENV) demo build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache

# torch goes first, so that the version that is tested is the one that later ranges find.
$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet torch==2.13.0
	$(BIN)/pip install --quiet --editable . --group dev
	touch $@
