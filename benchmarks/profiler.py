"""Claims about what the profiler itself costs:

* sampling 4 meters at 10 Hz: at most 0.5 % of one core, 3 % with the live display, 60 MB of memory;
* the memory stays flat over 24 simulated hours of that;
* asked for 100 Hz it reads at 99 Hz or more while the training keeps both cores in Python loops.

    python benchmarks/profiler.py

The meters are zones of a fake powercap tree that another process renews.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from fakes.powercap import LivePowercap
from fakes.waveform import square

METERS = 4
SECONDS = 30
DAY_S = 24 * 3600


@contextlib.contextmanager
def machine() -> Iterator[Path]:
    """A machine with four packages, each between 20 W and 100 W."""
    with tempfile.TemporaryDirectory() as folder:
        powercap = LivePowercap(Path(folder), square(20, 100, 1.0), packages=METERS)
        yield Path(folder)
        powercap.close()


def child(root: Path, *words: str) -> dict[str, float]:
    """What ``python benchmarks/profiler.py WORDS`` in a process of its own says of itself."""
    environment = {**os.environ, "ENERGYPROF_SYSFS_ROOT": str(root)}
    done = subprocess.run(
        [sys.executable, __file__, *words], env=environment, capture_output=True, text=True, check=True
    )
    result: dict[str, float] = json.loads(done.stdout)
    return result


def profile(display: str, interval_s: float, command: list[str]) -> dict[str, float]:
    """Profile ``command`` here, with the display ``drawn`` on a terminal that nobody sees, or ``off``."""
    from energyprof.profile.job import plan_workload
    from energyprof.profile.open_meters import MeasurementSettings, open_meters
    from energyprof.profile.program import work_of
    from energyprof.profile.run import train_all
    from energyprof.profile.session import new_session
    from energyprof.profile.training import Training
    from energyprof.profile.watchers import Watcher
    from energyprof.workload import Settings

    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        watchers: list[Watcher] = []
        if display == "drawn":
            from rich.console import Console

            from energyprof.cli.screen import live_display

            console = Console(file=stack.enter_context(open(os.devnull, "w")), force_terminal=True, width=80)
            display_ = live_display(console, plan_workload("unet", Settings()))
            watchers.append(Watcher("the screen", stack.enter_context(display_)))
        measuring = MeasurementSettings(("rapl",), interval_s, 0.0, Path(folder) / "r.json")
        on = stack.enter_context(open_meters(measuring))
        session = new_session(on, work_of(command, None), measuring.path)
        training = Training(tuple(command), None, "run", "inherit")
        report = train_all(session, [training], watchers).report
    run, meters = report.runs[0], report.meters
    assert run.profiler is not None
    assert run.total_time_s is not None
    return {
        "core": run.profiler.cpu_s / run.total_time_s,
        "rss_mb": run.profiler.rss_bytes / 1e6,
        "hz": min(meter.achieved_hz or 0.0 for meter in meters),
        "missed": max(meter.missed for meter in meters),
    }


def day() -> dict[str, float]:
    """Feed the recorder 24 hours of readings as fast as it takes them; the memory meanwhile."""
    from energyprof.measure.meters import find
    from energyprof.measure.sampler import Reading
    from energyprof.measure.selection import select
    from energyprof.profile.recorder import Recorder
    from energyprof.profile.training import Training
    from energyprof.report.rebuild import Rebuild
    from energyprof.report.record import SCHEMA, Report, WorkloadRecord, meter_record
    from energyprof.trace.writer import new_trace

    class Feed:
        """Hands out readings as a sampler would."""

        def __init__(self) -> None:
            self.readings: list[Reading] = []

        def drain(self) -> list[Reading]:
            readings, self.readings = self.readings, []
            return readings

    def rss_mb() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    selection = select([find("rapl", Path(os.environ["ENERGYPROF_SYSFS_ROOT"]))], ["rapl"])
    records = tuple(meter_record(source.info, 0.1, counted=True) for source in selection.sources)
    header = Report(
        SCHEMA,
        "",
        "",
        WorkloadRecord("day", None, "", "", {}, None),
        (),
        selection.boundary,
        "measured",
        records,
        (),
    )
    rng, feed, result = random.Random(0), Feed(), {}
    with tempfile.TemporaryDirectory() as folder:
        trace = new_trace(Path(folder) / "day.trace.csv.gz")
        trace.begin_run()
        recorder = Recorder(trace, 0, 1, Training(("day",), None, "run", "keep"), records)
        zero_s = recorder.zero_s
        recorder.event("phase", {"name": "run", "samples": None}, at_s=zero_s)
        recorder.event("started", {}, at_s=zero_s)
        joules = 0.0
        for tick in range(DAY_S * 2):  # the trace is written twice a second
            for beat in range(5):
                at_s = zero_s + tick * 0.5 + beat * 0.1
                joules += rng.uniform(2, 10)
                feed.readings += [Reading(m, at_s, at_s + 2e-5, joules, "") for m in range(METERS)]
            recorder.take(feed)  # type: ignore[arg-type]
            if tick == 7200:
                result["hour_mb"] = rss_mb()
        result["day_mb"] = rss_mb()
        recorder.event("exit", {"code": 0}, at_s=zero_s + DAY_S - 0.2)
        recorder.end()
        run = Rebuild(header).add(trace.rows)
        trace.close()
        result["report_mb"] = rss_mb()
        result["trace_mb"] = (Path(folder) / "day.trace.csv.gz").stat().st_size / 1e6
    assert run.coverage == 1
    return result


def main() -> int:
    """Print each claim's figure; 1 if one does not hold."""
    if sys.argv[1:2] == ["profile"]:
        print(json.dumps(profile(sys.argv[2], float(sys.argv[3]), sys.argv[4:])))
        return 0
    if sys.argv[1:2] == ["day"]:
        print(json.dumps(day()))
        return 0
    busy = (
        "import os, time\npids = []\n"
        "for _ in range(os.cpu_count()):\n"
        "    pid = os.fork()\n"
        "    if not pid:\n"
        "        while True: pass\n"
        "    pids.append(pid)\n"
        f"time.sleep({SECONDS})\n"
        "for pid in pids: os.kill(pid, 9)\n"
    )
    with machine() as root:
        plain = child(root, "profile", "off", "0.1", "sleep", str(SECONDS))
        drawn = child(root, "profile", "drawn", "0.1", "sleep", str(SECONDS))
        fast = child(root, "profile", "off", "0.01", sys.executable, "-c", busy)
        started_s = time.monotonic()
        long = child(root, "day")
        took_s = time.monotonic() - started_s
    growth_mb = max(long["day_mb"], long["report_mb"]) - long["hour_mb"]
    print(f"4 meters at 10 Hz:        {100 * plain['core']:.2f} % of a core, limit 0.5 %")
    print(f"… with the live display:  {100 * drawn['core']:.2f} % of a core, limit 3 %")
    print(f"memory:                   {drawn['rss_mb']:.0f} MB, limit 60 MB")
    print(
        f"24 h at 10 Hz (fed in {took_s:.0f} s): "
        f"{long['hour_mb']:.1f} MB after 1 h, {long['day_mb']:.1f} MB after 24 h, "
        f"{long['report_mb']:.1f} MB with the report; trace {long['trace_mb']:.0f} MB"
    )
    print(
        f"100 Hz, both cores busy:  {fast['hz']:.2f} Hz, limit 99 Hz ({fast['missed']:.0f} deadlines missed)"
    )
    good = plain["core"] <= 0.005 and drawn["core"] <= 0.03 and drawn["rss_mb"] <= 60
    return 0 if good and growth_mb <= 2 and long["report_mb"] <= 60 and fast["hz"] >= 99 else 1


if __name__ == "__main__":
    sys.exit(main())
