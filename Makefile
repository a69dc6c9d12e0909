# CARE Field's commands. `make help` lists them. Everything they install and start is in this directory:
# .venv, node_modules and .local (the private PostgreSQL, Redis and nginx).

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
export PYTHON
PORT ?= 8000

LOCAL := $(PYTHON) -m deploy.local
# Runs a command in the environment of .local/env, with .venv first in PATH, while PostgreSQL and Redis are up.
WITH := $(LOCAL) with
TEMPLATES = $$(find templates */templates -name '*.html' 2>/dev/null)
JS_TESTS = $$(find tests -name '*.test.js' -o -name '*.test.mjs' | sort)
# A test that waits for ever fails instead; Node 18 has no such limit.
JS_LIMIT = $$(node --help | grep -q -- --test-timeout && echo --test-timeout=60000)
# Left to itself, Node leaves one core alone.
JS_CORES = $$(node --help | grep -q -- --test-concurrency && echo --test-concurrency=2)

# What a production environment looks like to Django; the secrets are nobody's.
LIKE_PRODUCTION := env DEMO=0 DEBUG=0 PUBLIC_ORIGIN=https://care.example.org ALLOWED_HOSTS=care.example.org \
	CSRF_TRUSTED_ORIGINS=https://care.example.org \
	SECRET_KEY=only-for-this-check-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ \
	MFA_KEYS=bm9ib2R5J3Mga2V5LCBmb3IgdGhpcyBjaGVjayBvbmw= \
	TABLET_KEYS=bm9ib2R5J3Mga2V5LCBmb3IgdGhpcyBjaGVjayBvbmw= \
	SEAL_KEYS=bm9ib2R5J3Mga2V5LCBmb3IgdGhpcyBjaGVjayBvbmw= \
	FIELD_KEYS=check:bm9ib2R5J3Mga2V5LCBmb3IgdGhpcyBjaGVjayBvbmw= \
	BLIND_INDEX_KEY=bm9ib2R5J3Mga2V5LCBmb3IgdGhpcyBjaGVjayBvbmw=

.PHONY: help
help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- run ---

.PHONY: run install services stop shell clean
run:  ## install what is missing and start the site on http://localhost:8000/ (PORT=8080: on another port)
	@$(LOCAL) run --port "$(PORT)"

install:  ## install what is missing: Debian's packages, .venv, node_modules
	@$(LOCAL) install

services: install  ## start the private PostgreSQL and Redis, and leave them running
	@$(LOCAL) services

stop:  ## stop the private PostgreSQL and Redis
	@$(LOCAL) stop

shell: install  ## a Python shell with the models
	@$(WITH) python manage.py shell

clean:  ## remove .venv, node_modules and .local, with the database in it
	@$(LOCAL) clean

# --- test ---

.PHONY: test test-python test-simulation test-races test-faults test-browser test-js coverage
test: install  ## all tests; goes on after a failure, and fails at the end
	@$(WITH) $(MAKE) --no-print-directory --keep-going test-js test-python test-simulation test-races test-faults test-browser
	@echo "All tests have passed."

# pytest's status 5 means that it has found no test; a part that has none yet has not failed.
OR_NONE := || test $$? = 5

test-python:  ## tests in Python, on both cores; ARGS='-k poach' to choose
	@$(WITH) pytest -n 2 -m "not race and not browser and not simulation" $(ARGS) $(OR_NONE)

test-simulation:  ## a hundred seeds of tablets, server and network in chaos
	@$(WITH) pytest -n 2 -m "simulation and not race" $(ARGS) $(OR_NONE)

# What kills, stops and floods processes, and says how long anything may take meanwhile.
FAULTS := tests/backup_chaos tests/faults

test-races:  ## tests that race threads against each other, a file on each core
	@$(WITH) pytest -n 2 --dist loadfile -m race $(FAULTS:%=--ignore=%) $(ARGS) $(OR_NONE)

test-faults:  ## tests that kill processes and cut networks; alone on the machine
	@$(WITH) pytest -m race $(FAULTS) $(ARGS) $(OR_NONE)

.PHONY: simulate takes chaos
simulate: install  ## 1,000 seeds of tablets, server and network in chaos (SEEDS=10000 for a release, SEED=7 replays one)
	@$(WITH) env SEEDS=$(or $(SEEDS),1000) $(if $(SEED),SEED=$(SEED)) pytest -n $(if $(SEED),0,2) tests/simulation/test_seeds.py $(ARGS)

