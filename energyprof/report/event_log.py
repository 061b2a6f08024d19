"""The events of a run, sorted by kind. Times in s from the run's zero.

Events come from the training process (``wire/``) and from the profiler itself:

========= ================================= ========================================
run       seed, monotonic_s, utc            the run's zero
clock     utc_s, asleep_s, doubt_s          the wall clock then, how long the machine has slept since it was
                                            started, and how far the clocks may have been read apart
started                                     the training process was started
speaker   process, role                     who a process on the wire is (``speakers.py``); 1: the first
left      names                             processes that ran on after the program's end
exchange  actor, samples, bytes_up, …       what a client had to do with the round that goes on
round     round, scores, score (or null)    a round is over, or will be with the evaluation that follows
interrupt signal                            it was asked to stop
warning signal                              a signal came that does not mean its end
hung                                        the process did not exit after its end
exit      code                              it ended; negative: by that signal
cpu       cpu_s, busy_s, profiler_s, cpus   processor time of the training's processes until then; of all
                                            on the machine, of the profiler, and how many processors
load      as cpu                            the same while no training runs
lever     name, device, before, asked, got  a control of the machine was turned
condition device, …                         what a probe read: clocks, temperature, foreign processes
profiler  cpu_s, rss_bytes, garbage, hanging what profiling cost, lines that were no events, meters that hang
========= ================================= ========================================
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any

from energyprof.report.cpu_time import CpuReading
from energyprof.report.flags import Flag
from energyprof.report.foreign_load import LoadReading, reading
from energyprof.report.phases import PART, PhaseStart, Step
from energyprof.report.record import LeverRecord, lever_record
from energyprof.report.round_intervals import Exchanged, RoundEnd, exchange
from energyprof.report.segments.conditions import Conditions
from energyprof.report.speakers import Score, heard, programs
from energyprof.report.windows import Windows
from energyprof.storable.frozen import dataclass
from energyprof.trace.rows import Row
from energyprof.trace.wall_clock import Look, look


@dataclass
class EventLog:
    """The events of a run, sorted by kind."""

    run: Mapping[str, Any] = field(default_factory=dict)
    phases: list[PhaseStart] = field(default_factory=list)
    progress: list[Step] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    profiler: Mapping[str, Any] = field(default_factory=dict)
    started_s: float | None = None
    end: tuple[float, str, str] | None = None
    exit: tuple[float, int | None] | None = None
    interrupt: str | None = None
    warnings: dict[str, None] = field(default_factory=dict)  # names of signals, each once
    hung: bool = False
    # The first phase, and what it is if none follows.
    provisional: tuple[PhaseStart, PhaseStart] | None = None
    unmarked: bool = False  # none did
    last_s: float = 0.0
    roles: dict[int, str] = field(default_factory=dict)  # of the processes that spoke
    ends: list[tuple[int, tuple[float, str, str]]] = field(default_factory=list)  # their last words
    left: tuple[str, ...] = ()  # what ran on after the program's end
    scores: list[Score] = field(default_factory=list)
    doubts: tuple[Flag, ...] = ()  # about who spoke
    cpu: list[CpuReading] = field(default_factory=list)
    load: list[LoadReading] = field(default_factory=list)
    conditions: Conditions = field(default_factory=Conditions)
    levers: list[LeverRecord] = field(default_factory=list)
    clock: list[Look] = field(default_factory=list)
    windows: Windows = field(default_factory=Windows)
    rounds: list[RoundEnd] = field(default_factory=list)
    exchanges: list[Exchanged] = field(default_factory=list)  # of the round that goes on

    def push(self, row: Row) -> None:
        """Take the next row; a sample says only how long the run went on."""
        time_s = row.sample.end_s
        if not self.profiler:  # what comes later is of logs, which go on after the run
            self.last_s = max(self.last_s, time_s)
        if row.source.startswith("@"):
            kind, fields = row.source[1:], row.fields
            self._said(kind, time_s, fields)
            self._seen(kind, time_s, fields)

    def _said(self, kind: str, time_s: float, fields: Mapping[str, Any]) -> None:
        """What the program's processes say."""
        actor, process = fields.get("actor", ""), fields.get("process", 1)
        match kind:
            case "phase":
                start = PhaseStart(time_s, fields["name"], fields["samples"], actor, process)
                self.phases.append(start)
                if "unmarked" in fields:
                    self.provisional = start, start._replace(name=fields["unmarked"])
            case "progress":
                self.progress.append(Step(time_s, fields["samples"], fields["score"], actor, process))
            case "exchange":
                self.exchanges.append(exchange(fields))
            case "round":
                number, scores, score = fields["round"], fields["scores"], fields.get("score")
                self.rounds.append(RoundEnd(time_s, number, scores, tuple(self.exchanges), score))
                self.exchanges.clear()
            case "window" | "close":
                self.windows.push(time_s, kind, fields)
            case "facts":
                known = () if process in programs(self.roles) else self.facts.keys()
                self.facts.update({k: fact for k, fact in fields["facts"].items() if k not in known})
            case "end":
                self.ends.append((process, (time_s, fields["status"], fields["message"])))

    def _seen(self, kind: str, time_s: float, fields: Mapping[str, Any]) -> None:
        """What the profiler saw of them, of the machine and of itself."""
        if kind in ("cpu", "load") and (seen := reading(time_s, fields)) is not None:
            self.load.append(seen)
        match kind:
            case "run":
                self.run = fields
            case "speaker":
                self.roles[fields["process"]] = fields["role"]
            case "left":
                self.left = tuple(fields["names"])
            case "started":
                self.started_s = time_s
            case "exit":
                self.exit = (time_s, fields["code"])
            case "interrupt":
                self.interrupt = fields["signal"]
            case "warning":
                self.warnings[fields["signal"]] = None
            case "hung":
                self.hung = True
            case "lever":
                self.levers.append(lever_record(fields))
            case "cpu":
                self.cpu.append((time_s, fields["cpu_s"]))
            case "condition":
                self.conditions.push(fields, training=self._trains())
            case "profiler":
                self.profiler = fields
            case "clock":
                self.clock.append(look(time_s, fields))

    def finish(self) -> None:
        """Put in order what was said, and keep what counts, once every row is in."""
        # Several processes may speak at once: their lines arrive in any order, their stamps do not lie.
        self.phases.sort(key=lambda start: start.time_s)
        self.progress.sort(key=lambda step: step.time_s)
        self.cpu.sort()
        self.load.sort()
        self.clock.sort(key=lambda seen: seen.time_s)
        self._choose()
        self._name_unmarked()

    def _name_unmarked(self) -> None:
        """Call the program's first phase what it is if the program marked none: all of its time counts then.

        From its first ``progress`` on would not do: that may come when a whole epoch is over.
        """
        ended_s = self.exit[0] if self.exit else math.inf
        own = [mark for mark in self.phases if mark.time_s < ended_s and mark.name != "shutdown"]
        if self.provisional and own[-1:] == [self.provisional[0]]:
            self.phases[self.phases.index(own[-1])] = self.provisional[1]
            self.unmarked = True

    def _choose(self) -> None:
        """Keep what counts of what several processes said."""
        program_s = self.started_s or 0.0, self.exit[0] if self.exit else math.inf
        counted = heard(self.phases, self.progress, self.roles, program_s)
        self.phases, self.progress = counted.phases, counted.progress
        self.scores, self.doubts = counted.scores, counted.flags
        spoke = programs(self.roles)
        self.end = next((end for process, end in reversed(self.ends) if process in spoke), None)

    def _trains(self) -> bool:
        """Whether, after what was told so far, the program runs and is not taking its steps apart."""
        apart = bool(self.phases) and self.phases[-1].name.startswith(PART)
        return self.started_s is not None and self.exit is None and not apart


def event_log(rows: Iterable[Row]) -> EventLog:
    """The events among one run's ``rows``."""
    told = EventLog()
    for row in rows:
        told.push(row)
    told.finish()
    return told
