"""One meter's readings from a log of any length, in memory that does not grow with it.

A short log's readings are kept as they are; of a long one those that follow each other become blocks.
"""

from __future__ import annotations

import itertools
import math
from array import array
from collections.abc import Iterator, Sequence
from operator import lt, sub

from energyprof.errors import FileError
from energyprof.meter import Quantity
from energyprof.report.importers.reading_blocks import BEFORE_S, Blocks, Point
from energyprof.report.segments.segment import GAP_INTERVALS
from energyprof.trace.logs.quantities import Reads

# Of a log that is too short to tell.
PERIOD_S = 1.0
# So many readings tell how often there is one.
LOOKED_AT = 10_000
# So many rows go back where one log follows another; a log that was shuffled or turned round has more.
FEW = 0.02


class Readings:
    """Takes the readings of one meter in W or J, in the order of the log."""

    def __init__(self, reads: Reads, most: int, *, at_start: bool = False, held: bool = False) -> None:
        """``most`` readings are kept. ``at_start``: an interval's energy follows its stamp. ``held``: a value
        stands until the next one comes.
        """
        self._reads, self._most, self._at_start, self._held = reads, most, at_start, held
        self._times, self._values = array("d"), array("d")
        self._sum_j = 0.0  # of the intervals so far
        self._blocks: Blocks | None = None
        self.taken = self.valueless = self.repeats = self.disordered = 0
        self.clashes = 0  # of the repeats, those that say something else
        self.anew = 0  # rows from before one that came earlier, where few rows go back
        self.mean_of = 0.0  # the sum of all values, for their mean
        self.most = 0.0  # the largest power
        self.period_s = PERIOD_S
        self.back_s = (0.0, 0.0)  # where its times went back by most: from and to

    @property
    def quantity(self) -> Quantity:
        """What it reads, once the energies of intervals are added up."""
        return "power_w" if self._reads == "power_w" else "energy_j"

    @property
    def condensed(self) -> int:
        """How many readings make up a block; 1: they are as they were."""
        return self._blocks.size if self._blocks else 1

    @property
    def lost(self) -> int:
        """How many of a long log were left out since they went back in time."""
        return self.disordered if self._blocks else 0

    @property
    def mean(self) -> float:
        """The mean of its values."""
        known = self.taken - self.valueless
        return self.mean_of / known if known else math.nan

    def take(self, times_s: Sequence[float | None], values: Sequence[float | None], factor: float) -> None:
        """The next ones; those without a time are left out."""
        known = list(zip(times_s, values, strict=True))
        if None in times_s:
            known = [pair for pair in known if pair[0] is not None]
        times = [time_s for time_s, _ in known if time_s is not None]
        numbers = [math.nan if value is None else value * factor for _, value in known]
        self.taken += len(times)
        sound = [value for value in numbers if not math.isnan(value)]
        self.valueless += len(numbers) - len(sound)
        self.mean_of += math.fsum(sound)
        self.most = max(self.most, *sound) if sound and self._reads == "power_w" else self.most
        self._times.extend(times)
        self._values.extend(numbers)
        if self._blocks is None and len(self._times) > self._most:
            self._blocks = Blocks(self._most // 2, self._period(), self.quantity)
        if self._blocks is not None:
            self._condense(self._blocks)

    def _period(self) -> float:
        some = sorted(set(self._times[:LOOKED_AT]))
        gaps = sorted(after - before for before, after in itertools.pairwise(some))
        # Loggers that are held up come in twos: what three of four do not exceed is usual, not the median.
        return gaps[3 * len(gaps) // 4] if gaps else PERIOD_S

    def finish(self) -> None:
        """Put what was kept in order; each time counts once, the last of its readings."""
        if self._blocks is not None:
            self._blocks.finish()
            self.period_s = self._blocks.period_s
            return
        self.period_s = self._period()
        if not all(map(lt, self._times, self._times[1:])):
            pairs = list(zip(self._times, self._values, strict=True))
            self.disordered += sum(b[0] < a[0] for a, b in itertools.pairwise(pairs))
            if self.disordered <= FEW * len(pairs):
                latest = itertools.accumulate((time_s for time_s, _ in pairs), max)
                self.anew = sum(pair[0] < time_s for pair, time_s in zip(pairs, latest, strict=True))
            self._went_back(min(itertools.pairwise(self._times), key=lambda pair: pair[1] - pair[0]))
            pairs.sort(key=lambda pair: pair[0])
            by_time = dict(pairs)
            self.repeats += len(pairs) - len(by_time)
            self.clashes += sum(a[0] == b[0] and abs(a[1] - b[1]) > 0 for a, b in itertools.pairwise(pairs))
            self._times, self._values = array("d", by_time.keys()), array("d", by_time.values())
        if self._reads == "interval_j" and len(self._times):
            self._add_up()
        if self._held and self._reads == "power_w":
            self._hold()

    def _hold(self) -> None:
        """Let each value stand until just before the next one."""
        times, values = array("d"), array("d")
        for time_s, value in zip(self._times, self._values, strict=True):
            if len(times) and time_s - BEFORE_S > times[-1]:
                times.append(time_s - BEFORE_S)
                values.append(values[-1])
            times.append(time_s)
            values.append(value)
        self._times, self._values = times, values

    def _add_up(self) -> None:
        """Turn the energies of intervals into a counter that begins at nothing.

        It begins anew behind an interval without a value: what lies between was not seen.
        """
        ends = list(self._times)
        if self._at_start:
            ends = [*ends[1:], ends[-1] + self.period_s]
        times, values = [self._times[0] - (0.0 if self._at_start else self.period_s)], [0.0]
        unseen = False
        for end_s, joules in zip(ends, self._values, strict=True):
            if math.isnan(joules):
                if unseen or values[-1] == 0.0:
                    times[-1], values[-1] = end_s, 0.0
                else:
                    times.append(end_s)
                    values.append(0.0)
                unseen = True
            else:
                times.append(end_s)
                values.append((0.0 if unseen else values[-1]) + joules)
                unseen = False
        if unseen:
            times.pop()
            values.pop()
        self._times, self._values = array("d", times), array("d", values)

    def _condense(self, blocks: Blocks) -> None:
        times, values = self._times, self._values
        if self._reads == "interval_j" and any(map(math.isnan, values)):
            raise FileError(
                f"{self.valueless} of its intervals have no value, and it is too long to keep them apart: "
                "split it into files"
            )
        ordered = blocks.last_s is None or not len(times) or times[0] > blocks.last_s
        if not ordered or not all(map(lt, times, times[1:])) or any(map(math.isnan, values)):
            times, values = self._sound(blocks.last_s)
        if self._reads == "interval_j" and len(values):
            if blocks.last_s is None:
                blocks.take(array("d", [times[0] - blocks.period_s]), array("d", [0.0]))
            sums = list(itertools.accumulate(values, initial=self._sum_j))
            self._sum_j = sums[-1]
            values = array("d", sums[1:])
        blocks.take(times, values)
        self._times, self._values = array("d"), array("d")

    def _sound(self, last_s: float | None) -> tuple[array[float], array[float]]:
        """The readings with a value that go on in time; the first of each time."""
        times, values = array("d"), array("d")
        for time_s, value in zip(self._times, self._values, strict=True):
            if last_s is not None and time_s <= last_s:
                self.repeats += time_s == last_s
                self.disordered += time_s < last_s
                self._went_back((last_s, time_s))
            elif not math.isnan(value):
                times.append(time_s)
                values.append(value)
                last_s = time_s
        return times, values

    def _went_back(self, times_s: tuple[float, float]) -> None:
        self.back_s = max(self.back_s, times_s, key=lambda pair: pair[0] - pair[1])

    @property
    def span_s(self) -> tuple[float, float] | None:
        """Its first and last time."""
        if self._blocks is not None:
            return self._blocks.first_s, self._blocks.end_s
        return (self._times[0], self._times[-1]) if len(self._times) else None

    @property
    def longest_s(self) -> float:
        """What may lie between two readings that are kept, without a gap in the log."""
        if self._blocks is not None:
            return self._blocks.longest_s
        if self._held and len(self._times) > 1:
            return float(max(map(sub, self._times[1:], self._times)))
        return GAP_INTERVALS * self.period_s

    def points(self) -> Iterator[Point]:
        """What is kept, in order of time."""
        if self._blocks is not None:
            yield from self._blocks.points()
            return
        for time_s, value in zip(self._times, self._values, strict=True):
            yield time_s, None if math.isnan(value) else value
