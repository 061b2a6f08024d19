# make run    set up, train the U-Net to its target, print the energy
# make test   set up, lint, run all tests
# make accept what to run on a new kind of machine: its meters, each tiny workload, the same work twice
# make dist   a wheel and an sdist, checked on every Python that is here
# All set up a virtual environment in .venv the first time, and nothing the second.

PYTHON ?= python3
# The processor or CUDA build of PyTorch, as the machine's package index has it.
TORCH ?= torch==2.13.0
# Test processes side by side, each with one thread to train with. Many tests wait for programs of theirs, so
# on two cores there are three.
TEST_PROCESSES ?= 3

VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist worksteal
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# The oldest versions that the training side runs with. Of torch 2.0 and 2.1 there is no processor build for x86
# in the public index: 5 GB with CUDA. A Jetson has its own.
OLDEST := .venv-oldest
OLDEST_PYTHON ?= python3.8
OLDEST_TORCH ?= torch==2.0.1

ISLAND := energyprof/__init__.py energyprof/settings.py energyprof/wire energyprof/storable energyprof/workload.py energyprof/workloads energyprof/callbacks

# Building has an environment of its own: what it needs no training does.
BUILDING := .venv-dist

.PHONY: run test docs dist accept test-fast test-oldest lint format calibrate schema pages clean

run: $(VENV)/run.stamp
	$(BIN)/energyprof run unet --size tiny

# What failed beside others is tried once more, alone, and named: two trainings on two cores can starve a third.
test: $(VENV)/dev.stamp lint
	$(PYTEST) || { code=$$?; test $$code -eq 1 || exit $$code; \
	  echo "once more, alone, what failed beside others (a test that needs this is to be mended):"; \
	  $(BIN)/python -m pytest -v --last-failed --last-failed-no-failures none; }

accept: $(VENV)/run.stamp
	$(BIN)/python benchmarks/accept.py

test-fast: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -n logical --dist worksteal -m "not slow" -x

test-oldest: $(VENV)/dev.stamp $(OLDEST)/run.stamp
	ENERGYPROF_OLDEST_PYTHON=$(OLDEST)/bin/python $(BIN)/python -m pytest tests/test_oldest.py

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/vermin --target=3.8- --no-tips --violations --quiet $(ISLAND)

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

calibrate: $(VENV)/run.stamp
	for workload in unet transformer diffusion speech; do \
	  $(BIN)/python benchmarks/calibrate.py $$workload --size tiny --seeds 20 --resume || exit; done

# This machine beside a plug, in ten minutes: make truth PLUG=shelly=192.0.2.7
truth: $(VENV)/dev.stamp
	@test -n "$(PLUG)" || { echo "which plug? make truth PLUG=shelly=192.0.2.7" >&2; exit 2; }
	$(BIN)/python benchmarks/truth_here.py '$(PLUG)' -o truth-here

# The pages of docs/ as a site that needs no network: open site/index.html.
docs: $(VENV)/run.stamp
	@$(PIP) --editable ".[docs]"
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# What a report may hold, written down beside the code that says it.
schema: $(VENV)/run.stamp
	$(BIN)/energyprof schema > energyprof/report/report-2.schema.json
	$(BIN)/python release/pages.py

# Pages that are made from others: docs/schema.md, docs/start.md, llms.txt, skills/energyprof/SKILL.md.
pages: $(VENV)/run.stamp
	$(BIN)/python release/pages.py

# A wheel and an sdist in dist/, checked, with a bill of materials. Their times are the commit's.
dist: $(BUILDING)/run.stamp
	@rm -rf dist build man && mkdir man
	@$(BUILDING)/bin/energyprof --man > man/energyprof.1
	@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BUILDING)/bin/python -m build --no-isolation --outdir dist . > build.log 2>&1 || \
	  { tail -n 20 build.log >&2; exit 1; }
	@rm -rf build build.log
	@$(BUILDING)/bin/python release/check.py dist

$(BUILDING)/run.stamp: pyproject.toml constraints.txt
	@echo "setting up $(BUILDING) (a minute, once)"
	@$(BUILDING)/bin/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(BUILDING)
	@$(BUILDING)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dist]"
	@touch $@

$(VENV)/run.stamp: pyproject.toml constraints.txt
	@echo "setting up $(VENV) (a few minutes, once)"
	@# An environment whose making was interrupted has a python but no pip.
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@# PyTorch first and by itself: asked for by another package, pip would take the newest build.
	@$(PIP) "$(TORCH)"
	@$(PIP) --editable ".[workloads,speech]"
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp
	@$(PIP) --editable ".[all,dev]"
	@touch $@

$(OLDEST)/run.stamp: constraints-oldest.txt
	@$(OLDEST_PYTHON) --version >/dev/null 2>&1 || \
	  { echo "no $(OLDEST_PYTHON) here: make test-oldest OLDEST_PYTHON=PATH" >&2; exit 2; }
	@echo "setting up $(OLDEST) (a few minutes, once)"
	@$(OLDEST)/bin/python -m pip --version >/dev/null 2>&1 || $(OLDEST_PYTHON) -m venv --clear $(OLDEST)
	@$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check "$(OLDEST_TORCH)" \
	  --requirement constraints-oldest.txt
	@touch $@

clean:
	rm -rf $(VENV) $(OLDEST) $(BUILDING) build build.log dist man *.egg-info .pytest_cache .mypy_cache .ruff_cache
