# Each target installs what it needs into .venv, on a machine with Python 3.11 or newer and make:
#   make recognize       recognize music: FILE=song.mp3, FILE=~/Music or FILE='one.mp3 two.mp3'
#                        (without FILE: compose a short piece and recognize that); no PyTorch
#   make demo            train on generated music, report, export, recognize (FILE=... adds your own)
#   make test            run all tests but the slow ones; make slow runs those
#   make long            run the slow tests that draw their cases with many more of them
#   make plugins         run the tests of the plugins, each beside its host program (beets, Picard, an MQTT broker)
#   make lowest          run the recognizer's tests with the oldest versions that pyproject.toml allows
#   make docs            build the documentation site into site/; a warning stops it
#   make mutants         count the small changes of the code that the tests notice; takes hours
#   make lint            ruff, mypy, import-linter
#   make format, clean   format the code; remove all that these targets made
PYTHON ?= python3
VENV ?= .venv
PIP_ARGS ?=
BIN := $(VENV)/bin
# One process per core with one thread each: more threads would wait for one another. Idle ones take work from others.
PYTEST_OF = OMP_NUM_THREADS=1 $(1)/bin/python -m pytest -q -n auto --maxprocesses 4 --dist worksteal
TESTS := $(call PYTEST_OF,$(VENV))
LOWEST := $(VENV)-lowest
PLUGINS := beets-genrelab genrelab-mqtt picard-genrelab

.PHONY: help recognize demo test slow long plugins environments lowest docs mutants format clean \
	lint lint-style lint-types lint-types-windows
.DELETE_ON_ERROR:

help:
	@sed -n '1,12p' Makefile | cut -c3-

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "genrelab needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@new=$$(test -e $(VENV) || echo $(VENV)); $(PYTHON) -m venv $(VENV) || { rm -rf $$new; \
		echo "Python's venv does not work here; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

$(VENV)/.recognizer: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -e .
	@touch $@

$(VENV)/.lab: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -e '.[lab]'
	@touch $@ $(VENV)/.recognizer

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -e '.[lab,parquet,dev]'
	@touch $@ $(VENV)/.lab $(VENV)/.docs $(VENV)/.recognizer

$(VENV)/.docs: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -e '.[docs]'
	@touch $@ $(VENV)/.recognizer

# FILE reaches the shell as it was given, through the environment. It is one path if that exists; otherwise it is
# a list: of words in quotes, or of plain words and patterns. `~/` counts at its beginning only.
export GIVEN := $(value FILE)
unexport FILE
define WITH_FILES
case $$GIVEN in "~") GIVEN=$$HOME;; "~/"*) GIVEN=$$HOME/$${GIVEN#??};; esac; \
if [ -e "$$GIVEN" ]; then exec $(1) "$$GIVEN"; fi; \
case $$GIVEN in *[\"\'\\]*) printf '%s' "$$GIVEN" | xargs printf '' 2>/dev/null || exec $(1) "$$GIVEN"; \
	printf '%s' "$$GIVEN" | xargs $(1);; *) exec $(1) $$GIVEN;; esac
endef

recognize: $(VENV)/.recognizer
ifdef FILE
	@($(call WITH_FILES,$(BIN)/genrelab recognize --)) || case $$? in 1|123) ;; *) exit 2;; esac  # 1: unsure
else
	@rm -f demo/piece.mp3
	@$(BIN)/genrelab demo --compose demo/piece.mp3
	@$(BIN)/genrelab recognize --no-library demo/piece.mp3
	@echo "To recognize your own music: make recognize FILE=song.mp3"
endif

demo: $(VENV)/.lab
	@$(call WITH_FILES,$(BIN)/genrelab demo --)

test: $(VENV)/.dev
	$(TESTS) -m "not slow and not long" $(PYTEST_ARGS)

slow: $(VENV)/.dev
	$(TESTS) -m "slow and not long" $(PYTEST_ARGS)

long: $(VENV)/.dev
	$(TESTS) -m long $(PYTEST_ARGS)

# Each host program has its own versions of packages, so each plugin has an environment of its own.
$(PLUGINS:%=$(VENV)-%/.test): $(VENV)-%/.test: plugins/%/pyproject.toml pyproject.toml
	$(PYTHON) -m venv --clear $(VENV)-$*
	$(VENV)-$*/bin/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) \
		-e '.[serve]' -e 'plugins/$*[test]'
	@touch $@

plugins: $(PLUGINS:%=$(VENV)-%/.test)
	@for each in $(PLUGINS); do OMP_NUM_THREADS=1 $(VENV)-$$each/bin/python -m pytest -q -n auto --maxprocesses 4 \
		--dist loadfile plugins/$$each $(PYTEST_ARGS) || exit 1; done

$(LOWEST)/.test: pyproject.toml .ci/lowest.py $(VENV)/.dev
	$(PYTHON) -m venv --clear $(LOWEST)
	$(BIN)/python .ci/lowest.py parquet serve > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) \
		-c $(LOWEST)/constraints.txt -e '.[test]'
	@touch $@

# All that is installed for lint, tests, plugins and the lowest versions; `make -j2` installs two at a time.
environments: $(VENV)/.dev $(LOWEST)/.test $(PLUGINS:%=$(VENV)-%/.test)

lowest: $(LOWEST)/.test
	$(call PYTEST_OF,$(LOWEST)) -m "not slow and not long" --ignore tests/lab --ignore tests/package $(PYTEST_ARGS)

docs: $(VENV)/.docs
	sed 's|](docs/|](|g' CHANGELOG.md > docs/changelog.md
	$(BIN)/zensical build --clean --strict

mutants: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -e '.[mutants]'
	$(BIN)/python tests/mutants.py $(MUTANTS_ARGS)

# Parts of their own, so that `make -j2 lint` runs mypy for both systems at once.
lint: lint-style lint-types lint-types-windows

lint-style: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

lint-types: $(VENV)/.dev
	$(BIN)/mypy

lint-types-windows: $(VENV)/.dev
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32 src

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(LOWEST) $(PLUGINS:%=$(VENV)-%) demo site docs/changelog.md .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
