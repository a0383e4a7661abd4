# Two commands: `make dev` serves the app of this repository, `make test` runs every check.
# Each sets up what it needs first; a second run finds it done.

PYTHON ?= python3
BIN := .venv/bin
STAMPS := .setup
WEB := functions/_web
NPM_CI := npm ci --no-audit --no-fund --loglevel=error

.PHONY: setup dev test lint types unit bench clean

setup: $(STAMPS)/python

$(STAMPS)/python: requirements.lock pyproject.toml
	@mkdir -p $(STAMPS)
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(STAMPS)/web: $(WEB)/package-lock.json
	@mkdir -p $(STAMPS)
	cd $(WEB) && $(NPM_CI)
	@touch $@

$(WEB)/dist/index.html: $(STAMPS)/web $(shell find $(WEB) -name node_modules -prune -o -name dist -prune -o -type f -print)
	cd $(WEB) && npm run --silent build
	@touch $@

dev: setup $(WEB)/dist/index.html
	@$(BIN)/reactive dev

$(STAMPS)/clients: tests/clients/package-lock.json tests/web/package-lock.json
	@mkdir -p $(STAMPS)
	cd tests/clients && $(NPM_CI)
	cd tests/web && $(NPM_CI)
	@command -v chromium > /dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium > /dev/null; }
	@touch $@

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-cache

types: setup $(STAMPS)/web
	$(BIN)/mypy
	$(BIN)/mypy --explicit-package-bases schema.py functions
	$(BIN)/mypy --explicit-package-bases --exclude '/(app|apps|python|typechecks)/' tests
	cd $(WEB) && npm run --silent typecheck

test: lint types $(STAMPS)/clients $(WEB)/dist/index.html
	cd $(WEB) && npm test --silent
	$(BIN)/python -m pytest -q

bench: setup
	$(BIN)/python tests/bench/run.py $(ARGS)

clean:
	rm -rf .venv $(STAMPS) $(WEB)/node_modules $(WEB)/dist tests/clients/node_modules tests/web/node_modules
