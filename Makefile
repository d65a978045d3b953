# One command a job. `make demo` needs only Python 3.11 or newer and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO_DIR ?= .demo
DEMO_SERVE ?= 1
PORT ?= 8000
# `CATALOG=elasticsearch make demo` keeps the products there, at ELASTICSEARCH_URL (compose.yaml).
CATALOG ?= embedded
ELASTICSEARCH_URL ?= http://127.0.0.1:9200
DEMO_NEEDS := $(if $(filter elasticsearch,$(CATALOG)),.all,.train)
# Tests run in this many processes; each may load TensorFlow (about 0.6 GB).
TEST_PROCESSES ?= 2

.PHONY: demo test lint bench families inverse-sine serve clean

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; run: make PYTHON=python3.11 ..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.train: pyproject.toml | $(BIN)/python
	@echo "Installing TensorFlow and the rest into $(VENV), some hundred MB to fetch; takes minutes"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[train]'
	@touch $@

$(VENV)/.all: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[all]'
	@touch $(VENV)/.train $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[all,dev]'
	@touch $(VENV)/.train $(VENV)/.all $@

demo: $(VENV)/$(DEMO_NEEDS)  ## simulated shop -> events -> sessions -> model -> page at 127.0.0.1:8000
	@PATH="$(abspath $(BIN)):$$PATH" DEMO_DIR=$(DEMO_DIR) DEMO_SERVE=$(DEMO_SERVE) PORT=$(PORT) CATALOG=$(CATALOG) ELASTICSEARCH_URL=$(ELASTICSEARCH_URL) sh pipelines/demo.sh

serve: $(VENV)/.train  ## the page of the last demo again
	$(BIN)/recommender serve --workspace $(DEMO_DIR) --port $(PORT)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist worksteal

bench: $(VENV)/.dev  ## ratios against a peer in the same run, never a pass or fail
	$(BIN)/python -m tests.bench

families: $(VENV)/.dev  ## how far the families' log_prob is from scipy.stats, on TensorFlow, JAX and NumPy
	@$(BIN)/python -m tests.bench.families

inverse-sine: $(VENV)/.train  ## Bishop's example: one x, three answers; draws docs/inverse_sine.svg
	@$(BIN)/python examples/inverse_sine.py docs/inverse_sine.svg

clean:
	rm -rf $(VENV) $(DEMO_DIR) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
