"""AMD's management library amdsmi, started once for all that read from it.

Only functions whose arguments are plain numbers, handles and texts are called, or that fill a structure whose
first members never changed: AMD changes its structures from one version to the next, so that one version's
Python binding reads nonsense from another's library.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from energyprof.errors import MeterError
from energyprof.measure.meters.ref_counted import RefCounted

NAME = "libamd_smi.so"

# amdsmi.h
INIT_AMD_GPUS = 1 << 1
TYPE_AMD_GPU = 1
NOT_SUPPORTED, NO_PERM, NOT_FOUND, NOT_INIT, DRIVER_NOT_LOADED = 2, 10, 31, 32, 34
_WORDS = {
    NOT_SUPPORTED: "not supported",
    3: "not yet implemented",
    8: "timed out",
    NO_PERM: "permission denied",
    30: "busy",
    NOT_FOUND: "not found",
    NOT_INIT: "not initialised",
    DRIVER_NOT_LOADED: "driver not loaded",
    40: "no data",
}

_UUID_BYTES = 64
# Larger than any version's structure, whose first member is the card's name.
_ASIC_INFO_BYTES = 4096
# Larger than any version's structure, in numbers of 64 bits.
_NUMBERS = 512

CLOCK_SYSTEM, LIMIT_LOW, LIMIT_HIGH = 0, 0, 1
LEVEL_AUTO, LEVEL_MANUAL = 0, 3
# No card draws more: what is read is no power then (one version gives limits in W beside a cap in µW).
_MOST_UW = 10**10
# A clock below that many is in MHz, one above in Hz: versions differ.
_MOST_MHZ = 10**5


class LibraryMissing(MeterError):
    """There is no libamd_smi.so where one is looked for."""


class AmdSmiError(MeterError):
    """The library answered with an error."""

    def __init__(self, function: str, code: int) -> None:
        super().__init__(f"{function}: {_WORDS.get(code, 'error')} (amdsmi {code})")
        self.code = code


class AmdSmi:
    """The library, loaded and initialised."""

    def __init__(self) -> None:
        """Raises LibraryMissing, or AmdSmiError if it does not start."""
        self._library = _load()
        self._call("amdsmi_init", ctypes.c_uint64(INIT_AMD_GPUS))

    def shut_down(self) -> None:
        """Ends it. Raises AmdSmiError."""
        self._call("amdsmi_shut_down")

    def gpus(self) -> list[ctypes.c_void_p]:
        """A handle of each GPU. Raises AmdSmiError."""
        handles = []
        for socket in self._listed("amdsmi_get_socket_handles"):
            for handle in self._listed("amdsmi_get_processor_handles", socket):
                kind = ctypes.c_int()
                self._call("amdsmi_get_processor_type", handle, ctypes.byref(kind))
                if kind.value == TYPE_AMD_GPU:
                    handles.append(handle)
        return handles

    def bdf(self, handle: ctypes.c_void_p) -> str:
        """Where it sits on the PCI bus: "0000:03:00.0". Raises AmdSmiError."""
        bits = ctypes.c_uint64()
        self._call("amdsmi_get_gpu_device_bdf", handle, ctypes.byref(bits))
        function, device, bus = bits.value & 7, bits.value >> 3 & 31, bits.value >> 8 & 255
        return f"{bits.value >> 16:04x}:{bus:02x}:{device:02x}.{function}"

    def uuid(self, handle: ctypes.c_void_p) -> str:
        """The card's own number, the same in every slot. Raises AmdSmiError."""
        text, length = ctypes.create_string_buffer(_UUID_BYTES), ctypes.c_uint(_UUID_BYTES)
        self._call("amdsmi_get_gpu_device_uuid", handle, ctypes.byref(length), text)
        return text.value.decode(errors="replace")

    def name(self, handle: ctypes.c_void_p) -> str:
        """What the card is sold as. Raises AmdSmiError."""
        text = ctypes.create_string_buffer(_ASIC_INFO_BYTES)
        self._call("amdsmi_get_gpu_asic_info", handle, text)
        return text.value.decode(errors="replace").strip()

    def energy(self, handle: ctypes.c_void_p) -> tuple[float, float]:
        """The counter and its step, in J. Raises AmdSmiError, MeterError if it gives no number."""
        count, step_uj, stamp = ctypes.c_uint64(), ctypes.c_float(), ctypes.c_uint64()
        self._call(
            "amdsmi_get_energy_count", handle, ctypes.byref(count), ctypes.byref(step_uj), ctypes.byref(stamp)
        )
        if count.value == 2**64 - 1 or not 0 < step_uj.value < 1e6:
            raise MeterError("amdsmi_get_energy_count: no energy at the moment")
        step_j = step_uj.value / 1e6
        return count.value * step_j, step_j

    def power_cap(self, handle: ctypes.c_void_p) -> tuple[int, int, int]:
        """The cap that was asked, the least and the most, in µW. Raises AmdSmiError, MeterError."""
        numbers = (ctypes.c_uint64 * _NUMBERS)()
        self._call("amdsmi_get_power_cap_info", handle, ctypes.c_uint32(0), numbers)
        cap, low, high = numbers[0], numbers[3], numbers[4]
        if not low <= cap <= high <= _MOST_UW or not cap:
            raise MeterError("amdsmi_get_power_cap_info: gives no cap between limits")
        return cap, low, high

    def set_power_cap(self, handle: ctypes.c_void_p, cap_uw: int) -> None:
        """Ask for another cap. Raises AmdSmiError."""
        self._call("amdsmi_set_power_cap", handle, ctypes.c_uint32(0), ctypes.c_uint64(cap_uw))

    def clock_range(self, handle: ctypes.c_void_p) -> tuple[int, int]:
        """What the clock was asked to stay between, in MHz. Raises AmdSmiError, MeterError."""
        numbers = (ctypes.c_uint64 * _NUMBERS)()
        self._call("amdsmi_get_gpu_od_volt_info", handle, numbers)
        low, high = (number if number < _MOST_MHZ else number // 10**6 for number in numbers[:2])
        if not 0 <= low < high < _MOST_MHZ:
            raise MeterError("amdsmi_get_gpu_od_volt_info: gives no range")
        return low, high

    def set_clock_limit(self, handle: ctypes.c_void_p, which: int, mhz: int) -> None:
        """Ask for another end of the range; the performance level is manual then. Raises AmdSmiError."""
        kind, end = ctypes.c_uint32(CLOCK_SYSTEM), ctypes.c_uint32(which)
        self._call("amdsmi_set_gpu_clk_limit", handle, kind, end, ctypes.c_uint64(mhz))

    def performance_level(self, handle: ctypes.c_void_p) -> int:
        """Who chooses the clock: ``LEVEL_AUTO``, ``LEVEL_MANUAL`` or another. Raises AmdSmiError."""
        level = ctypes.c_uint32()
        self._call("amdsmi_get_gpu_perf_level", handle, ctypes.byref(level))
        return level.value

    def set_performance_level(self, handle: ctypes.c_void_p, level: int) -> None:
        """Ask for another. Raises AmdSmiError."""
        self._call("amdsmi_set_gpu_perf_level", handle, ctypes.c_uint32(level))

    def _listed(self, function: str, *of: Any) -> list[ctypes.c_void_p]:
        count = ctypes.c_uint32()
        self._call(function, *of, ctypes.byref(count), None)
        handles = (ctypes.c_void_p * count.value)()
        self._call(function, *of, ctypes.byref(count), handles)
        return [ctypes.c_void_p(handle) for handle in handles[: count.value]]

    def _call(self, function: str, *arguments: Any) -> None:
        called = getattr(self._library, function, None)
        code = NOT_SUPPORTED if called is None else int(called(*arguments))
        if code:
            raise AmdSmiError(function, code)


def _load() -> ctypes.CDLL:
    """Raises LibraryMissing."""
    problem = f"no {NAME}"
    for place in _places():
        try:
            return ctypes.CDLL(place)
        except OSError as error:
            if os.path.exists(place):  # it is there, and what it needs itself is not
                problem = " ".join(str(error).split())
    raise LibraryMissing(problem)


def _places() -> Iterator[str]:
    """Where to look: as the user says, as the loader does, in ROCm, in AMD's binding, in PyTorch for ROCm."""
    for variable in ("ROCM_HOME", "ROCM_PATH"):
        if folder := os.environ.get(variable):
            yield f"{folder}/lib/{NAME}"
    yield NAME
    yield from sorted(map(str, Path("/opt").glob(f"rocm*/lib/{NAME}*")))
    for package, inside in (("amdsmi", ""), ("torch", "lib/")):
        with suppress(ImportError, ValueError):
            spec = importlib.util.find_spec(package)
            for folder in (spec.submodule_search_locations or []) if spec else []:
                yield f"{folder}/{inside}{NAME}"


def _stop(smi: AmdSmi) -> None:
    # The driver may be gone already; there is nothing left to shut down then.
    with suppress(AmdSmiError):
        smi.shut_down()


LIBRARY = RefCounted(AmdSmi, _stop)
