# `make demo` and `make test` are the two commands of the README; each sets up what it needs first.
.PHONY: demo test setup setup-test lint types vm calibrations lock bench campaign clean help
.DEFAULT_GOAL := help
SHELL := /bin/bash
BIN := .venv/bin
SECONDS_HEADLESS ?= 45
DEMO_ARGS ?=
PYTEST_ARGS ?=
# Nearly half of the tests' time is waiting for boards, brokers and browsers that live in real time: two workers a core.
WORKERS ?= $(shell echo $$(( $$(nproc) * 2 )))

# Where nothing is to be kept of compiled modules, each test worker and each program under test would compile all anew.
unexport PYTHONDONTWRITEBYTECODE

PURE := firmware/wire firmware/detection firmware/tracking gateway/contract gateway/geofence sensor_models alarm_backend/alarms/lifecycle.py waakzaam

help: ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: setup ## run the whole chain and open the console's address it prints
	@WAAKZAAM_ENDS_WITH=$$PPID exec $(BIN)/waakzaam demo $(DEMO_ARGS)

test: setup-test lint ## set up, run every test, and check types beside them
	@mkdir -p .build; $(BIN)/mypy $(PURE) >.build/types.log 2>&1 & types=$$!; \
	  $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(PYTEST_ARGS); tests=$$?; \
	  wait $$types; types=$$?; cat .build/types.log; [ $$tests = 0 ] || exit $$tests; exit $$types

setup: ## virtual environment, libraries, MicroPython VM, browser libraries
	@bash setup.sh demo

setup-test: ## the same, with brokers, database, browser and test libraries
	@bash setup.sh test

lint: ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { echo "lint: format differs; run .venv/bin/ruff format ."; exit 1; }

types: ## strict type checking of the pure packages
	@$(BIN)/mypy $(PURE)

vm: ## build the MicroPython VM only
	@bash simulators/virtual_board/build_vm.sh

bench: ## every benchmark; exit status 1 when a target is missed
	@for name in $$($(BIN)/python -c 'from waakzaam.commands.bench import names; print(*names())'); do \
	  echo "== $$name"; $(BIN)/waakzaam bench $$name || missed=1; done; exit $${missed:-0}

campaign: setup-test ## the long randomised campaigns (hours)
	@$(BIN)/python -m pytest -m campaign --run-campaigns $(PYTEST_ARGS)

calibrations: ## remake the calibration files of the strips from simulated scans (minutes)
	@$(BIN)/python -m waakzaam.strip_calibrations

lock: ## remake the lock files from pyproject.toml
	@$(BIN)/pip-compile -q --all-extras --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-find-links \
	  --no-emit-trusted-host --strip-extras --no-header -o requirements-test.lock pyproject.toml
	@$(BIN)/pip-compile -q --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-find-links -c requirements-test.lock \
	  --no-emit-trusted-host --strip-extras --no-header -o requirements.lock pyproject.toml

clean: ## remove what setup made
	rm -rf .venv .build alarm_backend/console/node_modules
