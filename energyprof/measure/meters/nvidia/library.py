"""NVIDIA's management library NVML, started once for all that read from it."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from energyprof.errors import MeterError
from energyprof.measure.meters.ref_counted import RefCounted


def nvidia_library() -> bool:
    """Whether NVML can be loaded: it comes with NVIDIA's driver. On systems other than Linux nobody asks."""
    if sys.platform != "linux":
        return True
    try:
        ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return False
    return True


def _start() -> Any:
    """``pynvml``, initialised. Raises ImportError, NVMLError, MeterError if not NVIDIA's."""
    import pynvml

    # pynvml up to 11.5.3 lacks the first name, nvidia-ml-py3 the second.
    needed = ("_nvmlGetFunctionPointer", "nvmlDeviceGetTotalEnergyConsumption")
    if not all(hasattr(pynvml, name) for name in needed):
        raise MeterError("an old package hides NVIDIA's own module pynvml")
    pynvml.nvmlInit()
    return pynvml


def _stop(pynvml: Any) -> None:
    # The driver may be gone already; there is nothing left to shut down then.
    with suppress(pynvml.NVMLError):
        pynvml.nvmlShutdown()


LIBRARY = RefCounted(_start, _stop)


@contextmanager
def opened() -> Iterator[Any]:
    """``pynvml``, initialised for the length of a ``with``. Raises as ``_start`` does."""
    nvml = LIBRARY.acquire()
    try:
        yield nvml
    finally:
        LIBRARY.release()


def nvml_error() -> type[Exception]:
    """NVML's root error, for an ``except`` that must not import the module when it is missing."""
    try:
        import pynvml
    except ImportError:
        return MeterError
    return pynvml.NVMLError  # type: ignore[no-any-return]


def unsupported(nvml: Any, error: Any) -> bool:
    """Whether the board cannot tell this, or the driver is older than the question."""
    return error.value in (nvml.NVML_ERROR_NOT_SUPPORTED, nvml.NVML_ERROR_FUNCTION_NOT_FOUND)
