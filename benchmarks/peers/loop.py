"""A training that is nothing but its loop: the same work under every tool, timed by itself.

``python -m peers.loop TOOL COUNT WORKERS FIFO``: TOOL as its own documentation starts it, a loop of COUNT
steps in this process alone, one in this process and in WORKERS others at once, TOOL's end. What happens is
written to FIFO, a JSON line an event. Standard library only, as it runs in every peer's environment.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

KWH_J = 3.6e6


def work(count: int) -> int:
    """Steps of a linear congruential generator: integers that stay in one cache line."""
    x = 1
    for _ in range(count):
        x = (x * 1103515245 + 12345) & 0x7FFFFFFF
    return x


def worker(count: int) -> None:
    """One of the other processes: ready, wait for the word, work, tell how long it took."""
    print("ready", flush=True)
    sys.stdin.readline()
    start_s = time.perf_counter()
    work(count)
    print(time.perf_counter() - start_s, time.process_time(), flush=True)


def tree_cpu_s() -> float:
    """CPU time of all processes of this session until now, ended ones too; the workers have their own."""
    total_s, session, tick_s = 0.0, os.getsid(0), 1 / os.sysconf("SC_CLK_TCK")
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            if os.getsid(int(name)) != session:
                continue
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
            # The clock of another process, CPUCLOCK_SCHED of linux/posix-timers.h: ns, where stat has 10 ms.
            total_s += time.clock_gettime((~int(name) << 3) | 2)
            total_s += (int(fields[13]) + int(fields[14])) * tick_s  # of its ended children
        except (OSError, IndexError):  # it ended meanwhile
            continue
    return total_s


def _nothing() -> Callable[[], float | None]:
    return lambda: None


def _energyprof() -> Callable[[], float | None]:
    import energyprof

    energyprof.mark("train")
    return lambda: energyprof.mark("after")


def _zeus() -> Callable[[], float | None]:
    from zeus.monitor import ZeusMonitor

    monitor = ZeusMonitor()
    # There is no framework whose work would have to be waited for.
    monitor.begin_window("train", sync_execution=False)

    def end() -> float:
        found = monitor.end_window("train", sync_execution=False)
        return float(found.total_energy + sum((found.cpu_energy or {}).values()))

    return end


def _codecarbon() -> Callable[[], float | None]:
    from codecarbon import OfflineEmissionsTracker

    tracker = OfflineEmissionsTracker(country_iso_code="FRA", save_to_file=False, log_level="error")
    tracker.start()

    def end() -> float:
        tracker.stop()
        data = tracker.final_emissions_data
        return KWH_J * float(data.cpu_energy + data.gpu_energy)

    return end


def _carbontracker() -> Callable[[], float | None]:
    from carbontracker.tracker import CarbonTracker

    tracker = CarbonTracker(epochs=1)
    thread = tracker.tracker
    tracker.epoch_start()

    def end() -> float:
        tracker.epoch_end()
        return KWH_J * float(sum(sum(part.energy_usage(thread.epoch_times)) for part in thread.components))

    return end


def _pyjoules() -> Callable[[], float | None]:
    from pyJoules.device import DeviceFactory
    from pyJoules.energy_meter import EnergyMeter

    meter = EnergyMeter(DeviceFactory.create_devices())
    meter.start(tag="train")

    def end() -> float:
        meter.stop()
        (sample,) = meter.get_trace()
        # GPUs in mJ, all else in µJ.
        return float(sum(uj / (1e3 if "nvidia" in name else 1e6) for name, uj in sample.energy.items()))

    return end


# energyprof and perun start this program; the others are started by it.
START: dict[str, Callable[[], Callable[[], Any]]] = {
    "nothing": _nothing,
    "energyprof": _energyprof,
    "zeus": _zeus,
    "codecarbon": _codecarbon,
    "carbontracker": _carbontracker,
    "pyjoules": _pyjoules,
    "perun": _nothing,
}


def own_bytes() -> int:
    """The largest resident size of this process; getrusage would tell that of before its exec, too."""
    with open("/proc/self/status") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith("VmHWM:"))


def main(tool: str, count: int, workers: int, fifo: str) -> None:
    """Start the tool, loop, end it."""
    say = os.open(fifo, os.O_WRONLY)

    def tell(event: str, **fields: Any) -> None:
        os.write(say, (json.dumps({"event": event, "t": time.monotonic(), **fields}) + "\n").encode())

    end = START[tool]()
    tell("started")
    for part, others in (("alone", 0), ("all cores", workers)):
        command = [sys.executable, "-S", "-m", "peers.loop", "worker", str(count)]
        processes = [
            subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
            )
            for _ in range(others)
        ]
        for process in processes:
            process.stdout.readline()  # type: ignore[union-attr]  # "ready"
        tell("loop")
        before_s, before_own_s = tree_cpu_s(), time.thread_time()
        start_s = time.perf_counter()
        for process in processes:
            process.stdin.write("go\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
        work(count)
        took = [time.perf_counter() - start_s]
        own_s = time.thread_time() - before_own_s
        tool_s = tree_cpu_s() - before_s - own_s
        workers_s = 0.0
        for process in processes:
            words = process.communicate()[0].split()
            took.append(float(words[0]))
            workers_s += float(words[1])
        tell("looped", part=part, took_s=took, own_s=own_s, tool_s=tool_s, workers_s=workers_s)
    joules = end()
    tell("ended", joules=joules, own_bytes=own_bytes())


# Zeus starts processes that import this module again.
if __name__ == "__main__":
    if sys.argv[1] == "worker":
        worker(int(sys.argv[2]))
    else:
        main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
