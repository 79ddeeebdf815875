# Every target makes the virtual environment that it needs; nothing else has to be set up.
#
#   make demo      the main job on the embedded digits: a table and a picture, in minutes
#   make web-demo  a page at http://127.0.0.1:8000/ that recognises digits you draw (needs npm);
#                  MODEL=small.onnx DENSE=dense.onnx shows files of your own, PORT=… another port
#   make test      style, types and tests, as CI runs them
#   make bench     the benchmarks, as a table (needs the shared data beside the project)
#   make format    put the code into shape
#   make clean     remove what these targets made

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# The page for the browser: its sources, marks of what npm installed beside them, its two files.
WEB := models/lenet5/web
WEB_READY := $(WEB)/node_modules/.ready
WEB_TESTS_READY := $(WEB)/node_modules/.tests-ready
MODEL ?= demo/small.onnx
DENSE ?= demo/dense.onnx
PORT ?= 8000

.PHONY: demo web-demo test lint types pytest bench format clean

demo: $(READY)
	PATH="$(CURDIR)/$(BIN):$$PATH" sh models/lenet5/recipe.sh digits demo

web-demo: $(MODEL) $(DENSE) $(WEB_READY)
	npm --prefix $(WEB) run --silent build -- $(MODEL) $(DENSE) demo/web
	@echo "The page is http://127.0.0.1:$(PORT)/ until you press Ctrl-C."
	@$(PYTHON) -m http.server --bind 127.0.0.1 --directory demo/web $(PORT)

demo/small.onnx:
	$(MAKE) demo

demo/dense.onnx: demo/small.onnx

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
	rm -rf $(VENV) $(WEB)/node_modules demo build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache

# torch goes first, so that the version that is tested is the one that later ranges find.
$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet torch==2.13.0
	$(BIN)/pip install --quiet --editable '.[caffe]' --group dev
	touch $@

$(WEB_READY): $(WEB)/package.json $(WEB)/package-lock.json
	npm --prefix $(WEB) ci --loglevel=error --omit=dev --omit=optional
	touch $@

# The tests ask for this one: a browser's driver, and onnxruntime-node where it can be had.
$(WEB_TESTS_READY): $(WEB)/package.json $(WEB)/package-lock.json
	npm --prefix $(WEB) ci --loglevel=error
	touch $(WEB_READY) $@
