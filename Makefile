# Set-up, demo and checks; each target makes what it needs. `make demo` is the first thing to try.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo test lint bench clean
.DELETE_ON_ERROR:

# One stamp for each set of extras, so that a change of the packaging installs again.
$(VENV)/.installed-%: setup.cfg pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt "torch" --editable ".[$*]"
	touch $@

demo: $(VENV)/.installed-train
	$(BIN)/python -m nanovlm_hf.demo

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed-train
	$(BIN)/python -m benchmarks.training
	$(BIN)/python -m benchmarks.describe_start
	$(BIN)/python -m benchmarks.reading

clean:
	rm -rf $(VENV) runs build *.egg-info
