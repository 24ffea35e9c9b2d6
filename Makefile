# make demo opens the console on this host; make test installs what the tests need and runs them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test kubernetes check format lint types contracts bench lock clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

demo: $(VENV)/.run  ## open the console on this host and on a small Postgres of its own
	@$(BIN)/python -m perftui demo

test: $(VENV)/.dev  ## install what the tests need and run them
	@tests/install-tools
	@$(BIN)/python -m pytest -n auto --dist loadfile -m "not fault and not kubernetes"; all=$$?; \
	$(BIN)/python -m pytest -m fault && exit $$all

kubernetes: $(VENV)/.dev  ## the tests that need a real Kubernetes control plane, which is built once (minutes)
	@tests/install-tools --kubernetes
	@tests/kubernetes/build
	@$(BIN)/python -m pytest -m kubernetes tests/kubernetes

check: format lint types contracts test  ## everything CI asks for

format: $(VENV)/.dev  ## the code is formatted
	@$(BIN)/ruff format --check .

lint: $(VENV)/.dev  ## the code has no lint
	@$(BIN)/ruff check .

types: $(VENV)/.dev  ## the types hold, strictly
	@$(BIN)/python -m mypy

contracts: $(VENV)/.dev  ## imports run one way
	@$(BIN)/lint-imports --no-cache

bench: $(VENV)/.dev  ## what it costs, beside htop, btop and glances
	@tests/install-tools --bench
	@$(BIN)/python -m bench

drills: $(VENV)/.dev  ## every drill several times, and how its verdict was (about 30 min, alone on the machine)
	@tests/install-tools
	@$(BIN)/python -m bench.drills

lock:  ## resolve the dependencies again (needs uv)
	uv pip compile -q --universal --generate-hashes --no-header --no-annotate --extra demo pyproject.toml -o requirements.lock
	uv pip compile -q --universal --generate-hashes --no-header --no-annotate --extra demo --extra dev pyproject.toml -o requirements-dev.lock
	@! grep -nE 'https?://|--index|--find-links' requirements.lock requirements-dev.lock

clean:  ## remove what was installed and cached here
	rm -rf $(VENV) build dist .hypothesis .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# Where it is gone (another host, another Python), what needs it is made anew.
$(BIN)/python: ;

$(VENV)/.run: requirements.lock $(BIN)/python
	@PYTHON="$(PYTHON)" tests/make-venv $(VENV) requirements.lock
	@$(BIN)/python -m compileall -q perftui
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(BIN)/python
	@PYTHON="$(PYTHON)" tests/make-venv $(VENV) requirements-dev.lock
	@$(BIN)/python -m compileall -q perftui
	@touch $@ $(VENV)/.run
