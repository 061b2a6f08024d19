"""`energyprof template`: jobs and containers that are right for the machine, and work."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import typing
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
import yaml
from conftest import Command, one_error_line

from energyprof.cli.checked import FOLDER
from energyprof.formats import job_templates
from energyprof.measure.access import Access
from fakes import amdsmi, jetson, nvml, sysfs
from fakes.batch import batch_system, codes

ROOT = Path(__file__).parent.parent.parent
SCRIPT = """
import os, time, energyprof
energyprof.mark("train", samples=0)
until = time.monotonic() + (600 if os.path.exists("long") else 0.3)
open("begun", "w").close()
while time.monotonic() < until:
    time.sleep(0.02)
energyprof.progress(samples=10, score=1.0)
"""
JOB = ("--", "run", "./train.py", "--target", "score>=1", "-o", "r.json", "--idle", "0")


def at(root: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    folder = root.parent / "work"
    folder.mkdir(exist_ok=True)
    return Command(folder, root)("template", *words, environment=environment)


def until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def fields_of(value: Any, kind: Any, where: str) -> None:
    """Hold a manifest's fields against Kubernetes' own, as lightkube has them: JSON's names and types."""
    plain = [given for given in typing.get_args(kind) or (kind,) if given is not type(None)]
    if typing.get_origin(kind) is list:
        plain = [kind]
    if isinstance(plain[0], type) and issubclass(plain[0], msgspec.Struct):
        assert isinstance(value, dict), where
        known = {field.encode_name: field.type for field in msgspec.structs.fields(plain[0])}
        for name, inner in value.items():
            assert name in known, f"{where}: Kubernetes knows no {name}"
            fields_of(inner, known[name], f"{where}.{name}")
    elif typing.get_origin(plain[0]) is list:
        assert isinstance(value, list), where
        for number, inner in enumerate(value):
            fields_of(inner, typing.get_args(plain[0])[0], f"{where}[{number}]")
    elif plain[0] in (str, int, bool):
        assert type(value) is plain[0], f"{where}: {value!r} is no {plain[0].__name__}"


def pod(text: str) -> dict[str, Any]:
    """The pod's specification of a valid Job."""
    from lightkube.models.batch_v1 import Job

    manifest = yaml.safe_load(text)
    fields_of(manifest, Job, "Job")
    specification: dict[str, Any] = manifest["spec"]["template"]["spec"]
    return specification


def service(text: str) -> dict[str, Any]:
    """The service of a file that Compose takes."""
    described = yaml.safe_load(text)
    schema = files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json"
    jsonschema.validate(described, json.loads(schema.read_text()))
    found: dict[str, Any] = described["services"]["energyprof"]
    return found


@pytest.mark.slow
def test_a_field_that_is_none_is_found() -> None:
    """The checks themselves."""
    with pytest.raises(AssertionError, match=r"Job.spec: Kubernetes knows no backofLimit"):
        pod("spec: {backofLimit: 0, template: {spec: {}}}")
    with pytest.raises(AssertionError, match=r"Job.spec.backoffLimit: '0' is no int"):
        pod("spec: {backoffLimit: '0', template: {spec: {}}}")
    with pytest.raises(jsonschema.ValidationError, match="cap_ad"):
        service("services: {energyprof: {image: x, cap_ad: [PERFMON]}}")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["slurm", "oar"])
def test_job_scripts_are_clean_shell(command: Command, kind: str) -> None:
    done = command("template", kind, "-o", "job.sh", "--", "run", "./it's.py")
    assert done.returncode == 0, done.stderr
    script = command.folder / "job.sh"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)
    words = [Path(sys.executable).parent / "shellcheck", "--severity=style", script]
    said = subprocess.run(words, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout
    assert "RAPL: read through powercap here" in script.read_text()
    assert one_error_line(command("template", kind, "-o", "job.sh")).endswith("use --force to overwrite it")
    assert command("template", kind, "-o", "job.sh", "--force").returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "submit"), [("slurm", ["sbatch"]), ("oar", ["oarsub", "-S"])])
