# The commands of this project. Each does its own set-up on a fresh machine, and all of it in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check --no-input

# Public test data that is too large for the repository; tests that need it skip where it is absent.
export ENVSYNC_TEST_DATA ?= $(abspath $(CURDIR)/../shared)

# Test processes; more than four spend longer starting up than they save.
JOBS ?= auto
PYTEST_ARGS ?=

# From npm; newer ones want a newer Node than Debian has.
AZURITE := 3.35.0
AZURITE_STAMP := $(VENV)/.installed-azurite-$(AZURITE)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

.PHONY: demo
demo: $(VENV)/.installed ## validate, plan, apply and a second, empty plan of the examples, on a scratch target
	@set -eu; \
	scratch=$$(mktemp -d); trap 'rm -rf "$$scratch"' EXIT; \
	cp -R envsync.yaml environments "$$scratch"; \
	run() { printf '\n$$ envsync %s\n' "$$*"; $(BIN)/envsync -C "$$scratch" "$$@"; }; \
	run validate; \
	run plan; \
	run apply --yes; \
	run plan --detailed-exitcode

.PHONY: demo-azure
demo-azure: $(VENV)/.installed-azure $(AZURITE_STAMP) ## the same against Azure ML's emulator: a workspace, a registry, a build context
	@set -eu; \
	scratch=$$(mktemp -d); trap 'rm -rf "$$scratch"' EXIT; \
	cp -R environments "$$scratch"; \
	{ echo 'project: demo'; echo 'default_target: dev'; echo 'targets:'; \
	  echo '  dev: {kind: workspace, subscription_id: "$${AZURE_SUBSCRIPTION_ID}", resource_group: "$${AZURE_RESOURCE_GROUP}", workspace: "$${AZUREML_WORKSPACE_NAME}"}'; \
	  echo '  shared: {kind: registry, registry: "$${AZUREML_REGISTRY_NAME}"}'; } >"$$scratch/envsync.yaml"; \
	PATH="$(abspath $(BIN)):$$PATH" envsync -C "$$scratch" emulator -- sh -euc ' \
	  run() { printf "\n\$$ envsync %s\n" "$$*"; envsync "$$@"; }; \
	  run validate; \
	  for target in dev shared; do \
	    run plan -t $$target; \
	    run apply -t $$target --yes; \
	    run plan -t $$target --detailed-exitcode; \
	  done'

.PHONY: test
test: lint pytest ## every check, the same ones that CI runs

.PHONY: lint
lint: $(VENV)/.installed-dev ## style, types and the floors of the architecture
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# Hypothesis is told to be deterministic in CI: a run there says something about the commit alone.
.PHONY: pytest
pytest: $(VENV)/.installed-dev $(AZURITE_STAMP) git ## the tests, with branch coverage
	$(BIN)/python -m pytest -n $(JOBS) --maxprocesses 4 --dist loadscope \
	  --cov --cov-branch --cov-report term $(if $(CI),--hypothesis-profile ci) $(PYTEST_ARGS)

.PHONY: bench
bench: $(VENV)/.installed-dev git ## every benchmark, one after the other
	@set -eu; \
	for script in benchmarks/bench_*.py; do \
	  [ -e "$$script" ] || { echo "There are no benchmarks yet."; break; }; \
	  printf '\n$$ python %s\n' "$$script"; $(BIN)/python "$$script"; \
	done

.PHONY: format
format: $(VENV)/.installed-dev ## rewrites the code in the project's style
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format

.PHONY: clean
clean: ## removes everything that these commands made
	rm -rf $(VENV) build dist .coverage .coverage.* .envsync .hypothesis
	rm -rf .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What a user installs, and what a developer does; again whenever the dependencies may have changed.
$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(PIP) install -e .
	@touch $@

$(VENV)/.installed-azure: pyproject.toml | $(BIN)/python
	$(PIP) install -e '.[azure,emulator]'
	@touch $(VENV)/.installed $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	$(PIP) install -e '.[dev,azure,emulator]'
	@touch $(VENV)/.installed $(VENV)/.installed-azure $@

# Microsoft's emulator of the blob service, which keeps the emulator's build contexts.
$(AZURITE_STAMP): | $(BIN)/python node
	npm install --prefix $(VENV)/azurite azurite@$(AZURITE) \
	  --no-audit --no-fund --no-save --no-package-lock --loglevel=error >/dev/null
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name one with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || $(call debian,python3-venv)
	$(PYTHON) -m venv $(VENV)

.PHONY: git
git:
	@command -v git >/dev/null || $(call debian,git)

.PHONY: node
node:
	@{ command -v node && command -v npm; } >/dev/null || $(call debian,nodejs npm)

# $(call debian,PACKAGE): installs a missing Debian package where that is possible, else asks for it.
define debian
{ if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; \
  then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(1) >/dev/null; \
  else echo "$(1) is needed; please install it." >&2; exit 1; fi; }
endef
