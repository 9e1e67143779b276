# Needs python3 >= 3.11, node >= 20 and make; nothing else. No target needs an activated venv.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash

PYTHON ?= python3
PY := .venv/bin/python
UV := .venv/bin/uv

# Quiet jsii and the CDK, and let neither ask the network for anything.
export JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION := 1
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 1
export CDK_DISABLE_VERSION_CHECK := 1
export CDK_DISABLE_CLI_TELEMETRY := true
# A machine that forbids bytecode files pays for every import again, in every process.
unexport PYTHONDONTWRITEBYTECODE
unexport VIRTUAL_ENV

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- setup ---------------------------------------------------------------------------------------

.PHONY: setup
setup: .venv/.packages node_modules/.packages ## install everything, from pinned and hashed files

.venv/bin/uv: requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "setup: python3 3.11 or newer is needed" >&2; exit 1; }
	@echo "setup: Python packages"
	@$(PYTHON) -m venv --clear .venv
	@.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv/.packages: requirements/dev.txt .venv/bin/uv
	@$(UV) pip sync --quiet --python $(PY) --require-hashes $<
	@touch $@

node_modules/.packages: package-lock.json package.json
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' \
	  || { echo "setup: node 20 or newer is needed" >&2; exit 1; }
	@echo "setup: CDK command line"
	@npm ci --silent --no-audit --no-fund --ignore-scripts
	@touch $@
