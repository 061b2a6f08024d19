"""A PyTorch whose GPUs are fakes: what is done on them stands in files that the fake NVML draws power by.

A child finds it on its PYTHONPATH. ``FAKE_TORCH_WORK``: the folder of those files; ``FAKE_TORCH_GPUS``: how
many (1); ``FAKE_TORCH_UUIDS``: theirs, separated by commas (none: a version that does not tell them);
``FAKE_TORCH_PRODUCTS``: after so many of them no more can be made.
"""

import os
import time
from types import SimpleNamespace

__version__ = "2.13.0"
float16 = "float16"
_uuids = os.environ.get("FAKE_TORCH_UUIDS", "")
_logs = {}


def device(kind, number):
    return SimpleNamespace(type=kind, index=number)


class _Matrix:
    def __init__(self, device):
        self.device = device


def rand(*size, device, dtype):
    return _Matrix(device)


def empty_like(matrix):
    return _Matrix(matrix.device)


_left = int(os.environ.get("FAKE_TORCH_PRODUCTS", "1000000000"))


def matmul(a, b, out):
    global _left
    _left -= 1
    if _left < 0:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")
    out.device.work_s = getattr(out.device, "work_s", 0.0) + 0.002


class _Log:
    """The work that one GPU has done; a line whenever some has been added."""

    def __init__(self, number):
        self.file = os.open(
            os.path.join(os.environ["FAKE_TORCH_WORK"], str(number)), os.O_WRONLY | os.O_CREAT
        )
        self.done_s = 0.0
        self.last_s = 0.0

    def add(self, start_s, end_s):
        # A rest: the line before it ends the work, one at its end begins the next.
        if start_s - self.last_s > 0.002:
            self.say(start_s)
        self.done_s += end_s - start_s
        self.last_s = end_s
        self.say(end_s)

    def say(self, at_s):
        os.write(self.file, f"{at_s:.6f} {self.done_s:.6f}\n".encode())


def _synchronize(device):
    log = _logs.setdefault(device.index, None) or _Log(device.index)
    _logs[device.index] = log
    start_s = time.monotonic()
    time.sleep(getattr(device, "work_s", 0.0))
    device.work_s = 0.0
    log.add(start_s, time.monotonic())


def _properties(number):
    known = {"uuid": _uuids.split(",")[number]} if _uuids else {}
    return SimpleNamespace(name="Fake GPU", **known)


cuda = SimpleNamespace(
    is_available=lambda: int(os.environ.get("FAKE_TORCH_GPUS", "1")) > 0,
    device_count=lambda: int(os.environ.get("FAKE_TORCH_GPUS", "1")),
    get_device_properties=_properties,
    synchronize=_synchronize,
)
