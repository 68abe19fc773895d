# Two commands for a start: `make demo`, then `make test`. `make` alone lists all of them.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: help demo test check format up down status logs run backfill recheck sql backup restore verify rebuild sample reports bench env lock clean

VENV := .venv
FLOCON := $(VENV)/bin/flocon
BASE := $(VENV)/.installed
DEV := $(VENV)/.installed-dev
export PYTHON

DOMAIN ?= taxi
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

test: $(DEV) ## Run the tests on servers of their own, in two processes [ARGS="tests/unit -k month"]
	@$(VENV)/bin/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(ARGS)

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

run: $(BASE) ## Run a domain's main job [DOMAIN=taxi|sales|wine]: taxi MONTHS=2024-01..2024-03 [SERVICE=yellow|green|both]; sales [LAYER=silver] [AS_OF=2024-12-31]; wine MONTHS=2024-05; all [SOURCE=...] [FORCE=1]
	$(if $(filter taxi wine,$(DOMAIN)),$(call need,MONTHS,make run SERVICE=yellow MONTHS=2024-01..2024-03))
	@$(FLOCON) $(call quoted,DOMAIN) run $(call option,--months,MONTHS) $(call option,--service,SERVICE) $(call option,--layer,LAYER) $(call option,--as-of,AS_OF) $(call option,--source,SOURCE) $(call flag,--force,FORCE)

backfill: $(BASE) ## Load taxi months through Airflow's own backfill: MONTHS=2024-01..2024-12 [SERVICE=...] [SOURCE=...] [FORCE=1]
	$(call need,MONTHS,make backfill SERVICE=yellow MONTHS=2024-01..2024-12)
	@$(FLOCON) taxi backfill $(call option,--months,MONTHS) $(call option,--service,SERVICE) $(call option,--source,SOURCE) $(call flag,--force,FORCE)

recheck: $(BASE) ## Ask the source for every loaded taxi month, and load again what was re-published
	@$(FLOCON) taxi recheck

sql: $(BASE) ## Print a query's result as CSV: Q="select ..." [SERVER=mart|warehouse]
	$(call need,Q,make sql Q="select * from ledger.reconciliation")
	@$(FLOCON) sql --server $(call quoted,SERVER) $(call quoted,Q)

backup: $(BASE) ## Back up the warehouse and the mart as they are at one moment, while runs go on [TO=backups]
	@$(FLOCON) backup $(call option,--to,TO)

restore: $(BASE) ## Restore a backup, whole or not at all, and verify: FROM=backups/20240501T060000Z [FORCE=1]
	$(call need,FROM,make restore FROM=backups/20240501T060000Z)
	@$(FLOCON) restore --from $(call quoted,FROM) $(call flag,--force,FORCE)

verify: $(BASE) ## Hold the ledger against the lake, and the mart against the warehouse [DEEP=1]
	@$(FLOCON) verify $(call flag,--deep,DEEP)

rebuild: $(BASE) ## Make the warehouse and the mart again from the lake [DOMAIN=taxi|sales|wine] [MONTHS=2024-01..2024-03] [AS_OF=2024-12-31] [FORCE=1]
	@$(FLOCON) rebuild $(if $(filter command,$(origin DOMAIN)),--domain $(call quoted,DOMAIN)) $(call option,--months,MONTHS) $(call option,--as-of,AS_OF) $(call flag,--force,FORCE)

sample: $(BASE) ## Write generated, synthetic files [DOMAIN=taxi|sales]: taxi MONTHS=2024-01 [SERVICE=...] [ROWS=...]; sales [CLIENTS=1500] [PURCHASES=5]; both [SEED=...] [TO=<folder>]
	$(if $(filter taxi,$(DOMAIN)),$(call need,MONTHS,make sample MONTHS=2024-01 ROWS=1000000))
	@$(FLOCON) $(call quoted,DOMAIN) sample $(call option,--months,MONTHS) $(call option,--service,SERVICE) $(call option,--rows,ROWS) $(call option,--clients,CLIENTS) $(call option,--purchases,PURCHASES) $(call option,--seed,SEED) $(call option,--as-of,AS_OF) $(call option,--to,TO)

reports: $(BASE) ## Fetch the published reports of a month: DOMAIN=wine MONTHS=2024-05 [TO=<folder>]
	$(call need,MONTHS,make reports DOMAIN=wine MONTHS=2024-05 TO=reports/wine)
	@$(FLOCON) $(call quoted,DOMAIN) reports --months $(call quoted,MONTHS) $(call option,--to,TO)

bench: $(DEV) ## Measure loading against PostgreSQL's limit and gold against pandas, into reports/bench.json [ROWS=3000000] [CLIENTS=1000000]
	@$(VENV)/bin/python -m benchmarks $(call option,--rows,ROWS) $(call option,--clients,CLIENTS)

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
