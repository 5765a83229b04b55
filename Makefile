# Every target that needs Python packages makes .venv first (dev/bootstrap.py); with nothing to do that takes 0.2 s.

PYTHON ?= python3
VENV := .venv/bin
SIZING_WORKERS ?= 2
SYNC_CONSUMERS ?= 1
CONFIG_SERVICES ?= 1
PYTEST_ARGS ?=
MIXED_FAULTS_S ?= 120
SOAK_S ?= 600

# What was not asked for aloud is not echoed; V=1 shows every command.
$(V).SILENT:

.DEFAULT_GOAL := help
.PHONY: help bootstrap bootstrap-to-run bootstrap-to-bench demo test test-all faults soak check bench bench-memory bench-quick up down lock clean

help: ## list the targets
	echo "Lotwise: make TARGET"
	sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r target text; do \
		printf '%-19s %s\n' "$$target" "$$text"; done

bootstrap:
	$(PYTHON) -m dev.bootstrap

bootstrap-to-run:
	$(PYTHON) -m dev.bootstrap run

demo: bootstrap-to-run ## everything installed and started, real messages through it, the result shown and checked; then stopped
	$(VENV)/python -m dev.demo

test: bootstrap ## the tests, against a real RabbitMQ and PostgreSQL (PYTEST_ARGS="-k name" for some)
	$(VENV)/python -m dev.servers
	$(VENV)/python -m dev.suite $(PYTEST_ARGS)

test-all: bootstrap ## every test of `make test`, and those that need more: a browser (Debian's is installed), promtool, a Docker engine
	$(VENV)/python -m pip install --quiet --no-input --disable-pip-version-check --require-hashes -r requirements-browser.txt
	$(VENV)/python -m dev.servers
	$(VENV)/python -m dev.browser
	echo "All tests, and those that need more:"
	$(VENV)/python -m pytest --all $(PYTEST_ARGS)

faults: bootstrap ## the whole fault table; writes docs/faults.md (SEED=n repeats what chance chose, MIXED_FAULTS_S=120)
	$(VENV)/python -m dev.servers
	$(VENV)/python -m tests.faults.report --new
	$(VENV)/python -m pytest tests/faults --faults --mixed-faults-s $(MIXED_FAULTS_S) $(if $(SEED),--seed $(SEED)) $(PYTEST_ARGS)
	$(VENV)/python -m tests.faults.report

soak: bootstrap ## ten minutes of steady traffic, memory and file descriptors watched; writes docs/soak.md (SOAK_S=600)
	$(VENV)/python -m dev.servers
	$(VENV)/python -m pytest tests/faults/test_soak.py --soak-s $(SOAK_S) --soak-page docs/soak.md $(PYTEST_ARGS)

check: bootstrap ## quick: style, types, layers, unit tests
	$(VENV)/python -m dev.check

bootstrap-to-bench: bootstrap
	$(VENV)/python -m pip install --quiet --no-input --disable-pip-version-check --require-hashes -r requirements-bench.txt

bench: bootstrap-to-bench ## the benchmarks, each beside its peer in one run; writes docs/benchmarks.md
	$(VENV)/python -m benchmarks

bench-memory: bootstrap-to-bench ## a service's memory over a million messages, a quarter of an hour; the same page
	$(VENV)/python -m benchmarks memory

bench-quick: bootstrap-to-bench ## a taste of them, in two minutes
	$(VENV)/python -m benchmarks --quick

up: bootstrap ## broker, database and services, left running: SIZING_WORKERS=2 SYNC_CONSUMERS=1 CONFIG_SERVICES=1
	$(VENV)/python -m dev.stack up --sizing-workers $(SIZING_WORKERS) --sync-consumers $(SYNC_CONSUMERS) \
		--config-services $(CONFIG_SERVICES)

down: bootstrap ## stop what `make up` started, and remove its data
	$(VENV)/python -m dev.stack down

lock: ## write requirements*.txt anew from pyproject.toml (needs uv)
	command -v uv >/dev/null || { echo "uv is not on the PATH. Install it, for example: pipx install uv" >&2; exit 1; }
	uv pip compile pyproject.toml --extra tracing --generate-hashes --quiet -o requirements.txt
	uv pip compile pyproject.toml --group dev --generate-hashes --quiet -o requirements-dev.txt
	uv pip compile pyproject.toml --group dev --group browser -c requirements-dev.txt --generate-hashes --quiet -o requirements-browser.txt
	uv pip compile pyproject.toml --group dev --group bench -c requirements-dev.txt --generate-hashes --quiet -o requirements-bench.txt

clean: ## stop the stack, then remove .venv, .run, caches and builds
	if [ -x $(VENV)/python ]; then $(VENV)/python -m dev.stack down; fi
	rm -rf .venv .run build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
