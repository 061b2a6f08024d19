"""A test of the meters: processors and GPUs are loaded in steps, and every meter is read meanwhile."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import field, replace
from pathlib import Path
from typing import Any, cast

from energyprof.errors import MeterError
from energyprof.measure.busy_time import BusyTime
from energyprof.measure.observer import Observer
from energyprof.measure.sampler import Reading, Sampler
from energyprof.measure.selection import Selection
from energyprof.meter import Meter, MeterInfo, Probe, Source
from energyprof.profile.loads import Loads, loads
from energyprof.report.foreign_load import LoadReading
from energyprof.report.meter_test.steps import LoadTest, PlannedStep, Step, plan
from energyprof.storable.frozen import dataclass
from energyprof.trace.rows import Sample

# As often as a read that costs 0.1 ms may be made while others are timed by it.
INTERVAL_S = 0.02
# The test as a whole; a step lasts long enough for what a processor does in its first second to be over, and
# for a meter that averages.
TEST_S = 30.0
LEAST_STEP_S, LONGEST_STEP_S = 3.0, 15.0
# What starting the loads left behind is over.
SETTLE_S = 1.0
HANGS = "it does not come back from a read"
ENDED = "the process that was to load it ended before the test did"
# A close look at a meter that can be read so fast.
FAST_READ_S = 0.001
CLOSEUP_S, CLOSEUP_POLL_S = 0.3, 0.0001


@dataclass
class _Conditions:
    """What the probes said: limits of devices, and programs of others that use them."""

    limits_w: dict[str, float] = field(default_factory=dict)
    foreign: dict[str, None] = field(default_factory=dict)

    def take(self, said: Mapping[str, Any]) -> None:
        if (limit_w := said.get("power_limit_w")) is not None:
            self.limits_w[str(said["device"])] = float(limit_w)
        self.foreign.update(dict.fromkeys(said.get("foreign", ())))


def testable(selection: Selection) -> list[Source]:
    """What can be tested: what is read now, and measures."""
    return [s for s in selection.sources if not s.info.external and s.info.origin == "measured"]


def _untested(selection: Selection) -> list[str]:
    """A note on those that cannot be tested: nothing is read of them while the load goes on."""
    logs = [s.info.name for s in selection.sources if s.info.external]
    models = [s.info.name for s in selection.sources if s.info.origin != "measured"]
    notes = [f"{', '.join(logs)}: kept by something else and joined later, so not tested"] if logs else []
    return [*notes, f"{', '.join(models)}: an estimate, no meter, so not tested"] if models else notes


def record_load(
    selection: Selection, root: Path, step_s: float | None, python: str, tell: Callable[[str], None]
) -> LoadTest:
    """Load what there is to be loaded, in steps of ``step_s`` (``None``: as long as the meters need).

    ``python`` has the PyTorch for the GPUs; ``tell`` is told in a few words what goes on. External logs and
    estimates are not tested.
    """
    sources = testable(selection)
    infos = [source.info for source in sources]
    tell("starting the load")
    with loads(infos, root, python) as made, _opened(selection, sources) as (meters, probes, problems):
        infos = [one.info if one is not None else info for one, info in zip(meters, infos, strict=True)]
        steps = plan(made.targets)
        each_s = step_s if step_s is not None else seconds_a_step(infos, len(steps))
        conditions = _Conditions()
        time.sleep(SETTLE_S)
        observer = Observer(probes, os.getpid(), conditions.take)
        observer.training_starts()
        live = [(index, meter) for index, meter in enumerate(meters) if meter is not None]
        sampler = Sampler([meter for _, meter in live], INTERVAL_S)
        try:
            zero_s, done, readings = _through(steps, each_s, made, sampler, BusyTime(root), tell)
        finally:
            hung = [live[number][0] for number in sampler.stop()]
            observer.stop()
        samples: list[list[Sample]] = [[] for _ in infos]
        for reading in sampler.drain():
            index = live[reading.meter][0]
            samples[index].append(_sample(reading, zero_s))
            if reading.error:
                problems[infos[index].name] = _without_name(reading.error, infos[index])
        ended = made.ended()
        # A read that is given up in the end says more: some that are under way take longer than the end may.
        for index in hung:
            problems.setdefault(infos[index].name, HANGS)
        closeups = [
            _closeup(meter, samples[i], zero_s) if meter is not None and i not in hung else []
            for i, meter in enumerate(meters)
        ]
    return LoadTest(
        targets=tuple(target for target in made.targets if target not in ended),
        steps=done,
        meters=tuple(infos),
        samples=samples,
        closeups=closeups,
        problems=problems,
        unloaded=(*made.unloaded, *(f"{target.name} not loaded: {ENDED}" for target in ended)),
        notes=(*made.notes, *_untested(selection)),
        load=readings,
        foreign=tuple(conditions.foreign),
        limits_w={
            info.name: limit_w
            for info in infos
            for device, limit_w in conditions.limits_w.items()
            if device in (info.name, info.checks)
        },
    )


def seconds_a_step(infos: Sequence[MeterInfo], steps: int) -> float:
    """How long each of so many steps lasts: the test's time shared, or longer where a power is slow."""
    slowest_s = max(
        (
            info.window_s + max(info.refresh_s, info.min_interval_s)
            for info in infos
            if info.reads == "power_w"
        ),
        default=0.0,
    )
    return max(LEAST_STEP_S, TEST_S / steps, min(2 * slowest_s, LONGEST_STEP_S))


