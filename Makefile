# Two commands: `make dev` serves the app of this repository, `make test` runs every check.
# Each sets up what it needs first; a second run finds it done.

PYTHON ?= python3
BIN := .venv/bin
STAMPS := .setup
WEB := functions/_web
EXAMPLES := $(patsubst %/schema.py,%,$(wildcard examples/*/schema.py))
PACKAGES := $(patsubst %/package-lock.json,%,$(wildcard \
	$(WEB)/package-lock.json examples/package-lock.json examples/*/package-lock.json tests/*/package-lock.json))
READY := $(PACKAGES:%=%/node_modules/.ready)
PAGES := $(WEB)/dist/index.html $(STAMPS)/example-pages
# Answers, sockets and pages that are cut, killed and flipped, again and again: minutes of waiting.
SOAK := tests/socketio/test_restart.py tests/ai/test_crashes_again.py tests/readers/test_stopping.py \
	tests/web/test_answers_looks.py tests/examples/test_pages.py tests/trial/test_drill_under_load.py
# Races that are decided by who gets a processor.
ALONE := tests/clients/test_transactions.py

# Hundreds of servers are started, which would all compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup dev examples example-types test lint types units soak bench clean

setup: $(STAMPS)/python

$(STAMPS)/python: requirements.lock pyproject.toml
	@mkdir -p $(STAMPS)
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

%/node_modules/.ready: %/package-lock.json
	cd $* && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(STAMPS)/chromium:
	@mkdir -p $(STAMPS)
	@command -v chromium > /dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium > /dev/null; }
	@touch $@

$(WEB)/dist/index.html: $(WEB)/node_modules/.ready $(shell find $(WEB) -name node_modules -prune -o -name dist -prune -o -type f -print)
	cd $(WEB) && npm run --silent build
	@touch $@

$(STAMPS)/example-pages: examples/node_modules/.ready $(shell find examples -name node_modules -prune -o -name dist -prune -o -name .reactive -prune -o -name __pycache__ -prune -o -type f -print)
	@mkdir -p $(STAMPS)
	cd examples && npm run --silent build
	@touch $@

examples: setup $(STAMPS)/example-pages

# After a change of an example's functions, or of how types are generated.
example-types: setup
	@for app in $(dir $(wildcard examples/*/_generated)); do $(BIN)/reactive codegen --project $$app || exit 1; done

dev: setup $(WEB)/dist/index.html
	@$(BIN)/reactive dev

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-cache

types: setup $(WEB)/node_modules/.ready examples/node_modules/.ready
	$(BIN)/mypy
	$(BIN)/mypy --explicit-package-bases schema.py functions
	$(BIN)/mypy --explicit-package-bases --exclude '/(app|apps|recurring|python|typechecks)/' tests
	@# Each on its own: every app has a schema and functions.
	@for app in $(EXAMPLES); do echo "mypy $$app"; (cd $$app && ../../$(BIN)/mypy --config-file ../../pyproject.toml --cache-dir ../../.mypy_cache/examples --explicit-package-bases schema.py functions) || exit 1; done
	cd $(WEB) && npm run --silent typecheck
	cd examples && npm run --silent typecheck

units: setup $(READY) $(PAGES) $(STAMPS)/chromium
	cd $(WEB) && npm test --silent
	@# What failed beside three busy neighbours runs once more without them: on a loaded machine a wait
	@# may end too early. Both outcomes are printed; what fails twice is broken.
	$(BIN)/python -m pytest -q -n 4 --dist loadfile --no-loadscope-reorder --cache-clear $(SOAK:%=--ignore=%) $(ALONE:%=--ignore=%) \
		|| $(BIN)/python -m pytest -q --last-failed --last-failed-no-failures none
	$(BIN)/python -m pytest -q $(ALONE)

soak: setup $(READY) $(PAGES) $(STAMPS)/chromium
	$(BIN)/python -m pytest -q -n 2 --dist loadfile $(SOAK)

# Most tests wait for other processes, so the checkers run beside them.
test: setup
	@$(MAKE) --no-print-directory -j 4 $(READY) $(PAGES) $(STAMPS)/chromium lint
	@$(MAKE) --no-print-directory -j 2 --output-sync=target types units

bench: setup
	$(BIN)/python -m tests.bench.run $(ARGS)

clean:
	rm -rf .venv $(STAMPS) $(PACKAGES:%=%/node_modules) $(WEB)/dist examples/*/dist
