# Set-up, demo and checks; each target makes what it needs. `make describe` is the first thing to try.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

# The oldest and the newest that setup.cfg allows; of transformers, the newest that a Python can have.
COMPAT_PYTHON ?= 3.10 3.13
COMPAT_TRANSFORMERS ?= "==5.0.0" "<6"
COMPAT_TESTS = tests/test_golden.py tests/test_remote_code.py tests/test_modeling.py tests/test_processing.py \
	tests/test_configuration.py tests/test_hub.py::test_pushed_by_the_scripts_it_loads_elsewhere_and_then_offline

PICTURE ?= examples/photographer.jpg

.PHONY: describe demo test lint bench compat clean
.DELETE_ON_ERROR:

# One stamp for each set of extras, so that a change of the packaging installs again.
$(VENV)/.installed-%: setup.cfg pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt "torch" --editable ".[$*]"
	touch $@

describe: $(VENV)/.installed-train
	$(BIN)/nanovlm describe $(PICTURE) --model checkpoints/nanovlm-base

demo: $(VENV)/.installed-train
	$(BIN)/python -m nanovlm_hf.demo

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# About an hour on two quiet cores; `make bench BENCH="--quick"` gives a first look, BENCH="peers edge" some of it.
bench: $(VENV)/.installed-train,export
	$(BIN)/python -m benchmarks $(BENCH)

# Checkpoints load and give the golden logits in each environment. uv makes them, and gets the Pythons that are missing:
# the first run downloads about 4 GB.
compat: $(VENV)/.installed-compat
	for python in $(COMPAT_PYTHON); do for transformers in $(COMPAT_TRANSFORMERS); do \
		$(BIN)/uv run --no-project --python $$python --with "$$(grep ^torch== constraints.txt)" \
			--with "transformers$$transformers" --with-editable ".[train]" --with pytest --with jinja2 python -c \
			'import sys, pytest, transformers; print("Python", sys.version, "and transformers", transformers.__version__); \
			sys.exit(pytest.main(sys.argv[1:]))' $(COMPAT_TESTS) || exit 1; \
	done; done

clean:
	rm -rf $(VENV) runs build *.egg-info