takes: install  ## 50,000 takes from tablets without signal, at once: is every call's history linearizable? (TAKES=1000: fewer)
	@$(WITH) env TAKES=$(or $(TAKES),50000) pytest -m race tests/linearizability/test_takes.py $(ARGS)

chaos: install  ## 10,000 requests for backup while everything dies in turn: none lost, none doubled, all rung in time (SEED=7 replays)
	@$(WITH) env CHAOS_PRESSES=$(or $(CHAOS_PRESSES),10000) $(if $(SEED),SEED=$(SEED)) pytest -n 0 -m race tests/backup_chaos/test_chaos.py $(ARGS)

.PHONY: care-years
care-years: install  ## five years of 10,000 encounters, sweeps cut off, doubled and away: is each step due once, at its local hour? (SEED=7 replays)
	@$(WITH) env ENCOUNTERS=$(or $(ENCOUNTERS),10000) $(if $(SEED),SEED=$(SEED)) pytest -n 0 -m race tests/followups/virtual_time $(ARGS)

test-browser:  ## tests of running sites in Chromium, one on each core
	@$(WITH) pytest -n 2 --dist loadfile -m browser $(ARGS) $(OR_NONE)

test-js:  ## tests of the tablet's and the desk's JavaScript
	@if [ -n "$(JS_TESTS)" ]; then node --import ./tests/js/browser.js --test $(JS_LIMIT) $(JS_CORES) $(JS_TESTS); else echo "There is no test in JavaScript yet."; fi

coverage: install  ## which lines and branches the tests in Python reach
	@$(WITH) pytest -n 2 -m "not browser" --cov --cov-report=term-missing:skip-covered $(ARGS)

# --- check ---

CHECKS := format-check lint types imports migrations templates js-types api-schema call-states deploy-check compose-check
.PHONY: check $(CHECKS)
check: install  ## all checks that are no tests; reports every failure, not only the first
	@$(WITH) $(MAKE) --no-print-directory --keep-going $(CHECKS)
	@echo "All checks have passed."

format-check:  ## is the Python code formatted?
	@$(WITH) ruff format --check --output-format concise .

lint:  ## ruff's lint
	@$(WITH) ruff check --output-format concise .

types:  ## mypy, strict
	@$(WITH) mypy

imports:  ## do the imports go one way?
	@$(WITH) lint-imports

migrations:  ## does every change of a model have its migration?
	@$(WITH) python manage.py makemigrations --check --dry-run

templates:  ## are the templates formatted?
	@$(WITH) djade --check --target-version 5.2 $(TEMPLATES)

js-types:  ## tsc, strict, over the JavaScript
	@$(WITH) node_modules/.bin/tsc --project tsconfig.json

api-schema:  ## is docs/api.yaml what the views say?
	@$(WITH) python manage.py spectacular --validate --fail-on-warn --file .local/api.yaml
	@diff -u docs/api.yaml .local/api.yaml || { echo "docs/api.yaml is stale: make docs"; exit 1; }

call-states:  ## is docs/call-states.md what the table of transitions says?
	@$(WITH) python manage.py call_states --check

deploy-check:  ## Django's own check of production settings
	@$(WITH) $(LIKE_PRODUCTION) python manage.py check --deploy --fail-level WARNING

compose-check:  ## is compose.yaml sound?
	@$(WITH) python -m deploy.check_compose

# --- write ---

.PHONY: fmt docs lock bench bench-peers
fmt: install  ## format Python and templates, and mend what the lint can mend
	@$(WITH) ruff check --quiet --fix-only .
	@$(WITH) ruff format --quiet .
	@$(WITH) djade --target-version 5.2 $(TEMPLATES) || true

docs: install  ## write docs/api.yaml and docs/call-states.md anew
	@$(WITH) python manage.py spectacular --validate --fail-on-warn --file docs/api.yaml
	@$(WITH) python manage.py call_states

lock: install  ## pin the dependencies of pyproject.toml anew, with hashes; UPGRADE=1 takes the newest
	@$(WITH) python -m deploy.lock $(if $(UPGRADE),--upgrade)

bench: install  ## the measurements of docs/benchmarks.md
	@$(WITH) python -m bench $(ARGS)

bench-peers: install  ## the same work by Kinto, side by side; installs it into .local/peers
	@$(WITH) python -m bench against_kinto
