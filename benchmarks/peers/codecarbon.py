"""CodeCarbon: an ``OfflineEmissionsTracker`` for each long window, a task of one for each short window.

``measure_power_secs`` is its default, 15 s, unless the settings say otherwise.
"""

from __future__ import annotations

from typing import Any

from peers.windows import measure, read_order

KWH_J = 3.6e6
# A tracker takes a second or two to start, so that short stretches are its tasks' business.
SHORT_S = 5.0

if __name__ == "__main__":
    order = read_order("codecarbon")
    from codecarbon import OfflineEmissionsTracker

    def tracker() -> Any:
        """A tracker that writes nothing."""
        return OfflineEmissionsTracker(
            country_iso_code="FRA",
            save_to_file=False,
            allow_multiple_runs=True,
            log_level="error",
            **order.options,
        )

    def begin(window: int) -> None:
        """Start a tracker that is already made, or a task."""
        if window in trackers:
            trackers[window].start()
        else:
            tasks.start_task(str(window))

    def end(window: int) -> float:
        """The CPU's or the GPU's part: its memory is a constant of a model."""
        one = trackers.pop(window, tasks)
        if one is tasks:
            data = one.stop_task(str(window))
        else:
            one.stop()
            data = one.final_emissions_data
        # The model it falls back on where it finds no meter: watts of a thread at full load.
        models = [part._tdp / part._cpu_count for part in one._hardware if hasattr(part, "_tdp")]
        order.answer(thread_w=models[0] if models else 0.0)
        return KWH_J * float(data.gpu_energy if order.meters == "nvml" else data.cpu_energy)

    # It looks for the hardware when the first tracker starts, for a second or two, and keeps what it found.
    first = tracker()
    first.start()
    first.stop()
    tasks = tracker()
    trackers = {
        window: tracker()
        for window, (start_s, end_s) in enumerate(order.windows)
        if end_s - start_s >= SHORT_S
    }
    measure(order, begin, end)
