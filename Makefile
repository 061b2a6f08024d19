# make run    set up, train the U-Net to its target, print the energy
# make test   set up, lint, run all tests
# Both set up a virtual environment in .venv the first time, and nothing the second.

PYTHON ?= python3
# The processor or CUDA build of PyTorch, as the machine's package index has it.
TORCH ?= torch==2.13.0

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

ISLAND := energyprof/__init__.py energyprof/wire.py energyprof/workload.py energyprof/workloads energyprof/integrations

.PHONY: run test test-fast lint format calibrate clean

run: $(VENV)/run.stamp
	$(BIN)/energyprof run unet --size tiny

test: $(VENV)/dev.stamp lint
	$(BIN)/python -m pytest

test-fast: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -m "not slow" -x

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
	$(BIN)/python benchmarks/calibrate.py unet --size tiny --seeds 20

$(VENV)/run.stamp: pyproject.toml constraints.txt
	@echo "setting up $(VENV) (a few minutes, once)"
	@# An environment whose making was interrupted has a python but no pip.
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@# PyTorch first and by itself: asked for by another package, pip would take the newest build.
	@$(PIP) "$(TORCH)"
	@$(PIP) --editable ".[workloads]"
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp
	@$(PIP) --editable ".[workloads,lora,data,codecarbon,pyrapl,external,dev]"
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache
