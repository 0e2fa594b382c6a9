# The commands of this project. Each does its own set-up on a fresh machine, and all of it in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check --no-input

# Public test data that is too large for the repository; tests that need it skip where it is absent.
export ENVSYNC_TEST_DATA ?= $(abspath $(CURDIR)/../shared)

# The tests start hundreds of processes, and each would compile envsync again.
unexport PYTHONDONTWRITEBYTECODE

# Test processes: two more than there are cores, because tests also wait for other processes. More
# than four spend longer starting up than they save.
JOBS ?= $(shell expr $$(nproc 2>/dev/null || echo 2) + 2)
PYTEST_ARGS ?=

# From npm; newer ones want a newer Node than Debian has.
AZURITE := 3.35.0
AZURITE_STAMP := $(VENV)/.installed-azurite-$(AZURITE)

# Finds what keeps people from reading a page, in the tests of the report.
AXE := 4.14.1
AXE_STAMP := $(VENV)/.installed-axe-core-$(AXE)

# Microsoft's clients that the emulator is tested with, each in an environment of its own: the
# versions that they need are not ours. The newest @azure/identity wants a newer Node, too.
AZURE_CLI := 2.91.0
AZURE_MGMT := 2.0.0b2
AZURE_JS := 2.1.1
AZURE_JS_IDENTITY := 4.8.0
AZURE_CLI_STAMP := $(VENV)/.installed-azure-cli-$(AZURE_CLI)
AZURE_MGMT_STAMP := $(VENV)/.installed-azure-mgmt-$(AZURE_MGMT)
AZURE_JS_STAMP := $(VENV)/.installed-azure-js-$(AZURE_JS)-$(AZURE_JS_IDENTITY)
CLIENT_STAMPS := $(AZURE_CLI_STAMP) $(AZURE_MGMT_STAMP) $(AZURE_JS_STAMP)

# The dependencies of envsync as wheels, for the tests that install envsync.
WHEELS_STAMP := $(VENV)/.installed-wheels
TESTED_WITH := $(VENV)/.installed-dev $(AZURITE_STAMP) $(AXE_STAMP) $(CLIENT_STAMPS) $(WHEELS_STAMP)

# Releases of azure-ai-ml whose requests or uploads differ.
AZURE_AI_ML := 1.5.0 1.15.0 1.23.1 1.28.1 1.35.0

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

# Types without a cache keep one core busy, so the tests run at the same time. Most steps of the set-up
# wait for the network, so they run at the same time, too. If `lint` fails, the tests still run.
.PHONY: test
test: ## every check, the same ones that CI runs
	@$(MAKE) --no-print-directory --jobs $(JOBS) --keep-going lint pytest

# What a change to the core needs, while it is being made: no emulator, no other process.
CORE := tests/model tests/plan tests/project tests/render
NOT_CORE := tests/plan/test_properties.py tests/render/html/test_page.py

.PHONY: check
check: $(VENV)/.installed-dev ## lint, types and the tests of the core: for while you work
	@$(MAKE) --no-print-directory --jobs 2 lint core

.PHONY: core
core: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -q -n $(JOBS) --maxprocesses 4 --hypothesis-profile quick \
	  $(CORE) $(NOT_CORE:%=--ignore %)

.PHONY: lint
lint: $(VENV)/.installed-dev ## style, types and the floors of the architecture
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# Hypothesis is told to be deterministic in CI: a run there says something about the commit alone.
.PHONY: pytest
pytest: $(TESTED_WITH) git chromium registry ## the tests
	$(BIN)/python -m pytest -n $(JOBS) --maxprocesses 4 --dist loadscope --no-loadscope-reorder \
	  $(if $(CI),--hypothesis-profile ci) $(PYTEST_ARGS)

# Apart from the tests, because measuring takes half as long again.
.PHONY: coverage
coverage: ## the tests, with branch coverage: at least 96 percent
	$(MAKE) pytest PYTEST_ARGS='--cov --cov-branch --cov-report term --cov-fail-under 96 $(PYTEST_ARGS)'

.PHONY: bench
bench: $(VENV)/.installed-azure git ## envsync beside other tools: a table of ratios; half an hour
	$(BIN)/python -m benchmarks $(BENCH)

# BASE and HEAD are two commits.
BASE ?= HEAD~1
HEAD ?= HEAD
.PHONY: bench-guard
bench-guard: $(VENV)/.installed git ## fails if HEAD is slower than BASE by more than 15 %
	$(BIN)/python -m benchmarks.guard $(BASE) $(HEAD)

.PHONY: bench-releases
bench-releases: $(VENV)/.installed git ## plans and applies 1,380 public releases, and compares the result with git
	$(BIN)/python -m benchmarks.releases

# What a script does is in its first lines. TORTURE='--seed 7 --minutes 120' gives every script
# another seed and more time; kinds of runs that have not reached their number then go on.
TORTURE ?= --minutes 30
.PHONY: torture
torture: $(VENV)/.installed-dev $(AZURITE_STAMP) git ## hostile inputs, faults, crashes and races, with a seed; up to two and a half hours, so not in test
	@set -eu; failed=; \
	for script in tests/torture/[a-z]*.py; do \
	  name=$$(basename "$$script" .py); \
	  case "$$name" in test_*) continue;; esac; \
	  printf '\n$$ python -m tests.torture.%s $(TORTURE)\n' "$$name"; \
	  $(BIN)/python -m "tests.torture.$$name" $(TORTURE) || failed="$$failed $$name"; \
	done; \
	if [ -n "$$failed" ]; then echo "Defects:$$failed" >&2; exit 1; fi

