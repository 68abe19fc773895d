# Two commands for a start: `make demo`, then `make test`. `make` alone lists all of them.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: help demo test check format up down status logs run backfill recheck sql sample bench env lock clean

VENV := .venv
FLOCON := $(VENV)/bin/flocon
BASE := $(VENV)/.installed
DEV := $(VENV)/.installed-dev
export PYTHON

SERVICE ?= yellow
SERVER ?= mart

# A value as one shell word, whatever is in it; an option only where its variable is set.
quoted = '$(subst ','\'',$(value $(1)))'
option = $(if $(value $(2)),$(1) $(call quoted,$(2)))
flag = $(if $(filter-out 0,$(value $(2))),$(1))
need = $(if $(value $(1)),,$(error $(1) is missing: $(2)))

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(BASE) ## Start everything, load three yellow months, show that they balance [SOURCE=sample|tlc] [FORCE=1]
	@$(FLOCON) demo $(call option,--source,SOURCE) $(call flag,--force,FORCE)

test: $(DEV) ## Run the tests on servers of their own [ARGS="tests/unit -k month"]
	@$(VENV)/bin/python -m pytest $(ARGS)

check: $(DEV) ## Lint, format and types, as CI does
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/sqlfluff lint sql/

format: $(DEV) ## Put Python and SQL into the project's format
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .
	@$(VENV)/bin/sqlfluff fix sql/

up: $(BASE) ## Start the servers and wait until they are healthy
	@$(FLOCON) up

down: $(BASE) ## Stop the servers; the data stays
	@$(FLOCON) down

status: $(BASE) ## Show each server's state, health and address
	@$(FLOCON) status

logs: $(BASE) ## Show the servers' logs [SERVER=mart] [FOLLOW=1]
	@$(FLOCON) logs $(if $(filter command,$(origin SERVER)),$(call quoted,SERVER)) $(call flag,--follow,FOLLOW)

run: $(BASE) ## Load months: MONTHS=2024-01..2024-03 [SERVICE=yellow|green|both] [SOURCE=tlc|sample|<folder>|<url>] [FORCE=1]
	$(call need,MONTHS,make run SERVICE=yellow MONTHS=2024-01..2024-03)
	@$(FLOCON) run --months $(call quoted,MONTHS) --service $(call quoted,SERVICE) $(call option,--source,SOURCE) $(call flag,--force,FORCE)

backfill: $(BASE) ## Load months through Airflow's own backfill: MONTHS=2024-01..2024-12 [SERVICE=...] [SOURCE=...] [FORCE=1]
	$(call need,MONTHS,make backfill SERVICE=yellow MONTHS=2024-01..2024-12)
	@$(FLOCON) backfill --months $(call quoted,MONTHS) --service $(call quoted,SERVICE) $(call option,--source,SOURCE) $(call flag,--force,FORCE)

recheck: $(BASE) ## Ask the source for every loaded month, and load again what was re-published
	@$(FLOCON) recheck

sql: $(BASE) ## Print a query's result as CSV: Q="select ..." [SERVER=mart|warehouse]
	$(call need,Q,make sql Q="select * from ledger.reconciliation")
	@$(FLOCON) sql --server $(call quoted,SERVER) $(call quoted,Q)

sample: $(BASE) ## Write generated, synthetic months to files: MONTHS=2024-01 [SERVICE=...] [ROWS=...] [SEED=...] [TO=<folder>]
	$(call need,MONTHS,make sample MONTHS=2024-01 ROWS=1000000)
	@$(FLOCON) sample --months $(call quoted,MONTHS) --service $(call quoted,SERVICE) $(call option,--rows,ROWS) $(call option,--seed,SEED) $(call option,--to,TO)

bench: $(DEV) ## Measure loading against the limit of PostgreSQL, into reports/bench.json [ROWS=3000000]
	@$(VENV)/bin/python -m benchmarks $(call option,--rows,ROWS)

env: $(BASE) ## Write the missing secrets into .env, which only you can read
	@$(FLOCON) env

lock: $(BASE) ## Choose the versions of all dependencies anew, within the bounds of setup.py
	@scripts/lock.sh

clean: ## Remove the virtual environment and caches; with DATA=1 the servers' data too. Refuses while they run
	@scripts/clean.sh $(call flag,--data,DATA)

# A stamp is written last: an installation that was interrupted is done again.
$(BASE): requirements.txt requirements-uv.txt setup.py scripts/install.sh
	@scripts/install.sh requirements.txt
	@touch $@

$(DEV): requirements-dev.txt $(BASE)
	@scripts/install.sh requirements-dev.txt
	@touch $@