def test_a_job_is_metered_and_says_which_it_was(
    command: Command, tmp_path: Path, kind: str, submit: list[str]
) -> None:
    home, folder = tmp_path / "cluster", command.folder
    environment = command.environment(PATH=batch_system(home))
    (folder / "train.py").write_text(SCRIPT)
    assert command("template", kind, "-o", "job.sh", *JOB).returncode == 0
    subprocess.run([*submit, folder / "job.sh"], cwd=folder, env=environment, check=True, capture_output=True)
    until(lambda: codes(home) == [0])
    report = command.report()
    assert report["runs"][0]["status"] == "reached" and report["runs"][0]["total_energy_j"] > 0
    step = {"slurm": "0", "oar": ""}[kind]
    assert {**report["job"], "node": ""} == {
        "manager": kind, "id": "1001", "node": "", "step": step, "array": "", "account": ""
    }  # fmt: skip

    # Before its limit the training is ended, and the report whole.
    (folder / "long").touch()
    (folder / "begun").unlink()
    (folder / "r.json").rename(folder / "first.json")
    (folder / "r.trace.csv.gz").unlink()
    subprocess.run([*submit, folder / "job.sh"], cwd=folder, env=environment, check=True, capture_output=True)
    until(lambda: (folder / "begun").exists())
    (home / "signal").touch()
    until(lambda: len(codes(home)) == 2)
    assert codes(home)[1] == 143
    assert command.report()["runs"][0]["status"] == "interrupted"


def test_on_grid5000_the_wattmetre_is_asked_for_and_rapl_opened() -> None:
    here = Access("gros-12.nancy.grid5000.fr", "Xeon", 36, None, None, "perf", False, "", 2, 0, 0, False)
    made = job_templates.batch("oar", here, "energyprof run unet", "/home/me")
    assert "\n#OAR -t monitor=wattmetre_power_watt\n" in made
    assert "\nsudo-g5k sysctl --quiet kernel.perf_event_paranoid=0\n" in made
    elsewhere = job_templates.batch("oar", replace(here, host="node7"), "energyprof run unet", "/home/me")
    assert "wattmetre" not in elsewhere and "sudo" not in elsewhere.partition("set -u")[2]


def test_the_scripts_are_refused_what_they_cannot_use(command: Command) -> None:
    refused = one_error_line(command("template", "slurm", "--source", "."))
    assert refused == "error: --source: a job of slurm builds no image"


@pytest.mark.slow
def test_perf_needs_one_capability_and_no_file_of_the_host(tmp_path: Path) -> None:
    sysfs.perf_sockets(tmp_path / "m")
    sysfs.write(tmp_path / "m/proc/sys/kernel/perf_event_paranoid", "2\n")
    done = at(tmp_path / "m", "docker", "--source", "https://git.example/energyprof.git#v1")
    told = "RAPL: NOT readable here (kernel.perf_event_paranoid is 2). Once a boot, as root: sudo sysctl"
    assert told in done.stdout
    made = service(done.stdout)
    assert made["cap_add"] == ["PERFMON"] and made["volumes"] == [".:/project"]
    assert made["build"]["context"] == "https://git.example/energyprof.git#v1"
    made = pod(at(tmp_path / "m", "k8s").stdout)["containers"][0]
    assert made["securityContext"] == {"capabilities": {"add": ["PERFMON"]}} and "resources" not in made


@pytest.mark.slow
def test_powercap_is_read_from_the_hosts_files_and_those_are_enough(tmp_path: Path) -> None:
    machine, host = tmp_path / "m", tmp_path / "host"
    sysfs.amd(machine)
    made = service(at(machine, "docker").stdout)
    assert made["environment"] == {"ENERGYPROF_SYSFS_ROOT": "/host"} and "cap_add" not in made
    inside = pod(at(machine, "k8s").stdout)
    mounts = {mount["name"]: mount["mountPath"] for mount in inside["containers"][0]["volumeMounts"]}
    places = {v["hostPath"]["path"]: mounts[v["name"]] for v in inside["volumes"] if v["name"] != "reports"}
    assert places == {path: f"/host{path}" for path in ("/sys", "/proc")}
    assert [f"{path}:/host{path}:ro" for path in places] == made["volumes"][1:]
    # What is mounted, and nothing else of the machine.
    for path in places:
        if (machine / path[1:]).exists():
            shutil.copytree(machine / path[1:], host / path[1:], symlinks=True)
    seen = json.loads(Command(tmp_path, host)("doctor", "--seconds", "0", "--json").stdout)
    assert seen["auto"]["meters"] == ["rapl:package-0"]


