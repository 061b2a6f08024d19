"""An open NVIDIA board, which is looked for again after it or its driver was gone."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from energyprof.errors import MeterError
from energyprof.measure.meters.nvidia.library import LIBRARY, nvml_error

Answer = TypeVar("Answer")

# What it costs to look for a board (a start of NVML takes up to half a second) is paid at most so often.
RETRY_S = 1.0


class NvidiaBoard:
    """One board, known by its UUID: an index may name another one after the driver was loaded anew."""

    def __init__(self, name: str, uuid: str) -> None:
        """Raises MeterError if NVML does not start or the board is gone."""
        self.name, self._uuid = name, uuid
        self._gone: int | None = None  # NVML's code for why it does not answer
        self._retry_s = 0.0
        self._held = False
        try:
            self._nvml = LIBRARY.acquire()
            self._held = True
            self._starts = LIBRARY.starts
            self._handle = self._nvml.nvmlDeviceGetHandleByUUID(uuid)
        except (ImportError, nvml_error()) as error:
            self.close()
            raise MeterError(f"{name}: {error}") from error

    def ask(self, question: Callable[[Any, Any], Answer]) -> Answer:
        """What ``question(nvml, handle)`` gives.

        Raises:
            MeterError: NVML answers with an error.
        """
        if not self._held:
            raise MeterError(f"{self.name}: closed")
        try:
            if self._gone is not None or self._starts != LIBRARY.starts:
                self._find_again()
            answer = question(self._nvml, self._handle)
        except self._nvml.NVMLError as error:
            if gone(self._nvml, error) or self._handle is None:
                self._gone = error.value
            raise MeterError(f"{self.name}: {error}") from error
        self._gone = None
        return answer

    def close(self) -> None:
        """Lets go of NVML; a second call does nothing."""
        if self._held:
            self._held = False
            LIBRARY.release()

    def _find_again(self) -> None:
        """A new handle. Raises NVMLError, and leaves none that may point nowhere."""
        if self._starts == LIBRARY.starts:
            if time.monotonic() < self._retry_s:
                if self._handle is None:
                    raise self._nvml.NVMLError(self._gone)
                return
            self._retry_s = time.monotonic() + RETRY_S
            if self._gone not in _board_alone(self._nvml):
                self._handle = None
                LIBRARY.renew(self._starts)
        self._starts, self._handle = LIBRARY.starts, None
        self._handle = self._nvml.nvmlDeviceGetHandleByUUID(self._uuid)


def gone(nvml: Any, error: Any) -> bool:
    """Whether ``error`` says that the board or its driver is not there any more."""
    driver = (nvml.NVML_ERROR_UNINITIALIZED, nvml.NVML_ERROR_DRIVER_NOT_LOADED)
    return error.value in (*driver, *_board_alone(nvml))


def _board_alone(nvml: Any) -> tuple[int, ...]:
    """Codes of a board that is gone while the driver still works for the others."""
    return (nvml.NVML_ERROR_GPU_IS_LOST, nvml.NVML_ERROR_RESET_REQUIRED, nvml.NVML_ERROR_NOT_FOUND)
