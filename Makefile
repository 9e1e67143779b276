# Needs python3 >= 3.11, node >= 20 and make; nothing else. No target needs an activated venv.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash

PYTHON ?= python3
PY := .venv/bin/python
UV := .venv/bin/uv
CDK := node_modules/.bin/cdk

# Quiet jsii and the CDK, and let neither ask the network for anything.
export JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION := 1
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 18,20
export JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION := 1
export JSII_RUNTIME_PACKAGE_CACHE_ROOT := $(CURDIR)/build/jsii
export CDK_DISABLE_CLI_TELEMETRY := true
export CDK_DISABLE_VERSION_CHECK := 1
# A machine that forbids bytecode files pays for every import again, in every process.
unexport PYTHONDONTWRITEBYTECODE
unexport PYTHONHOME
unexport PYTHONPATH
unexport VIRTUAL_ENV

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- setup ---------------------------------------------------------------------------------------

.PHONY: setup
setup: .venv/.packages node_modules/.packages ## install everything, from pinned and hashed files

.venv/bin/uv: requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "setup: python3 3.11 or newer is needed (PYTHON=… names another)" >&2; exit 1; }
	@echo "setup: Python packages"
	@$(PYTHON) -m venv .venv
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
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
	  --python-platform aarch64-manylinux_2_28 --python-version 3.13
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

# --- the local stack -----------------------------------------------------------------------------

.PHONY: run
run: setup build/layers/local.built ## start the whole stack here and watch sample orders travel
	@$(PY) -m local.run

.PHONY: stop
stop: ## stop the local stack
	@test ! -x $(PY) || $(PY) -m local stop

# Asking for an answer installs nothing: without the packages, nothing can be running either.
ASK := { test -x $(PY) || { echo "no local stack is running: 'make run' starts one" >&2; exit 1; }; }

.PHONY: url
url: ## print the base address of the running local stack
	@$(ASK) && $(PY) -m local url

.PHONY: token
token: ## print a bearer token for it (SCOPE="orders.read …"; all scopes by default)
	@$(ASK) && $(PY) -m local token $(SCOPE)

.PHONY: redrive
redrive: ## send dead letters back to their queue (QUEUE=name; AWS=1: in AWS)
	@test -n "$(QUEUE)" || { echo "redrive: which queue? QUEUE=name" >&2; exit 1; }
	@$(ASK) && PYTHONPATH=layers/oms/python $(PY) -m local redrive $(if $(AWS),--aws) $(QUEUE)

.PHONY: republish
republish: ## publish all events of an order again (ORDER=ord_…; AWS=1: in AWS)
	@test -n "$(ORDER)" || { echo "republish: which order? ORDER=ord_…" >&2; exit 1; }
	@$(ASK) && PYTHONPATH=layers/oms/python $(PY) -m local republish $(if $(AWS),--aws) $(ORDER)

.PHONY: audit
audit: ## hold every balance of stock and of accounts against its ledger (AWS=1: in AWS)
	@$(ASK) && PYTHONPATH=layers/oms/python $(PY) -m local audit $(if $(AWS),--aws)

# --- checks and tests ----------------------------------------------------------------------------

.PHONY: check
check: setup cdk.out/manifest.json ## format, lint, types, imports, CloudFormation templates
	@echo "check: ruff format" && $(PY) -m ruff format --check --quiet .
	@echo "check: ruff" && $(PY) -m ruff check --quiet .
	@echo "check: mypy" && $(PY) -m mypy
	@echo "check: imports" && PYTHONPATH=layers/oms/python .venv/bin/lint-imports --no-logo
	@echo "check: templates" && .venv/bin/cfn-lint

.PHONY: test
test: setup build ## run all tests but the slow ones (ARGS="-k capture")
	@$(PY) -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadgroup $(ARGS)

.PHONY: openapi
openapi: setup ## write docs/openapi.json anew after a change of the API
	@PYTHONPATH=layers/oms/python $(PY) -m local.openapi

.PHONY: test-slow
test-slow: setup build ## run the slow tests
	@HYPOTHESIS_PROFILE=slow $(PY) -m pytest -m slow $(ARGS)

.PHONY: bench
bench: setup build ## measure what an order costs
	@PYTHONPATH=layers/oms/python $(PY) -m benchmarks.run $(ARGS)

# --- AWS -----------------------------------------------------------------------------------------

APP := $(shell find infra functions layers/oms/python -name '*.py' -o -name '*.json' 2>/dev/null)

# No account, no region, no profile: a template must not depend on who makes it.
WITHOUT_AWS := env -u AWS_PROFILE -u AWS_DEFAULT_PROFILE -u AWS_REGION -u AWS_DEFAULT_REGION \
  -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY -u AWS_SESSION_TOKEN \
  AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true

cdk.out/manifest.json: $(APP) cdk.json build/layers/aws.built node_modules/.packages
	@echo "synth: cdk.out"
	@$(WITHOUT_AWS) $(CDK) synth --quiet > build/synth.log 2>&1 \
	  || { cat build/synth.log >&2; exit 1; }
	@touch $@

.PHONY: synth
synth: setup cdk.out/manifest.json ## make the CloudFormation templates, without an account

.PHONY: deploy
deploy: setup build/layers/aws.built ## deploy to the AWS account that you are signed in to
	@$(CDK) deploy --all $(ARGS)

# --- lock files ----------------------------------------------------------------------------------

LOCK := $(UV) pip compile --quiet --universal --python-version 3.11 \
  --generate-hashes --no-emit-index-url --no-header

.PHONY: lock
lock: .venv/bin/uv ## write the lock files anew after a change of an .in file (UPGRADE=--upgrade)
	@$(LOCK) $(UPGRADE) requirements/uv.in -o requirements/uv.txt
	@# The X-Ray SDK wants botocore, which Lambda's runtime brings along.
	@$(LOCK) $(UPGRADE) layers/dependencies/requirements.in -o $(LAYER) \
	  --no-emit-package botocore
	@$(LOCK) $(UPGRADE) requirements/dev.in -o requirements/dev.txt
	@npm install --package-lock-only --ignore-scripts --no-audit --no-fund --silent
