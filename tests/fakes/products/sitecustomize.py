"""A training whose every product costs the same joules, written into a powercap counter as it is computed.

Python imports this file at its start, by its name, if it lies on PYTHONPATH. So an inference has a closed
form, whatever the machine does besides: products of zeros count as any others, as they take their time.
"""

import os
import sys
import threading
import time

# The counter's file, and what one multiplication and addition takes.
COUNTER, JOULES = "ENERGYPROF_TEST_COUNTER", "ENERGYPROF_TEST_JOULES"
IDLE_W = 0.01  # nothing beside the products, but a counter that stands still is broken


class Counter:
    """The counter, from 1 J on."""

    def __init__(self) -> None:
        self._file = os.open(os.environ[COUNTER], os.O_WRONLY)
        self._each_uj, self._products, self._begun_s = 1e6 * float(os.environ[JOULES]), 0, time.monotonic()
        self._lock = threading.Lock()

    def add(self, products: int) -> None:
        """So many products more, and the time that has gone by."""
        with self._lock:
            self._products += products
            idle_uj = 1e6 * IDLE_W * (time.monotonic() - self._begun_s)
            counted_uj = int(1_000_000 + self._each_uj * self._products + idle_uj)
            os.pwrite(self._file, b"%020d\n" % counted_uj, 0)


def count(counter: Counter) -> None:
    """Count what torch's layers multiply, once it is here."""
    counted = False
    while True:
        functional = sys.modules.get("torch.nn.functional")
        if not counted and hasattr(functional, "scaled_dot_product_attention"):  # near its end
            functional.conv2d = counting(functional.conv2d, counter, outwards=True)
            functional.conv_transpose2d = counting(functional.conv_transpose2d, counter, outwards=False)
            counted = True
        counter.add(0)
        time.sleep(0.02)


def counting(compute, counter, outwards):
    """A layer's function that counts: each output, or each input, meets the weights of one channel."""

    def layer(given, weight, *others, **named):
        out = compute(given, weight, *others, **named)
        counter.add((out if outwards else given).numel() * weight[0].numel())
        return out

    return layer


if COUNTER in os.environ and "ENERGYPROF_WIRE" in os.environ:
    threading.Thread(target=count, args=(Counter(),), daemon=True).start()
