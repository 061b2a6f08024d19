"""Zeus: ``ZeusMonitor`` with its defaults, one ``begin_window``/``end_window`` a window."""

from __future__ import annotations

from peers.windows import measure, read_order

# Zeus starts processes that import this module again.
if __name__ == "__main__":
    order = read_order("zeus")
    try:
        from zeus.monitor import ZeusMonitor

        monitor = ZeusMonitor()
    except Exception as error:
        order.answer(error=f"{type(error).__name__}: {error}")
        raise

    def begin(window: int) -> None:
        """Begin a window; there is no framework whose work would have to be waited for."""
        monitor.begin_window(str(window), sync_execution=False)

    def end(window: int) -> float | None:
        """Packages and their memory, GPUs, or a Jetson's total; ``None`` where Zeus gives none."""
        found = monitor.end_window(str(window), sync_execution=False)
        parts = {
            "cpu": found.cpu_energy and sum(found.cpu_energy.values()),
            "dram": found.dram_energy and sum(found.dram_energy.values()),
            "gpu": sum(found.gpu_energy.values()) if found.gpu_energy else None,
        }
        if order.meters == "jetson":
            order.answer(soc=str(found.soc_energy))
            total_mj = found.soc_energy and found.soc_energy.total_energy_mj
            return None if total_mj is None else total_mj / 1000
        wanted = ("gpu",) if order.meters == "nvml" else ("cpu", "dram")
        known = [parts[part] for part in wanted if parts[part] is not None]
        return sum(known) if known else None

    measure(order, begin, end)
