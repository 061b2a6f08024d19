"""The device and the precision a training runs in; the one place that knows how torch's versions differ."""

import contextlib
import importlib
import os
import platform
from pathlib import Path
from typing import Any, ContextManager, Dict, Iterator

from energyprof.workload import WorkloadError

PRECISIONS = ("fp32", "tf32", "bf16", "fp16")
INSTALL = "pip install 'energyprof[workloads]'"


def library(module: str) -> Any:
    """The module of a library that trains.

    Raises:
        WorkloadError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise WorkloadError(f"{error.name}, needed to train, is not installed: {INSTALL}") from error


def torch_device(name: str) -> Any:
    """The ``torch.device`` called ``name``; ``auto`` is the first GPU, or else the CPU.

    Raises:
        WorkloadError: torch or that device is not there.
    """
    torch = library("torch")
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        name = "cuda" if there else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise WorkloadError(f"unknown device {name!r}: use auto, cpu, cuda or cuda:N") from error
    if device.type not in ("cpu", "cuda"):
        raise WorkloadError(f"device {name!r} is not supported: use auto, cpu, cuda or cuda:N")
    if device.type == "cpu":
        return torch.device("cpu")
    index = device.index or 0
    if index >= there:
        raise WorkloadError(f"no GPU {index} here: torch {torch.__version__} sees {there}; use --device cpu")
    return torch.device("cuda", index)


def set_up(device: Any, precision: str) -> None:
    """Deterministic algorithms where torch has them, and TF32 only where it was asked for: process-wide.

    Raises:
        WorkloadError: the device cannot compute in that precision.
    """
    torch = library("torch")
    if device.type == "cpu" and precision in ("tf32", "fp16"):
        raise WorkloadError(f"precision {precision} needs a GPU: use --precision fp32 or bf16 on the CPU")
    # 8.0 is Ampere; Volta (a Jetson AGX Xavier too) would only emulate bf16
    if device.type == "cuda" and precision in ("tf32", "bf16"):
        major, minor = torch.cuda.get_device_capability(device)
        if major < 8:
            raise WorkloadError(
                f"precision {precision} needs compute capability 8.0, {device} has {major}.{minor}: "
                "use --precision fp32 or fp16"
            )
    # without it cuBLAS may differ from run to run
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    if hasattr(torch.utils, "deterministic"):  # torch 2.2 on; would write every new tensor twice
        torch.utils.deterministic.fill_uninitialized_memory = False
    torch.backends.cudnn.benchmark = False  # its choice of algorithm depends on timing
    if device.type == "cuda":
        torch.cuda.set_device(device)
        _allow_tf32(torch, precision == "tf32")


def autocast(device: Any, precision: str) -> ContextManager[Any]:
    """The context for a forward pass."""
    torch = library("torch")
    low = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision)
    return contextlib.nullcontext() if low is None else torch.autocast(device.type, dtype=low)


def adamw(weights: Any, learning_rate: float, device: Any) -> Any:
    """AdamW; fused on a GPU, where the plain one would wait for the scaler's verdict in each step."""
    return library("torch").optim.AdamW(weights, learning_rate, fused=device.type == "cuda")


def gradient_scaler(device: Any, precision: str) -> Any:
    """A gradient scaler that scales for fp16 and passes everything through for the others."""
    torch = library("torch")
    enabled = precision == "fp16"
    if hasattr(torch.amp, "GradScaler"):  # torch 2.3 on
        return torch.amp.GradScaler(device.type, enabled=enabled)
    return torch.cuda.amp.GradScaler(enabled=enabled)


def synchronise(device: Any) -> None:
    """Wait until the device has done all that it was given."""
    if device.type == "cuda":
        library("torch").cuda.synchronize(device)


@contextlib.contextmanager
def memory_named(device: Any, batch_size: int) -> Iterator[None]:
    """Turn torch's out-of-memory errors into one line.

    Raises:
        WorkloadError: the device's memory did not suffice.
    """
    try:
        yield
    except RuntimeError as error:  # OutOfMemoryError is one; the CPU allocator and cuDNN raise plain ones
        words = ("out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED")
        if not any(word in str(error) for word in words):
            raise
        raise WorkloadError(
            f"training ran out of memory on {device} at batch size {batch_size}: use a smaller --batch-size"
        ) from error


def facts(device: Any) -> Dict[str, Any]:
    """Versions and device, for the record."""
    torch = library("torch")
    found = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "device": str(device),
        "device_name": _processor(),
        "threads": torch.get_num_threads(),
    }
    if device.type == "cuda":
        found["device_name"] = torch.cuda.get_device_name(device)
        found["compute_capability"] = "{}.{}".format(*torch.cuda.get_device_capability(device))
        found["cuda"] = torch.version.cuda
        found["cudnn"] = torch.backends.cudnn.version()
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


def _allow_tf32(torch: Any, allowed: bool) -> None:
    if hasattr(torch.backends.cuda.matmul, "fp32_precision"):  # torch 2.9 on, not to be mixed
        mode = "tf32" if allowed else "ieee"
        torch.backends.cuda.matmul.fp32_precision = mode
        torch.backends.cudnn.conv.fp32_precision = mode
    else:
        torch.backends.cuda.matmul.allow_tf32 = allowed
        torch.backends.cudnn.allow_tf32 = allowed
