# Two commands do everything: `make report` and `make test`. Each sets up .venv once, from a bare python3.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
CROSS  := $(VENV)-crosscheck
# Two kernels at a time suit two cores; more need about 1.5 GB of memory each.
JOBS   ?= 2
BATCH  ?= reports/batches/chapters.yaml
CHAPTERS ?=
UV_VERSION := 0.13.9
LINT = $(BIN)/ruff check --quiet . && $(BIN)/ruff format --check --quiet . && $(BIN)/mypy --no-error-summary && { \
  out=$$($(BIN)/lint-imports --no-logo --no-cache) || { echo "$$out"; false; }; }

# As in bundlebook/__init__.py, here also for kernels that load scikit-learn first.
export OMP_WAIT_POLICY ?= PASSIVE
# Bytecode is kept, even where the environment forbids it: otherwise every kernel compiles this package anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup report test lint crosscheck lab refresh lock doctor clean distclean

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY)  ## create .venv with the locked packages (the other commands do this themselves)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "bundlebook needs Python 3.11, 3.12 or 3.13, but '$(PYTHON)' is $$($(PYTHON) --version 2>&1)."; \
	  echo "Remedy: install one of them and name it, for example: make report PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
	  echo "Remedy: install Python's venv module (Debian, Ubuntu: apt install python3-venv) and try again."; exit 1; }
	@echo "Setting up $(VENV) (once; about a minute) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@# Compiled bytecode: without it every kernel spends many seconds compiling TensorFlow anew.
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --editable .
	@touch $(READY)

report: $(READY)  ## run the chapters on the real shop and render them: reports/out/chapters/index.html
	@$(BIN)/bundlebook report $(BATCH) --jobs $(JOBS)

test: $(READY)  ## lint, unit tests, doctests, strict nbval over every chapter, report batches
	@# Lint takes one core for a minute, so it runs beside the tests. What it finds is told at once, and again at the end.
	@{ $(LINT); } & lint=$$!; \
	$(BIN)/python -m pytest -q --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder \
	  --nbval --nbval-cell-timeout=600 src tests notebooks; tests=$$?; \
	wait $$lint || { echo "Lint failed: what it found stands above, and 'make lint' tells it again."; exit 1; }; \
	exit $$tests

lint: $(READY)  ## style, types, and whether a room imports only from the rooms to its left
	@$(LINT)

crosscheck: $(READY)  ## compare with other libraries, in a virtual environment of its own (ranx, bicm, pyfim, Spark, JAX)
	@test -x $(CROSS)/bin/python || $(BIN)/uv venv --quiet --python $(BIN)/python $(CROSS)
	@VIRTUAL_ENV=$(CROSS) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements.lock
	@# The lock's versions stay as they are; what is added may not move them.
	@sed 's/ *\\$$//; /--hash/d' requirements.lock > $(CROSS)/constraints.txt
	@VIRTUAL_ENV=$(CROSS) $(BIN)/uv pip install --quiet --constraint $(CROSS)/constraints.txt --editable '.[crosscheck]'
	@$(CROSS)/bin/python -m pytest -q -m crosscheck -rs tests

lab: $(READY)  ## open the chapters in JupyterLab
	@# The root is the project's, so that links from the chapters to data/ and README.md open too.
	@$(BIN)/jupyter lab --notebook-dir=. --LabApp.default_url=/lab/tree/notebooks

refresh: $(READY)  ## re-execute the stored chapters and normalise them (CHAPTERS="notebooks/03_..." for some)
	@$(BIN)/bundlebook refresh $(CHAPTERS)

doctor: $(READY)  ## say in plain words what is missing on this machine
	@$(BIN)/bundlebook doctor

lock:  ## resolve the dependencies of pyproject.toml anew (maintainers)
	@test -x $(BIN)/uv || { $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet uv==$(UV_VERSION); }
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	  --no-annotate --no-header --extra test pyproject.toml --output-file requirements.lock

clean:  ## remove caches and rendered reports, keep .venv
	@rm -rf .cache reports/out .pytest_cache .ruff_cache .mypy_cache .hypothesis
	@find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean
	@rm -rf $(VENV) $(CROSS) src/*.egg-info
