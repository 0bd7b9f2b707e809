# `make check` is what CI runs; `make demo` shows meshdoctor at work on a bundled snapshot. Both set up what they need
# in a virtual environment of their own, so neither root nor --break-system-packages is wanted; requirements/ pins it all.
PYTHON ?= $(firstword $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python; done))
VENV ?= .venv
BIN := $(VENV)/bin
SOURCES := meshdoctor tests
UV := $(VENV)-lock
NEWEST := $(VENV)-newest
SUPPLY := $(VENV)-supply
RUNTIME := $(VENV)-runtime
BOM := dist/meshdoctor.cdx.json

.PHONY: check format lint types imports workflows test lock newest sbom audit demo bench bench-live bench-session mutations \
	lab lab-build lab-down lab-test clean

check: format lint types imports workflows test

format: $(VENV)/.dev
	$(BIN)/ruff format --check $(SOURCES)

lint: $(VENV)/.dev
	$(BIN)/ruff check $(SOURCES)

types: $(VENV)/.dev
	$(BIN)/mypy

imports: $(VENV)/.dev
	$(BIN)/lint-imports

workflows: $(VENV)/.dev
	$(BIN)/zizmor --offline --quiet --no-progress --persona=pedantic .github/workflows

test: $(VENV)/.dev
	$(BIN)/pytest -n 2 $(PYTEST_ARGS)

# Pins the newest of what the ranges in pyproject.toml allow, at once for every Python from 3.11 on and every platform.
# run.txt and build.txt are held to the pins of dev.txt, so that what runs is what was tested.
lock:
	$(say) $(UV)
	@$(call environment,$(UV))
	@$(call install,$(UV),--upgrade uv)
	$(call pin,dev) --extra dev pyproject.toml
	$(call pin,run) --constraints requirements/dev.txt pyproject.toml
	@$(UV)/bin/python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['build-system']['requires'], sep='\n')" \
		>$(UV)/build.in
	$(call pin,build) --constraints requirements/dev.txt --no-annotate $(UV)/build.in
	$(call pin,supply) --group supply

# `make check` against what `make lock` would pin today, and against Textual and Rich newer than those that drew the
# pictures: in an environment made anew each time, and to the end, so that one broken dependency hides no other.
newest:
	$(say) $(NEWEST)
	@$(call environment,--clear $(NEWEST))
	@$(call install,$(NEWEST),-e '.[dev]')
	@$(call install,$(NEWEST),--upgrade rich textual)
	@touch $(NEWEST)/.dev
	@$(MAKE) --keep-going check VENV=$(NEWEST)

# What is installed to run meshdoctor, as a CycloneDX bill of materials: with versions, licences and dependencies. Of
# an environment of nothing else, so that nothing is listed that does not run, and nothing is left out.
sbom: $(VENV)/.dev $(SUPPLY)/.supply
	$(say) $(RUNTIME)
	@rm -rf $(RUNTIME)
	@$(PYTHON) -m venv --without-pip $(RUNTIME)
	@$(BIN)/python -m build --wheel --no-isolation --outdir $(RUNTIME)/wheel . >/dev/null
	@$(call install,$(RUNTIME),--require-hashes -r requirements/run.txt)
	@$(call install,$(RUNTIME),--no-deps $(RUNTIME)/wheel/*.whl)
	@mkdir -p dist
	@version=$$($(BIN)/python -c 'import meshdoctor; print(meshdoctor.__version__)'); \
		sed "s/^dynamic = .*/version = \"$$version\"/" pyproject.toml >$(RUNTIME)/pyproject.toml
	$(SUPPLY)/bin/cyclonedx-py environment --pyproject $(RUNTIME)/pyproject.toml --output-reproducible \
		--output-file $(BOM) $(RUNTIME)

# Asks the Python Packaging Advisory Database about every pin, those of the tools included. Needs a network.
audit: $(SUPPLY)/.supply
	for pins in run build dev supply; do \
		$(SUPPLY)/bin/pip-audit --disable-pip --require-hashes --strict --progress-spinner off -r requirements/$$pins.txt || exit 1; done

# Exit code 1 is the demo's success: it found the fault that its snapshot holds.
demo: $(VENV)/.run
	@$(BIN)/meshdoctor demo $(NAME) || [ $$? -eq 1 ]

bench: $(VENV)/.dev
	$(BIN)/python -m tests.bench $(CAPTURE)

# Many live sidecars, from a fake API server: all are read, in bounded memory.
bench-live: $(VENV)/.dev
	$(BIN)/python -m tests.bench_live

# Captures damaged in N ways: less evidence never looks better, and nothing crashes or hangs. SEED makes other ones.
mutations: $(VENV)/.dev
	@$(BIN)/python -m tests.invariants.run -n $(or $(N),2000) --seed $(or $(SEED),1)

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
	rm -rf $(VENV) $(UV) $(NEWEST) $(SUPPLY) $(RUNTIME) dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(VENV)/.run: pyproject.toml requirements/build.txt requirements/run.txt | $(BIN)/python
	$(say) $(VENV)
	@$(call install,$(VENV),--require-hashes -r requirements/build.txt -r requirements/run.txt)
	@$(call install,$(VENV),$(EDITABLE))
	@touch $@

$(VENV)/.dev: pyproject.toml requirements/dev.txt | $(BIN)/python
	$(say) $(VENV)
	@$(call install,$(VENV),--require-hashes -r requirements/dev.txt)
	@$(call install,$(VENV),$(EDITABLE))
	@touch $@ $(VENV)/.run

$(SUPPLY)/.supply: requirements/supply.txt
	$(say) $(SUPPLY)
	@$(call environment,$(SUPPLY))
	@$(call install,$(SUPPLY),--require-hashes -r requirements/supply.txt)
	@touch $@

$(BIN)/python:
	@$(call environment,$(VENV))

# Nothing but what is pinned gets in, the build backend included.
EDITABLE := --no-deps --no-build-isolation -e .

# Where ensurepip is missing (Debian without python3-venv) the outer pip installs into the environment instead.
define environment
test -n "$(PYTHON)" || { echo "meshdoctor needs Python 3.11 or newer; name one with PYTHON=/path/to/python3" >&2; exit 1; }; \
	$(PYTHON) -m venv $(1) >/dev/null 2>&1 || $(PYTHON) -m venv --clear --without-pip $(lastword $(1))
endef

say = @printf 'Installing into %s ...\n' >&2

define install
if [ -x $(1)/bin/pip ]; then $(1)/bin/python -m pip install --quiet --disable-pip-version-check $(2); \
	else $(PYTHON) -m pip --python $(1)/bin/python install --quiet --disable-pip-version-check $(2); fi
endef

define pin
UV_PYTHON_DOWNLOADS=never $(UV)/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--python $(UV)/bin/python --no-emit-index-url --custom-compile-command "make lock" -o requirements/$(1).txt
endef
