# What people type. `make demo` needs Python 3.11 or newer; `make test` also Java 17 and Maven, and installs the rest on Debian.
#
#   make demo [PEOPLE=100000]     the main job, from nothing to a printed account
#   make test [ARGS='-k cancel']  the whole suite on real Kafka, PostgreSQL, Redis and SMTP; JOBS=2 side by side
#   make check                    lint, format, types and the layers' contract
#   make test-chaos               the long runs with kills
#   make test-security            the long attacks; make test-security CASES=5000 for fewer generated requests
#   make test-room                the control room in a browser against a cluster under 10,000 people
#   make gallery                 a picture of every page, in build/gallery/index.html
#   make bench [NAME=email]       side-by-side ratios
#   make lock                     resolve the dependencies anew (needs uv)
#
# PYTHON=/path/to/python3.12 chooses the interpreter.

SHELL = /bin/sh
BIN = .venv/bin
UV = uv
# Universal: one lock for every Python and platform we support. It names no registry: pip takes whichever it is set up for.
COMPILE = UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --python-version 3.11 --quiet

export PYTHON

.PHONY: help demo venv venv-dev services gallery test test-chaos test-security test-room bench lint format types layers check lock clean

help:
	@sed -n 's/^#   //p' Makefile

venv:
	@scripts/venv runtime

venv-dev:
	@scripts/venv dev

demo: venv
	@$(BIN)/fasttime demo $(if $(PEOPLE),--people $(PEOPLE))

# As root on Debian it installs what is missing; others are told the line to run (exit 69).
services:
	@INSTALL=1 scripts/venv dev
	@$(BIN)/python -m tests.services.install

# Each job has services of its own; a file's tests stay together, because they share a server or a browser.
# The tests start hundreds of processes: our modules are compiled once, also where the environment forbids Python to keep it.
# They write to memory where there is enough of it: a quarter of the processors' time went into syncing small files.
test: services
	@$(BIN)/python -m compileall -q broadcast subscribers channels config service console migrations bench
	@TMPDIR="$$(scripts/tests-folder)" $(BIN)/python -m pytest -n $(or $(JOBS),2) --dist loadfile --no-loadscope-reorder $(ARGS)

test-chaos: services
	@$(BIN)/python -m pytest -m chaos -s --timeout=3600 $(ARGS)

# Attacks and generated requests, long ones; what a run printed stands in docs/security.md.
test-security: services
	@SECURITY_CASES=$(or $(CASES),100000) $(BIN)/python -m pytest -m security -s --timeout=14400 -o faulthandler_timeout=0 $(ARGS)

# The full size of console check 27; the suite has 200 people.
test-room: services
	@ROOM_PEOPLE=$(or $(PEOPLE),10000) $(BIN)/python -m pytest -s --timeout=3600 tests/journeys/test_room_on_the_cluster.py $(ARGS)

gallery: services
	@$(BIN)/python -m tests.console.gallery build/gallery

bench: services
	@$(BIN)/python -m tests.services.bench $(or $(NAME),all) $(ARGS)

lint: venv-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { echo 'not formatted: run make format' >&2; exit 1; }

format: venv-dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: venv-dev
	@$(BIN)/mypy

layers: venv-dev
	@$(BIN)/lint-imports --no-logo

check: lint types layers

lock:
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: pip install uv, or make lock UV=/path/to/uv" >&2; exit 2; }
	$(COMPILE) pyproject.toml --group build -o requirements.lock
	$(COMPILE) pyproject.toml --group build --group dev -c requirements.lock -o requirements-dev.lock
	$(COMPILE) tests/tools/client.in -o tests/tools/client.lock
	$(COMPILE) tests/tools/cap.in -o tests/tools/cap.lock
	for folder in node cap_node; do \
		npm install --package-lock-only --ignore-scripts --no-audit --no-fund --omit-lockfile-registry-resolved --prefix tests/tools/$$folder || exit 1; \
	done

# What was made from the sources; never .fasttime, which holds a ledger.
clean:
	rm -rf .venv .services build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
