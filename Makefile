# UserSplit: `make help` lists what there is.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev pins run browser test test-sdk test-engines parity fuzz lint format messages check bench bench-audience clean

PORT ?= 8000
DEMO ?= 1
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv/bin
SDK_ALONE := .venv/sdk-alone/bin
# Compiled modules are kept in .venv, also where containers switch that off: a start takes a third of the time.
export PYTHONPYCACHEPREFIX := $(CURDIR)/.venv/pycache
unexport PYTHONDONTWRITEBYTECODE

help: ## list these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: ## install what the product needs into .venv (quick when nothing has changed)
	@$(PYTHON) scripts/setup.py

setup-dev: ## the same, and what tests and checks need
	@$(PYTHON) scripts/setup.py --dev

pins: setup ## resolve requirements/*.in anew into pinned, hashed *.txt
	@for name in bootstrap runtime dev sdk-alone synapse engines node $(basename $(notdir $(wildcard requirements/bench-*.in))); do \
	  PYTHONPATH=.venv/uv $(PYTHON) -m uv pip compile --quiet --generate-hashes --no-header --no-emit-index-url \
	    --universal --python-version 3.11 --upgrade requirements/$$name.in -o requirements/$$name.txt || exit 1; \
	done

run: setup ## start the whole product: PORT=8000, HOST=127.0.0.1, DEMO=0 for an empty one
	@PORT=$(PORT) DEMO=$(DEMO) exec $(VENV)/python -m usersplit.embedded run --with-parent

test: setup-dev browser ## run every test, the browser's included: ARGS="-k name" to choose
	@$(VENV)/python -m usersplit.embedded exec -- $(VENV)/python scripts/run_tests.py $(or $(ARGS),tests)
	@$(if $(ARGS),,$(MAKE) --no-print-directory test-sdk)

test-sdk: setup-dev ## run the SDK's own tests, with the SDK installed alone
	@cd sdk && ../$(SDK_ALONE)/python -P -m pytest --numprocesses=2 --dist=worksteal --durations=10 $(ARGS)

browser: setup-dev
	@$(VENV)/python scripts/browser.py

lint: setup-dev ## types, style, architecture, templates, migrations
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy
	$(VENV)/lint-imports
	$(VENV)/djlint --check --lint --quiet templates
	STATIC_STORAGE=django.contrib.staticfiles.storage.StaticFilesStorage $(VENV)/python -m usersplit.embedded exec -- $(VENV)/python manage.py makemigrations --check --dry-run

format: setup-dev ## put code into the shape that lint asks for
	@$(VENV)/ruff check --fix-only --quiet . && $(VENV)/ruff format --quiet .

messages: setup ## collect what pages say into locale/, for translators
	@$(VENV)/python scripts/messages.py && $(PYTHON) scripts/setup.py

check: lint test ## all that CI does

bench: setup ## measure what must stay fast, beside others: ARGS="decisions start peers audience" to choose
	@$(VENV)/python -m usersplit.embedded exec -- $(VENV)/python -m bench $(ARGS)

bench-audience: setup ## measure counting: 10 million users, 40 tests, and how both grow
	@$(VENV)/python -m usersplit.embedded exec -- $(VENV)/python -m bench audience growth

parity: setup-dev ## 20,000 random conditions on 1,000 users: every engine says what the SDK says, user by user
	@$(VENV)/python -m usersplit.embedded exec -- $(VENV)/python -m tests.audience.parity --trees 20000 --users 1000

fuzz: setup-dev ## ten minutes of schemathesis against the running API: FUZZ_SECONDS=600
	@FUZZ_SECONDS=$(or $(FUZZ_SECONDS),600) $(VENV)/python -m usersplit.embedded exec -- $(VENV)/python -m pytest tests/usersplit/test_api_fuzz.py -n0 -s

test-engines: setup-dev ## run the counts on two shards of ClickHouse, of PostgreSQL, and on Spark; fetches them
	@$(VENV)/python scripts/engines.py $(ARGS)

clean: ## remove what can be made again; never var/, where the data is
	rm -rf .venv node_modules static/vendor .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
