# Needs python3 >= 3.11, node >= 20 and make; nothing else. No target needs an activated venv.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash

PYTHON ?= python3
PY := .venv/bin/python
UV := .venv/bin/uv

# Quiet jsii and the CDK, and let neither ask the network for anything.
export JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION := 1
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20
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

# --- build ---------------------------------------------------------------------------------------

LAYER := layers/dependencies/requirements.txt

build/layers/aws.built: $(LAYER) .venv/.packages
	@echo "build: dependencies for Lambda (arm64, Python 3.13)"
	@rm -rf build/layers/aws && mkdir -p build/layers/aws
	@$(UV) pip install --quiet --target build/layers/aws/python -r $(LAYER) \
	  --no-deps --require-hashes --only-binary :all: \
	  --python-platform aarch64-manylinux2014 --python-version 3.13
	@rm -rf build/layers/aws/python/bin
	@touch $@

# The local engine runs functions with .venv's interpreter, which has these very versions already.
# A copy of them in the layer would change nothing, and be unpacked again for every new process.
build/layers/local.built: $(LAYER)
	@rm -rf build/layers/local && mkdir -p build/layers/local/python
	@cp $(LAYER) build/layers/local/python/
	@touch $@

.PHONY: build
build: build/layers/aws.built build/layers/local.built ## build the Lambda layers
