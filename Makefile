# Everything needs only python3 >= 3.11 with venv: each target sets up what it uses.
SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV := .venv
PY := $(VENV)/bin/python
SEALED := $(VENV)/bin/sealed
READY := $(VENV)/.ready
LOCKS := $(wildcard requirements/*.lock)

.PHONY: help setup kafka mailbox monitoring run demo reset browser test screenshots test-many test-kafka test-replicas check format bench crash-matrix soak sizing protocol keys matrix catalogue contracts previous lock manifests check-deploy check-apiserver crds image test-image

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  \033[36m%-12s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(READY): $(LOCKS) pyproject.toml deploy/set-up.sh
	@deploy/set-up.sh $(VENV)
	@touch $@

setup: $(READY) ## Make the virtual environment from the hashed lock (at once when nothing changed)

kafka: ## Fetch Apache Kafka's jars (needs Java 17 and Maven; as root on Debian they are installed)
	@deploy/kafka/set-up.sh

mailbox: ## Install Dovecot, the IMAP server of the mailbox's tests, where it is missing (as root on Debian)
	@deploy/mailbox/set-up.sh

monitoring: ## Install Prometheus, which alerts and dashboards are tried with, where it is missing (as root on Debian)
	@deploy/monitoring/set-up.sh

# BROKER=kafka: on Apache Kafka, of BROKERS=1 or 3 nodes, instead of the embedded broker.
BROKERS ?= 1
ifeq ($(BROKER),kafka)
export SEALED_KAFKA_BROKERS := $(BROKERS)
BROKER_SET_UP := kafka
endif

# REPLICAS=3: three of each service.
ifdef REPLICAS
export SEALED_REPLICAS := $(REPLICAS)
endif

run: $(READY) $(BROKER_SET_UP) ## Start everything: mongod, broker, outside world, four services (Ctrl-C stops it; data is kept)
	@$(SEALED) run

demo: $(READY) $(BROKER_SET_UP) ## Show the whole idea on real parts, from 500 orders to a verified certificate
	@$(SEALED) demo

reset: $(READY) ## Throw away var/: data, keys, logs
	@$(SEALED) reset

browser: $(READY)
	@deploy/browser/set-up.sh $(PY)

test: $(READY) mailbox browser monitoring ## Run all tests on a real mongod, broker and mailbox, in a real browser
	@$(PY) -m pytest $(ARGS)

screenshots: $(READY) mailbox browser ## Picture the pages, narrow and wide, light and dark: var/screenshots
	@SEALED_SCREENSHOTS=var/screenshots $(PY) -m pytest tests/browser $(ARGS)

test-many: $(READY) ## Test 1,000 withdrawals while 5,000 orders of others flow (`make test` does it with 100 and 500)
	@SEALED_WITHDRAWALS=1000 $(PY) -m pytest tests/e2e/test_many_withdrawals.py $(ARGS)

test-kafka: $(READY) kafka ## Run the tests on Apache Kafka: access lists, durability, crashes of brokers
	@$(PY) -m pytest tests/kafka $(ARGS)

CHECKOV := $(VENV)/checkov/.ready
$(CHECKOV): requirements/checkov.lock $(READY)
	@$(PY) -m venv --clear $(@D)
	@$(VENV)/bin/uv pip install --quiet --python $(@D)/bin/python --require-hashes -r $< || \
		$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

test-replicas: $(READY) ## Restart three replicas of each service under load; upgrade from the version before and roll back
	@$(PY) -m pytest tests/replicas $(ARGS)

check-deploy: $(READY) $(CHECKOV) monitoring ## Render every combination of the Kubernetes manifests and hold it against schemas, policy and code
	@$(PY) -m pytest tests/deploy $(ARGS)

check-apiserver: $(READY) ## Apply the manifests to a real API server (built with Go the first time: minutes)
	@deploy/apiserver/set-up.sh >/dev/null
	@$(PY) -m pytest tests/apiserver $(ARGS)

crds: $(READY) ## Fetch the definitions of other operators' kinds anew (needs Go, Java 17 and Maven)
	@$(PY) -m deploy.crds.write

image: $(READY) ## Build the image of all services with Docker, Podman or buildah (ENGINE=, BASE=, IMAGE=)
	@$(PY) -m deploy.image.build

test-image: $(READY) ## Build the image without an engine and start every service and job in it (as root on Debian)
	@deploy/image/set-up.sh
	@$(PY) -m pytest -o faulthandler_timeout=0 tests/image $(ARGS)

check: $(READY) ## Check style, types, import rules, the policy against the code, the contracts' snapshots
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports
	$(PY) -m deploy.check_policy
	$(PY) -m shared.contracts.snapshots --check
	$(PY) -m deploy.k8s_manifests.write --check
	$(PY) -m deploy.monitoring.write --check

manifests: $(READY) ## Write the Kubernetes manifests anew that follow from the policy and the code
	$(PY) -m deploy.k8s_manifests.write
	$(PY) -m deploy.monitoring.write

format: $(READY) ## Format the code
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

bench: $(READY) $(BROKER_SET_UP) ## Measure the pipeline, sealing, erasure and intake against their plain counterparts
	@$(SEALED) bench

crash-matrix: $(READY) $(BROKER_SET_UP) ## Kill every service at every step, break every server, and see that all comes to the same end
	@$(SEALED) crash-matrix $(ARGS)

soak: $(READY) kafka ## Run 30 minutes under load on Apache Kafka, a fault every minute; account for every order
	@$(SEALED) soak $(ARGS)

sizing: $(READY) kafka ## Measure bytes and processor time of an order and a withdrawal; write docs/sizing.md
	@$(SEALED) sizing measure --report $(ARGS)

least-privilege: $(READY) kafka ## Let every service try everything, and write what the servers answered
	@$(SEALED) least-privilege

protocol: $(READY) ## Check the model of erasure with TLC, whole and with each safeguard taken out (needs Java and Maven)
	@$(PY) -m deploy.protocol

keys: $(READY) ## Rotate the key-encryption keys: survivors re-wrapped, the old epoch destroyed
	@$(SEALED) keys rotate

matrix: $(READY) ## Show the policy as field x reader x purpose
	@$(SEALED) policy matrix

catalogue: $(READY) ## Gather the pages' strings for translation (shared/pages/locale)
	@$(PY) -m deploy.catalogue

previous: $(READY) ## Keep a release (REF=v1.2.0) as the version that upgrades and rollbacks are tested against
	@$(PY) -m tests.compatibility.previous $(REF)

contracts: $(READY) ## Write the contracts' snapshots anew (schemas, AsyncAPI document)
	$(PY) -m shared.contracts.snapshots

lock: $(READY) ## Resolve requirements/*.in into hashed locks
	@cd requirements && for name in service dev image checkov bootstrap; do \
		../$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
			--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" -o $$name.lock $$name.in; \
	done
