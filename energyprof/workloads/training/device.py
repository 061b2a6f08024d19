"""The device and the precision a training runs in; the one place that knows how torch's versions differ."""

import contextlib
import importlib
import os
import platform
from pathlib import Path
from typing import Any, ContextManager, Dict, Iterator, Optional

from energyprof.workload import WorkloadError
from energyprof.workloads.training import operations

OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED")
COMPILER = ("torch._dynamo", "torch._inductor")
INSTALL = "pip install 'energyprof[{}]'"
EXTRAS = {
    "peft": "lora",
    "datasets": "data",
    "torch_pruning": "levers",
    "torchao": "levers",
}  # the others come with ``workloads``


def library(module: str) -> Any:
    """The module of a library that trains.

    Raises:
        WorkloadError: it is not installed, or does not go with the others.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        install = INSTALL.format(EXTRAS.get(missing, "workloads"))
        raise WorkloadError(f"{missing}, needed to train, is not installed: {install}") from error
    # diffusers raises one of these for a torch, transformers or peft that is too old or too new for it
    except (ImportError, AttributeError, RuntimeError) as error:
        raise WorkloadError(
            f"{module}, needed to train, does not load ({_reason(error)}): "
            "install versions that go together, such as those in constraints.txt"
        ) from error


def torch_device(name: str) -> Any:
    """The ``torch.device`` called ``name``; ``auto`` is a GPU, or else the CPU.

    Of several processes each gets a GPU of its own.

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
    # Of one node: each brings its own GPUs. Launchers that count no others have all their processes here.
    processes = int(os.environ.get("LOCAL_WORLD_SIZE") or os.environ.get("WORLD_SIZE", "1"))
    if processes > 1 and device.index is not None:
        raise WorkloadError(
            f"device {name!r} is one for {processes} processes: use --device cuda, or --nproc 1"
        )
    if 1 < processes > there:
        raise WorkloadError(f"{processes} processes but {there} GPU(s) here: use --nproc {max(1, there)}")
    index = int(os.environ.get("LOCAL_RANK", "0")) if device.index is None else device.index
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
    if precision == "fp8":
        # torchao converts a model on any device, and then computes slowly or fails
        capability = torch.cuda.get_device_capability(device) if device.type == "cuda" else (0, 0)
        if capability < (8, 9):
            raise WorkloadError(
                f"precision fp8 needs a GPU of compute capability 8.9 or more, {device} has none: "
                "use --precision fp32 or bf16"
            )
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
    low = {"bf16": torch.bfloat16, "fp8": torch.bfloat16, "fp16": torch.float16}.get(precision)
    return contextlib.nullcontext() if low is None else torch.autocast(device.type, dtype=low)


def adamw(weights: Any, learning_rate: float, device: Any) -> Any:
    """AdamW, fused where torch has it.

    The plain one waits for the scaler's verdict in each step on a GPU, and takes 8 times as long on a CPU.
    """
    weights, kind = list(weights), library("torch").optim.AdamW
    try:
        return kind(weights, learning_rate, fused=True)
    except RuntimeError:  # on a CPU before torch 2.4
        return kind(weights, learning_rate)


def gradient_scaler(device: Any, precision: str) -> Any:
    """A gradient scaler that scales for fp16 and passes everything through for the others."""
    torch = library("torch")
    enabled = precision == "fp16"
    if hasattr(torch.amp, "GradScaler"):  # torch 2.3 on
        return torch.amp.GradScaler(device.type, enabled=enabled)
    return torch.cuda.amp.GradScaler(enabled=enabled)


def compiled(model: Any) -> Any:
    """``model`` by torch's compiler: the first calls compile."""
    return library("torch").compile(model)


def no_sync(model: Any, wanted: bool) -> ContextManager[Any]:
    """While ``wanted``: gradients are kept, not yet averaged with the other processes'."""
    inner = getattr(model, "_orig_mod", model)  # torch.compile hides it
    return inner.no_sync() if wanted else contextlib.nullcontext()


def no_gradients() -> ContextManager[Any]:
    """A context in which nothing is kept for a backward pass."""
    context: ContextManager[Any] = library("torch").no_grad()
    return context


def flop_counter() -> Optional[Any]:
    """A context that counts floating-point operations; ``None`` before torch 2.1."""
    library("torch")
    try:
        counter = importlib.import_module("torch.utils.flop_counter")
    except ImportError:
        return None
    return counter.FlopCounterMode(display=False, custom_mapping=operations.formulas())


def synchronise(device: Any) -> None:
    """Wait until the device has done all that it was given."""
    if device.type == "cuda":
        library("torch").cuda.synchronize(device)


@contextlib.contextmanager
def one_line(device: Any, batch_size: int) -> Iterator[None]:
    """Turn what torch says at length, out of memory or unable to compile or compute it so, into one line.

    Raises:
        WorkloadError: that line.
    """
    try:
        yield
    # OutOfMemoryError is a RuntimeError; the CPU allocator and cuDNN raise plain ones
    except (RuntimeError, AssertionError) as error:
        said = str(error)
        if any(word in said for word in OUT_OF_MEMORY):
            raise WorkloadError(
                f"training ran out of memory on {device} at batch size {batch_size}: "
                "use a smaller --batch-size or a larger --grad-accum"
            ) from error
        if "DataLoader worker" in said:
            raise WorkloadError(f"a process that loads data died ({said.splitlines()[0]})") from error
        # of a tensor that is laid out otherwise than foreseen, compiled code says what it expected
        if type(error).__module__.startswith(COMPILER) or said.startswith("expected size"):
            raise WorkloadError(
                f"the model cannot be compiled here ({_reason(error)}): do without --compile"
            ) from error
        # torch 2.1's autocast on the CPU leaves some layers with inputs of two types, 2.4's does not
        if device.type == "cpu" and "BFloat16" in said:
            raise WorkloadError(
                f"this torch cannot compute it in bf16 on the CPU ({_reason(error)}): use --precision fp32"
            ) from error
        raise


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


def _reason(error: BaseException) -> str:
    """The first line that says something: before it dynamo names the backend."""
    lines = [line.strip() for line in str(error).splitlines()]
    return next((line for line in lines if line and not line.endswith("raised:")), type(error).__name__)[:100]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


def _allow_tf32(torch: Any, allowed: bool) -> None:
    # torch 2.9 on has both ways, not to be mixed; matmul may not be asked, an old one's hasattr raises
    if hasattr(torch.backends.cudnn, "conv"):
        mode = "tf32" if allowed else "ieee"
        torch.backends.cuda.matmul.fp32_precision = mode
        torch.backends.cudnn.conv.fp32_precision = mode
    else:
        torch.backends.cuda.matmul.allow_tf32 = allowed
        torch.backends.cudnn.allow_tf32 = allowed
