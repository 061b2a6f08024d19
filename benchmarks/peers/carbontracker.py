"""carbontracker: a ``CarbonTracker`` with its defaults, a window being an epoch.

Its total holds a factor for the data centre; the components' own figures, which are compared here, do not.
"""

from __future__ import annotations

import time

from peers.windows import measure, read_order

KWH_J = 3.6e6
# A measurement that has begun is taken to its end, a second later.
LAST_S = 2.5

if __name__ == "__main__":
    order = read_order("carbontracker")
    from carbontracker.tracker import CarbonTracker

    # One epoch more than there are windows, as it drops its figures after the last.
    tracker = CarbonTracker(
        epochs=len(order.windows) + 1,
        components="gpu" if order.meters == "nvml" else "cpu",
        **order.options,
    )
    thread = tracker.tracker

    def begin(window: int) -> None:
        """An epoch begins."""
        tracker.epoch_start()

    def end(window: int) -> None:
        """An epoch ends; what it took is known once all are over."""
        tracker.epoch_end()

    measure(order, begin, end)
    time.sleep(LAST_S)
    for component in thread.components:
        for window, energy_kwh in enumerate(component.energy_usage(thread.epoch_times)):
            order.answer(window=window, energy_j=KWH_J * float(energy_kwh))
