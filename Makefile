# `make demo` and `make test` set up all they need; EXTRAS=all adds torch and the other heavy packages.
PYTHON ?= python3
EXTRAS ?= light
VENV   ?= .venv
BIN    := $(VENV)/bin
# A worker for each core; a file's tests stay together, for they share what is slow to set up.
WORKERS ?= -n auto --dist loadfile
STAMP  := $(VENV)/.ragkit-$(EXTRAS)

.PHONY: demo test test-full gate lint types setup bench adapter-ends clean

demo: $(VENV)/.ragkit-run
	$(BIN)/python examples/demo.py

test: setup lint types gate
	$(BIN)/python -m pytest $(WORKERS) $(ARGS)

# Is the shipped default as good as it was? Ends with 3 where it is not; runs/gate/junit.xml says what fell.
gate: setup
	rm -rf runs/gate
	$(BIN)/ragkit eval evals/suites/quickstart.yaml --out runs/gate

test-full: setup lint types
	RAGKIT_SCALE=full $(BIN)/python -m pytest $(WORKERS) $(ARGS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: setup
	$(BIN)/mypy

# Those that need no data, server or GPU, two of them FAISS (EXTRAS=all); the others say what they need with --help.
BENCHES := app_overhead store_query bm25_search graph_overhead answer_cache import_time
ifeq ($(EXTRAS),all)
BENCHES += embedded_store dense_search
endif
bench: setup
	for bench in $(BENCHES); do echo "== $$bench"; $(BIN)/python evals/benchmarks/$$bench.py || exit 1; done

# The adapters at both ends of the versions of LangChain and LlamaIndex that pyproject.toml allows.
adapter-ends:
	sh scripts/adapter_ends.sh langchain .venv-ends $(PYTHON)
	sh scripts/adapter_ends.sh llamaindex .venv-ends $(PYTHON)

setup: $(STAMP)

$(VENV)/.ragkit-run: pyproject.toml
	sh scripts/install.sh $(VENV) $(PYTHON) run
	@touch $@

$(VENV)/.ragkit-light: pyproject.toml
	sh scripts/install.sh $(VENV) $(PYTHON) light
	@touch $@

$(VENV)/.ragkit-all: pyproject.toml
	sh scripts/install.sh $(VENV) $(PYTHON) all
	@touch $@ $(VENV)/.ragkit-light

clean:
	rm -rf $(VENV) .venv-ends build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
