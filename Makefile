# Everything that VTP needs is set up by the first `make`: see README.md.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.ONESHELL:
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

comma := ,
PYTHON ?= python3
BIN := .venv/bin
WEB := backend/web
WEB_SOURCES := $(shell find $(WEB) -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -path '*/build/*')
PIP_INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes
# Where the backend's signing key is: in a file that is named, or the one it has made for itself. None in JWT_SECRET.
KEY_FILE = "$${BACKUP_KEY_FILE-$(if $(JWT_SECRET),,$${JWT_SECRET_FILE:-$${DATA_DIR:-.data}/jwt_secret})}"
export PATH := $(CURDIR)/$(BIN):$(PATH)
export NPM_CONFIG_FUND := false
export NPM_CONFIG_AUDIT := false
export NPM_CONFIG_UPDATE_NOTIFIER := false

.PHONY: help setup run sfu backend web backup restore test bench integration check format docs psql lock clean

help: ## show this help
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.runtime $(WEB)/dist/index.html ## virtual environment from the lock file, web bundle

run: setup ## start both services: open http://localhost:8080
	@trap 'exit 0' INT TERM
	# SIGINT, since the SFU waits for its rooms to end when it gets SIGTERM alone; while it starts it may miss that.
	trap 'kill -INT $$sfu 2>/dev/null || true; kill $$sfu $$backend 2>/dev/null || true; wait' EXIT
	python -m sfu & sfu=$$!
	python -m backend & backend=$$!
	wait

sfu: .venv/.runtime ## start the SFU alone, on port 3000
	@exec python -m sfu

backend: setup ## start the backend alone, on port 8080
	@exec python -m backend

web: $(WEB)/dist/index.html ## build the page

psql: .venv/.runtime ## open the database (SQL="..." runs one statement)
	@exec python -m backend.storage.embedded psql $(if $(SQL),-c "$(SQL)")

backup: .venv/.runtime ## save database and signing key under backups/ (see deploy/README.md)
	@export BACKUP_KEY_FILE=$(KEY_FILE)
	exec python -m backend.storage.embedded run deploy/backup/backup.sh $(ARGS)

restore: .venv/.runtime ## put a backup back: FILE=backups/..., ARGS=--force over a database in use
	@export BACKUP_KEY_FILE=$(KEY_FILE)
	exec python -m backend.storage.embedded run deploy/backup/restore.sh $(ARGS) $(FILE)

test: setup .venv/.dev tests/interop/node_modules/.installed ## set up and run every test, the browser's included
	@tests/install-chromium.sh
	tests/debian-tools.sh coturn caddy prometheus prometheus-alertmanager prometheus-node-exporter debootstrap || true
	npm --prefix $(WEB) run --silent test
	python -m pytest -n auto $(ARGS)

bench: .venv/.dev ## measure the SFU, and others with PEER=janus,... (ARGS=--quick: a minute)
	@$(if $(PEER),tests/bench/install-peer.sh $(subst $(comma), ,$(PEER)))
	python -m tests.bench $(if $(PEER),--server c$(comma)vtp$(comma)$(PEER)) $(ARGS)

integration: .venv/.runtime ## check services that are up, by the checklist's five tests (ARGS="--sfu-url ...")
	@exec python -m deploy.integration $(ARGS)

check: .venv/.dev $(WEB)/node_modules/.installed ## formatting, lint, types
	ruff format --check .
	ruff check .
	mypy
	python -m backend.signalling.write_document --check
	python deploy/grafana/build_dashboard.py --check
	npm --prefix $(WEB) run --silent check

format: .venv/.dev ## format the Python code
	@ruff format .
	ruff check --fix .

docs: .venv/.runtime ## write backend/signalling/PROTOCOL.md and Grafana's dashboard anew
	@python -m backend.signalling.write_document
	python deploy/grafana/build_dashboard.py

lock: .venv/.dev ## renew the lock files from pyproject.toml
	@compile() { uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --no-emit-index-url --quiet "$$@"; }
	$(BIN)/python -m pip install --quiet uv
	runtime=(--extra backend --extra sfu --extra embedded)
	compile "$${runtime[@]}" --extra dev --output-file tests/requirements.lock
	compile "$${runtime[@]}" --constraints tests/requirements.lock --output-file deploy/requirements.lock
	compile --extra backend --constraints tests/requirements.lock --output-file deploy/backend.lock
	# FFmpeg is never loaded (sfu/net/without_codecs.py), and would be two thirds of the image.
	compile --extra sfu --constraints tests/requirements.lock --no-emit-package av --output-file deploy/sfu.lock

clean: ## remove what was built; accounts and rooms in .data stay
	rm -rf .venv $(WEB)/dist $(WEB)/node_modules tests/interop/node_modules

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "VTP needs Python 3.11 or newer: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv .venv || { echo "Python lacks venv: apt-get install python3-venv"; exit 1; }

.venv/.runtime: .venv/bin/python deploy/requirements.lock
	@echo "Installing the Python packages ..."
	$(PIP_INSTALL) -r deploy/requirements.lock
	touch $@

.venv/.dev: .venv/.runtime tests/requirements.lock
	@echo "Installing the Python packages for the tests ..."
	$(PIP_INSTALL) -r tests/requirements.lock
	touch $@

# Node.js builds the page. Where there is none of at least version 20, a wheel brings it into the environment.
.venv/.node: .venv/bin/python
	@node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' 2>/dev/null && npm --version >/dev/null \
		|| { echo "Installing Node.js ..."; $(PIP_INSTALL) -r $(WEB)/nodejs.lock; }
	touch $@

$(WEB)/node_modules/.installed: .venv/.node $(WEB)/package-lock.json
	@echo "Installing the page's packages ..."
	npm --prefix $(WEB) ci --ignore-scripts --silent
	touch $@

$(WEB)/dist/index.html: $(WEB)/node_modules/.installed $(WEB_SOURCES)
	@echo "Building the page ..."
	npm --prefix $(WEB) run --silent build
	touch $@

tests/interop/node_modules/.installed: .venv/.node tests/interop/package-lock.json
	@npm --prefix tests/interop ci --ignore-scripts --silent
	touch $@