@pytest.mark.slow
def test_reports_of_a_container_are_kept_where_its_commands_write_them(tmp_path: Path) -> None:
    sysfs.amd(tmp_path / "m")
    made = pod(at(tmp_path / "m", "k8s").stdout)["containers"][0]
    kept = {mount["name"]: mount["mountPath"] for mount in made["volumeMounts"]}
    assert kept["reports"] == str(Path(made["workingDir"]) / FOLDER)
    folder = service(at(tmp_path / "m", "docker").stdout)["volumes"][0].removeprefix(".:")
    assert folder == made["workingDir"]
    for image in ("Dockerfile", "Dockerfile.jetson"):
        assert f"\nWORKDIR {folder}\nENTRYPOINT" in (ROOT / image).read_text()


@pytest.mark.slow
def test_gpus_are_asked_for_by_their_makers_ways(tmp_path: Path) -> None:
    sysfs.perf_virtual(tmp_path / "m")
    found = {k: v for k, v in nvml.environment(nvml.build(), gpus=2).items() if k != "PYTHONPATH"}
    made = service(at(tmp_path / "m", "docker", **found).stdout)
    (device,) = made["deploy"]["resources"]["reservations"]["devices"]
    assert device["driver"] == "nvidia" and "utility" in device["capabilities"]  # NVML is of that
    made = pod(at(tmp_path / "m", "k8s", **found).stdout)["containers"][0]
    assert made["resources"] == {"limits": {"nvidia.com/gpu": 2}}
    assert "#SBATCH --gpus-per-node=2\n" in at(tmp_path / "m", "slurm", **found).stdout


@pytest.mark.slow
def test_amd_gpus_bring_their_devices(tmp_path: Path) -> None:
    sysfs.perf_virtual(tmp_path / "m")
    amdsmi.card(tmp_path / "m", 0, "0000:03:00.0")
    made = service(at(tmp_path / "m", "docker").stdout)
    assert made["devices"] == ["/dev/kfd", "/dev/dri"]
    made = pod(at(tmp_path / "m", "k8s").stdout)["containers"][0]
    assert made["resources"]["limits"] == {"amd.com/gpu": 1}
    assert "/dev/kfd" in [mount["mountPath"] for mount in made["volumeMounts"]]


@pytest.mark.slow
def test_a_jetson_gets_the_image_of_its_release_and_reads_its_rails(tmp_path: Path) -> None:
    machine, host = tmp_path / "m", tmp_path / "host"
    jetson.orin(machine)
    words = ("--", "run", "./train.py", "--", "--lr", "$rate")
    made = service(at(machine, "jetson", "--source", ".", *words).stdout)
    assert made["build"]["args"]["BASE"] == "nvcr.io/nvidia/l4t-pytorch:r35.2.1-pth2.0-py3"
    assert made["build"]["dockerfile"] == "Dockerfile.jetson"
    # $$ is what Compose makes a $ of.
    assert made["command"] == ["run", "--python", "/usr/bin/python3", "./train.py", "--", "--lr", "$$rate"]
    for volume in made["volumes"][1:]:
        place, inside, only = volume.split(":")
        assert (inside, only) == (f"/host{place}", "ro")
        source, target = machine / place[1:], host / place[1:]
        if source.is_symlink():  # what is mounted is what it leads to
            source = machine / str(source.readlink())[1:]
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    seen = json.loads(Command(tmp_path, host)("doctor", "--seconds", "0", "--json").stdout)
    assert {name.partition(":")[0] for name in seen["auto"]["meters"]} == {"jetson"}
    assert seen["machine"]["power_mode"] == "MODE_30W"


@pytest.mark.slow
def test_where_no_image_is_right_it_says_so(tmp_path: Path) -> None:
    sysfs.amd(tmp_path / "m")
    assert " is not a Jetson: print it on the board itself" in one_error_line(at(tmp_path / "m", "jetson"))
    jetson.nano(tmp_path / "n")
    refused = one_error_line(at(tmp_path / "n", "jetson"))
    assert (
        "no image is known for R32.7.4, only for R35 and R36" in refused
        and "--build-arg BASE=IMAGE" in refused
    )
