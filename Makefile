# The commands people and CI use. Everything runs from .venv, which is built from requirements.lock alone.
PYTHON ?= python3
BIN := .venv/bin
export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false

.PHONY: install demo prefect-demo test properties chaos check bench lock clean
install: .venv/installed

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("leadferry needs Python 3.11 or newer; this is %d.%d. Try: make PYTHON=python3.11 $(MAKECMDGOALS)" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	@echo "building .venv from requirements.lock (about a minute, once)"
	@$(PYTHON) -m venv .venv
	@# The lock is complete, so nothing is left to resolve: --no-deps keeps pip from looking past it.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@# As pip does with what it copies: an editable install is compiled at each start where bytecode is not written.
	@$(BIN)/python -m compileall -q flows transforms connectors
	@$(BIN)/python -m pip check --quiet --disable-pip-version-check
	@touch $@

demo: install
	@$(BIN)/python -m flows.demo

prefect-demo: install
	@$(BIN)/python -m flows.prefect_demo

test: install
	@$(BIN)/python -m pytest

# Each time with examples that the suite has not seen; PROPERTY_ROUNDS chooses how often.
properties: PROPERTY_ROUNDS ?= 1
properties: install
	@for round in $$(seq $(PROPERTY_ROUNDS)); do \
		$(BIN)/python -m pytest -q -m hypothesis --hypothesis-profile=anew || exit; done

# CHAOS_SCHEDULES and CHAOS_SEED choose how many schedules are played, and from which seed on.
chaos: install
	@$(BIN)/python -m tests.chaos

check: install
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: install
	@$(BIN)/python -m benchmarks

# Pins every dependency with its hashes for every platform; needs uv on the PATH.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--group dev -o requirements.lock pyproject.toml

clean:
	rm -rf .venv .leadferry
