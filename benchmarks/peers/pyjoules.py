"""pyJoules: an ``EnergyMeter`` over every package (and memory), or every NVIDIA GPU."""

from __future__ import annotations

from peers.windows import measure, read_order

if __name__ == "__main__":
    order = read_order("pyJoules")
    try:
        from pyJoules.device import DeviceFactory
        from pyJoules.energy_meter import EnergyMeter

        if order.meters == "nvml":
            from pyJoules.device.nvidia_device import NvidiaGPUDevice

            domains = NvidiaGPUDevice.available_domains()
        else:
            from pyJoules.device.rapl_device import RaplDevice

            domains = RaplDevice.available_package_domains() + RaplDevice.available_dram_domains()
        meter = EnergyMeter(DeviceFactory.create_devices(domains))
    except Exception as error:
        order.answer(error=f"{type(error).__name__}: {error}")
        raise
    # RAPL comes in µJ, NVML in mJ.
    units = 1e3 if order.meters == "nvml" else 1e6

    def begin(window: int) -> None:
        """Begin a trace."""
        meter.start(tag=str(window))

    def end(window: int) -> float:
        """The sum over the domains."""
        meter.stop()
        return sum(sum(sample.energy.values()) for sample in meter.get_trace()) / units

    measure(order, begin, end)
