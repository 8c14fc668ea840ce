# Everything sets itself up on a machine that has Python 3.11 or newer and make.
#   make demo            train on generated music, report, export, recognize (FILE=song.mp3 adds your own)
#   make test            the tests but for the slow ones; make slow runs those
#   make lowest          the recognizer's tests with the oldest versions that pyproject.toml allows
#   make mutants         how many small changes of the code the tests notice; takes hours
#   make lint            ruff, mypy, import-linter
PYTHON ?= python3
VENV ?= .venv
PIP_ARGS ?=
BIN := $(VENV)/bin
# A process a core, each with one thread: several threads in each would wait for one another.
PYTEST_OF = OMP_NUM_THREADS=1 $(1)/bin/python -m pytest -q -n auto --maxprocesses 4
TESTS := $(call PYTEST_OF,$(VENV))
LOWEST := $(VENV)-lowest

.PHONY: help demo test slow lowest mutants lint format clean
.DELETE_ON_ERROR:

help:
	@sed -n '2,6p' Makefile | cut -c3-

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "genrelab needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@new=$$(test -e $(VENV) || echo $(VENV)); $(PYTHON) -m venv $(VENV) || { rm -rf $$new; \
		echo "Python's venv does not work here; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

$(VENV)/.lab: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -e '.[lab]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -e '.[lab,parquet,dev]'
	@touch $@ $(VENV)/.lab

demo: $(VENV)/.lab
	$(BIN)/genrelab demo $(if $(FILE),'$(subst ','\'',$(FILE))')

test: $(VENV)/.dev
	$(TESTS) -m "not slow" $(PYTEST_ARGS)

slow: $(VENV)/.dev
	$(TESTS) -m slow $(PYTEST_ARGS)

$(LOWEST)/.test: pyproject.toml .ci/lowest.py $(VENV)/.dev
	$(PYTHON) -m venv --clear $(LOWEST)
	$(BIN)/python .ci/lowest.py parquet > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) \
		-c $(LOWEST)/constraints.txt -e '.[test]'
	@touch $@

lowest: $(LOWEST)/.test
	$(call PYTEST_OF,$(LOWEST)) -m "not slow" --ignore tests/lab $(PYTEST_ARGS)

mutants: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -e '.[mutants]'
	$(BIN)/python tests/mutants.py $(MUTANTS_ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(LOWEST) demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
