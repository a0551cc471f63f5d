# Gristmill's commands for people; `make` lists them. All of them set up first, in .venv, what they need.

.DEFAULT_GOAL := help
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
.PHONY: help run test test-system check format lock reference graph bench-peers setup setup-dev clean

# Passed on to requirements/setup.sh where given: PYTHON=python3.12, DEVICE=cpu or DEVICE=gpu.
export PYTHON DEVICE
# DVC's stages, and the tests, call the commands of this environment by name.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

run: setup ## run the main job once: seeds -> model -> filters -> audit -> a release on S3 (ARGS="..." for gristmill run)
	@.venv/bin/gristmill run $(ARGS)

test: check ## the static checks and the tests that a commit needs (ARGS="-k name" for pytest)
	@.venv/bin/pytest -m "not system" --numprocesses 2 --dist loadfile $(ARGS)

test-system: setup-dev ## the long tier: every real part, up to 40 minutes
	@.venv/bin/pytest -m system $(ARGS)

check: setup-dev ## ruff, mypy, import-linter
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy
	@.venv/bin/lint-imports

format: setup-dev ## let ruff put the code in order
	@.venv/bin/ruff check --fix
	@.venv/bin/ruff format

lock: setup-dev ## resolve requirements/*.in to the pinned lists requirements/*.txt
	@requirements/lock.sh

reference: setup-dev ## write docs/commands.md, *.schema.json and the table in docs/recipes.md from the program
	@.venv/bin/python -m gristmill.cli.reference > docs/commands.md
	@.venv/bin/gristmill schema > params.schema.json
	@.venv/bin/gristmill schema recipe > recipes.schema.json
	@.venv/bin/python -m gristmill.cli.recipe_table docs/recipes.md

graph: setup-dev ## write into dvc.yaml which code each stage depends on, from the imports
	@.venv/bin/python -m tests.write_graph

bench-peers: ## make .venv-peers, an environment of its own for what the benchmarks compare with
	@test -x .venv-peers/bin/python || python3 -m venv .venv-peers
	@.venv-peers/bin/python -m pip install --quiet -r bench/peers/requirements.txt

setup: ## make the environment that runs
	@requirements/setup.sh

setup-dev: ## make the environment for the checks and tests too
	@requirements/setup.sh dev

clean: ## remove the environment and the tools' caches; data, journal and releases stay
	rm -rf .venv *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
