# `make check` is what CI runs; `make demo` shows meshdoctor at work on a bundled snapshot. Both set up what they need
# in a virtual environment of their own, so neither root nor --break-system-packages is wanted.
PYTHON ?= $(firstword $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python; done))
VENV ?= .venv
BIN := $(VENV)/bin
SOURCES := meshdoctor tests

.PHONY: check format lint types imports test demo bench bench-session lab lab-build lab-down lab-test clean

check: format lint types imports test

format: $(VENV)/.dev
	$(BIN)/ruff format --check $(SOURCES)

lint: $(VENV)/.dev
	$(BIN)/ruff check $(SOURCES)

types: $(VENV)/.dev
	$(BIN)/mypy

imports: $(VENV)/.dev
	$(BIN)/lint-imports

test: $(VENV)/.dev
	$(BIN)/pytest -n 2 $(PYTEST_ARGS)

# Exit code 1 is the demo's success: it found the fault that its snapshot holds.
demo: $(VENV)/.run
	@$(BIN)/meshdoctor demo $(NAME) || [ $$? -eq 1 ]

bench: $(VENV)/.dev
	$(BIN)/python -m tests.bench $(CAPTURE)

# What somebody at a terminal waits for, on a pty.
bench-session: $(VENV)/.dev
	$(BIN)/python -m tests.tui.bench_terminal

# A real Istio on this machine, see "The lab" in .github/CONTRIBUTING.md. Needs root and Go; the first build takes minutes.
lab-build: $(VENV)/.dev
	@$(BIN)/python -m tests.lab build

lab: lab-build
	@$(BIN)/python -m tests.lab up $(SCENARIO)

lab-down: $(VENV)/.dev
	@$(BIN)/python -m tests.lab down

lab-test: lab-build
	$(BIN)/pytest --lab -m lab tests/lab $(PYTEST_ARGS)

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(VENV)/.run: pyproject.toml | $(BIN)/python
	$(call install,.)
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(call install,'.[dev]')
	@touch $@ $(VENV)/.run

# Where ensurepip is missing (Debian without python3-venv) the outer pip installs into the environment instead.
$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "meshdoctor needs Python 3.11 or newer; name one with PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || $(PYTHON) -m venv --clear --without-pip $(VENV)

define install
@echo "Installing into $(VENV) ..." >&2
@if [ -x $(BIN)/pip ]; then $(BIN)/python -m pip install --quiet --disable-pip-version-check -e $(1); \
	else $(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check -e $(1); fi
endef
