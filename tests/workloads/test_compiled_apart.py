"""Where torch's compiler writes while a workload is trained."""

import os
from importlib import import_module

from energyprof.wire import WIRE_VARIABLE

training = import_module("energyprof.workloads.__main__")
CACHE = "TORCHINDUCTOR_CACHE_DIR"


def test_what_torch_compiles_lies_in_the_runs_folder_unless_another_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv(CACHE, "")  # put back in the end
    monkeypatch.delenv(CACHE)
    monkeypatch.setenv(WIRE_VARIABLE, str(tmp_path / "wire"))
    training._compile_apart()
    assert os.environ[CACHE] == str(tmp_path / "compiled")
    monkeypatch.setenv(CACHE, "/kept")
    training._compile_apart()
    assert os.environ[CACHE] == "/kept"
