"""Jobs and containers that can read a machine's meters: the files of ``templates/``, filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from energyprof import __version__
from energyprof.errors import UsageError
from energyprof.formats.printable import printable
from energyprof.measure.access import Access, notes

FOLDER = Path(__file__).parent.parent / "templates"

# NVIDIA's images by the release of Linux for Tegra, whose driver they go with. That of R35 has torch 2.0 for
# Python 3.8; that of R36 has none: NVIDIA's wheel goes into Dockerfile.jetson's TORCH.
BASES = {
    "R35": "nvcr.io/nvidia/l4t-pytorch:r35.2.1-pth2.0-py3",
    "R36": "nvcr.io/nvidia/l4t-jetpack:r36.4.0",
}
# The base image's own Python, with NVIDIA's torch.
TRAINING_PYTHON = "/usr/bin/python3"

# A wattmetre stands beside each node there (Grid'5000, "Energy consumption monitoring tutorial").
GRID5000 = re.compile(r"[\w-]+\.([\w-]+)\.grid5000\.fr")


def batch(kind: str, access: Access, command: str, folder: str) -> str:
    """The script of a job that carries out ``command``, quoted for a shell, in ``folder``."""
    import shlex

    site = GRID5000.fullmatch(access.host)
    filled = {
        "NOTES": _comments(access),
        "GPUS": f"#SBATCH --gpus-per-node={access.gpus}" if access.gpus else "",
        "MONITOR": "#OAR -t monitor=wattmetre_power_watt" if site else "",
        # Grid'5000 lets its users be root of a node of their own.
        "PERMISSION": "sudo-g5k sysctl --quiet kernel.perf_event_paranoid=0" if site else "",
        "FOLDER": shlex.quote(folder),
        "COMMAND": command,
    }
    return _filled(f"{kind}.sh", filled)


def image(kind: str, access: Access, words: Sequence[str], context: str) -> str:
    """The description of a container, made from ``context``, in which energyprof carries out ``words``.

    Raises:
        UsageError: of a Jetson's on a machine that is none, or whose release has no image.
    """
    filled = {
        "NOTES": _comments(access),
        "VERSION": __version__,
        "CONTEXT": _quoted(context),
        "HOST": json.dumps(access.host),
    }
    if kind == "jetson":
        filled |= _jetson(access, words)
    elif kind == "docker":
        filled |= _compose(access) | {"COMMAND": _quoted(words)}
    else:
        # $(NAME) is a variable there, $$( is none (Kubernetes, "Define Dependent Environment Variables").
        filled |= _pod(access) | {"COMMAND": json.dumps(list(words)).replace("$(", "$$(")}
    return _filled(f"{kind}.yaml", filled)


def _compose(access: Access) -> dict[str, str]:
    grants = []
    if _by_perf(access):
        grants += ["# Docker lets perf_event_open pass with this capability only.", "cap_add: [PERFMON]"]
    if _by_powercap(access):
        grants += ["environment:", "  ENERGYPROF_SYSFS_ROOT: /host"]
    if access.nvidia:
        grants += [
            "# utility: NVML, which reads the power.",
            "deploy:",
            "  resources:",
            "    reservations:",
            "      devices:",
            "        - {driver: nvidia, count: all, capabilities: [gpu, compute, utility]}",
        ]
    if access.amd:
        grants += ["devices: [/dev/kfd, /dev/dri]", "group_add: [video, render]"]
    return {
        "GRANTS": _indented(4, grants),
        "VOLUMES": _indented(6, [f"- {path}:/host{path}:ro" for path in _host_paths(access)]),
    }


def _pod(access: Access) -> dict[str, str]:
    mounts, volumes = [], []
    for path in _host_paths(access):
        name = f"host-{path.strip('/').replace('/', '-')}"
        mounts += [f"- {{name: {name}, mountPath: /host{path}, readOnly: true}}"]
        volumes += [f"- {{name: {name}, hostPath: {{path: {path}}}}}"]
    for path in ("/dev/kfd", "/dev/dri") if access.amd else ():
        name = path.strip("/").replace("/", "-")
        mounts += [f"- {{name: {name}, mountPath: {path}}}"]
        volumes += [f"- {{name: {name}, hostPath: {{path: {path}}}}}"]
    limits = [f"    {name}.com/gpu: {n}" for name, n in (("nvidia", access.nvidia), ("amd", access.amd)) if n]
    security = ["securityContext:", "  capabilities: {add: [PERFMON]}"] if _by_perf(access) else []
    variables = ["env:", "  - {name: ENERGYPROF_SYSFS_ROOT, value: /host}"] if _by_powercap(access) else []
    return {
        "SECURITY": _indented(10, security),
        "ENVIRONMENT": _indented(10, variables),
        "LIMITS": _indented(10, ["resources:", "  limits:", *limits] if limits else []),
        "MOUNTS": _indented(12, mounts),
        "VOLUMES": _indented(8, volumes),
    }


def _jetson(access: Access, words: Sequence[str]) -> dict[str, str]:
    if access.jetson is None:
        raise UsageError(f"template jetson: {access.host} is not a Jetson: print it on the board itself")
    release = re.search(r"L4T ((R\d+)[\d.]*)", access.jetson)
    base = BASES.get(release[2]) if release else None
    if base is None:
        raise UsageError(
            f"template jetson: no image is known for {release[1] if release else access.jetson}, "
            f"only for {' and '.join(BASES)}: build Dockerfile.jetson with --build-arg BASE=IMAGE"
        )
    # `run` alone has an interpreter that trains, and what follows ` -- ` is the program's.
    trained = "--python" not in words and words[:1] == ("run",)
    python = ["--python", TRAINING_PYTHON] if trained else []
    modes = [
        "- /var/lib/nvpmodel:/host/var/lib/nvpmodel:ro",
        "- /etc/nvpmodel.conf:/host/etc/nvpmodel.conf:ro",
    ]
    return {
        "BASE": base,
        "COMMAND": _quoted([*words[:1], *python, *words[1:]]),
        "VOLUMES": _indented(6, modes),
    }


def _by_perf(access: Access) -> bool:
    return access.rapl == "perf"


def _by_powercap(access: Access) -> bool:
    return access.rapl == "powercap"


def _host_paths(access: Access) -> tuple[str, ...]:
    """What of the host is read below /host: container runtimes cover powercap in their own /sys."""
    return ("/sys", "/proc") if _by_powercap(access) else ()


def _quoted(value: str | Sequence[str]) -> str:
    """The value as YAML in which Compose replaces no variable (Compose specification, "Interpolation")."""
    return json.dumps(value if isinstance(value, str) else list(value)).replace("$", "$$")


def _comments(access: Access) -> str:
    # A host's name or a processor's may be anything.
    return "\n".join(f"# {printable(line)}" for line in notes(access))


def _indented(columns: int, lines: Sequence[str]) -> str:
    return "\n".join(" " * columns + line for line in lines)


def _filled(name: str, values: Mapping[str, str]) -> str:
    """The template with its words between @ signs replaced; a line that comes to nothing is left out."""
    made = []
    for line in (FOLDER / name).read_text(encoding="utf-8").splitlines():
        text = re.sub(r"@([A-Z]+)@", lambda found: values[found[1]], line)
        made += [text] if text or not line else []
    return "\n".join(made) + "\n"