@contextmanager
def _opened(
    selection: Selection, sources: Sequence[Source]
) -> Iterator[tuple[list[Meter | None], list[Probe], dict[str, str]]]:
    """The meters, ``None`` for one that cannot be opened, the probes, and why it cannot, by its name."""
    problems: dict[str, str] = {}
    with ExitStack() as stack:
        with ThreadPoolExecutor(max(1, len(sources) + len(selection.probes))) as pool:
            opening = [pool.submit(source.open) for source in sources]
            probing = [pool.submit(probe) for probe in selection.probes]
        meters: list[Meter | None] = []
        for source, future in zip(sources, opening, strict=True):
            try:
                meter = cast(Meter, future.result())
            except MeterError as error:
                problems[source.info.name] = _without_name(str(error), source.info)
                meters.append(None)
            else:
                stack.callback(meter.close)
                meters.append(meter)
        probes = [future.result() for future in probing if future.exception() is None]
        for probe in probes:
            stack.callback(probe.close)
        yield meters, probes, problems


def _through(
    steps: Sequence[PlannedStep],
    each_s: float,
    made: Loads,
    sampler: Sampler,
    busy: BusyTime,
    tell: Callable[[str], None],
) -> tuple[float, tuple[Step, ...], tuple[LoadReading, ...]]:
    """Go through the steps: the test's zero on the monotonic clock, the steps as they were, the readings."""
    whole_s = each_s * len(steps)
    zero_s = time.monotonic()
    done: list[Step] = []
    readings = [_load(busy, made, 0.0)]
    for number, step in enumerate(steps):
        shares = {target: step.share if target.name in step.targets else 0.0 for target in made.targets}
        for target, share in shares.items():
            for load in made.of[target]:
                load.share(share)
        start_s, used_s = time.monotonic() - zero_s, _used_s(made, step)
        sampler.read_now()
        tell(f"{_words(step)}, {start_s:.0f} of {whole_s:.0f} s")
        time.sleep(max(0.0, (number + 1) * each_s - (time.monotonic() - zero_s)))
        end_s = time.monotonic() - zero_s
        used_cpus = (_used_s(made, step) - used_s) / (end_s - start_s)
        done.append(Step(start_s, end_s, step.targets, step.share, used_cpus))
        readings.append(_load(busy, made, end_s))
    # One step ends where the next begins.
    edges = [*(step.start_s for step in done), done[-1].end_s]
    whole = tuple(replace(step, end_s=edges[i + 1]) for i, step in enumerate(done))
    return zero_s, whole, tuple(reading for reading in readings if reading is not None)


def _used_s(made: Loads, step: PlannedStep) -> float:
    return sum(made.used_s(target) for target in made.targets if target.name in step.targets)


def _load(busy: BusyTime, made: Loads, at_s: float) -> LoadReading | None:
    busy_s = busy.read()
    if busy_s is None:
        return None
    return LoadReading(at_s, busy_s, made.used_s() + time.process_time(), busy.cpus)


def _words(step: PlannedStep) -> str:
    if not step.targets:
        return "idle"
    return f"{' and '.join(step.targets)} {'in full' if step.share == 1 else 'half'}"


def _without_name(words: str, info: MeterInfo) -> str:
    """What a read said, without the meter's name in front, which stands beside it."""
    return words.removeprefix(f"{info.name}: ")


def _sample(reading: Reading, zero_s: float) -> Sample:
    return Sample(reading.start_s - zero_s, reading.end_s - zero_s, reading.value)


def _closeup(meter: Meter, samples: Sequence[Sample], zero_s: float) -> list[Sample]:
    """What the meter shows when it is read as fast as it can be; nothing of one that reads slowly."""
    took_s = [sample.end_s - sample.start_s for sample in samples if sample.value is not None]
    if not took_s or statistics.median(took_s) > FAST_READ_S or meter.info.min_interval_s > 0:
        return []
    found: list[Sample] = []
    until_s = time.monotonic() + CLOSEUP_S
    while (start_s := time.monotonic()) < until_s:
        try:
            value = meter.read()
        except MeterError:
            return []
        found.append(Sample(start_s - zero_s, time.monotonic() - zero_s, value))
        time.sleep(CLOSEUP_POLL_S)
    return found