.PHONY: clients
clients: $(VENV)/.installed-dev $(AZURITE_STAMP) $(AZURE_AI_ML:%=$(VENV)/.installed-azure-ai-ml-%) ## releases of azure-ai-ml against the emulator; minutes, so not in test
	$(BIN)/python tests/emulator/older_clients.py $(AZURE_AI_ML)

# With --quiet, MkDocs counts no warnings, so --strict would have no effect.
.PHONY: docs
docs: $(VENV)/.installed-dev ## the site of the documentation, in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir site

.PHONY: requirements
requirements: $(VENV)/.installed-dev ## the newest versions for the action and the releases, with hashes
	$(BIN)/python requirements/update.py

.PHONY: format
format: $(VENV)/.installed-dev ## rewrites the code in the project's style
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format

.PHONY: clean
clean: ## removes everything that these commands made
	rm -rf $(VENV) build dist site .coverage .coverage.* .envsync .hypothesis
	rm -rf .import_linter_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What a user installs, and what a developer does; again whenever the dependencies may have changed.
$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(PIP) install -e .
	@touch $@

$(VENV)/.installed-azure: pyproject.toml | $(BIN)/python
	$(PIP) install -e '.[azure,emulator]'
	@touch $(VENV)/.installed $@

# A comma would end an argument of `call`.
DEVELOPMENT := -e '.[dev,azure,emulator]'
$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	$(PIP) install --no-compile uv
	$(call install,$(VENV),$(DEVELOPMENT))
	@touch $(VENV)/.installed $(VENV)/.installed-azure $@

# Microsoft's emulator of the blob service, which keeps the emulator's build contexts.
$(AZURITE_STAMP): | $(BIN)/python node
	$(call npm,azurite,azurite@$(AZURITE))
	@touch $@

$(AXE_STAMP): | $(BIN)/python node
	$(call npm,axe-core,axe-core@$(AXE))
	@touch $@

$(AZURE_JS_STAMP): | $(BIN)/python node
	$(call npm,azure-js,@azure/arm-machinelearning@$(AZURE_JS) @azure/identity@$(AZURE_JS_IDENTITY))
	@touch $@

$(AZURE_CLI_STAMP): | $(VENV)/.installed-dev
	$(call apart,azure-cli,azure-cli==$(AZURE_CLI))
	@touch $@

$(AZURE_MGMT_STAMP): | $(VENV)/.installed-dev
	$(call apart,azure-mgmt,azure-mgmt-machinelearningservices==$(AZURE_MGMT) azure-identity)
	@touch $@

$(WHEELS_STAMP): requirements/action.txt | $(VENV)/.installed-dev
	rm -rf $(VENV)/wheels
	$(PIP) wheel --wheel-dir $(VENV)/wheels --requirement $<
	@touch $@

# Those up to 1.23 take a name out of marshmallow that it no longer has.
$(VENV)/.installed-azure-ai-ml-%: | $(VENV)/.installed-dev
	$(call apart,azure-ai-ml-$*,azure-ai-ml==$* azure-identity 'marshmallow<3.20')
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name one with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || $(call debian,python3-venv)
	$(PYTHON) -m venv $(VENV)

.PHONY: git
git:
	@command -v git >/dev/null || $(call debian,git)

# The tests of the documentation and of the report look at pages in Chromium. Without it, they are skipped.
.PHONY: chromium
chromium:
	@{ command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null \
	  || ( $(call debian,chromium) ) || true

# The tests of `lock` and `update` ask a registry on loopback. Without it, they are skipped.
.PHONY: registry
registry:
	@command -v docker-registry >/dev/null || ( $(call debian,docker-registry) ) || true

.PHONY: node
node:
	@{ command -v node && command -v npm; } >/dev/null || $(call debian,nodejs npm)

# $(call npm,DIRECTORY,PACKAGES): packages from npm, in a directory of .venv.
npm = npm install --prefix $(VENV)/$(1) $(2) \
  --no-audit --no-fund --no-save --no-package-lock --loglevel=error >/dev/null

# $(call apart,DIRECTORY,PACKAGES): packages in a virtual environment of their own, within .venv.
define apart
$(BIN)/python -m venv --without-pip $(VENV)/$(1)
	$(call install,$(VENV)/$(1),$(2))
endef

# $(call install,ENVIRONMENT,PACKAGES): packages in a virtual environment. uv takes a tenth of the CPU
# time of pip. It does not read the settings of pip, so pip installs if uv cannot, for example because
# of a mirror. Nothing is compiled, because most of the thousands of modules are never imported.
install = $(BIN)/uv pip install --quiet --python $(1) $(2) \
  || $(PIP) --python $(1) install --no-compile $(2)

# $(call debian,PACKAGE): installs a missing Debian package where that is possible, else asks for it. The
# lock is for `make --jobs`: two runs of apt-get at the same time fail.
define debian
{ if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; \
  then flock --close Makefile sh -c \
    'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(1) >/dev/null'; \
  else echo "$(1) is needed; please install it." >&2; exit 1; fi; }
endef
