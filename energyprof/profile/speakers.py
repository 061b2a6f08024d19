"""Which of the processes on the wire is the program, and which are others that it or its launcher started."""

from __future__ import annotations

import os
from typing import Literal, NamedTuple

from energyprof.profile.processes import started_of, stat_of
from energyprof.storable.frozen import dataclass
from energyprof.wire.listener import Sender

# program: its words are the run's · child: the program, or another that speaks, started it · beside: none of
# them did, and it speaks while the program runs · rank: one of several launched together, but not the first
Role = Literal["program", "child", "beside", "rank"]


class Part(NamedTuple):
    """A process got a part in the run."""

    process: int  # from 1, in the order in which they first spoke
    role: Role


@dataclass
class _Speaker:
    number: int
    process: _Process
    ancestors: tuple[_Process, ...]
    rank: int
    role: Role


class _Process(NamedTuple):
    pid: int
    started: int  # ticks: tells a process from a later one of the same number


class Speakers:
    """Gives every process that speaks its part; an ancestor that speaks late takes over from its child."""

    def __init__(self) -> None:
        self._by_process: dict[_Process, _Speaker] = {}
        self._by_connection: dict[int, _Speaker] = {}  # so that /proc is looked at once each
        self._program: _Speaker | None = None

    def hear(self, sender: Sender, rank: int) -> tuple[int, Role, list[Part]]:
        """The number and the part of the process that says something, and what parts have changed.

        Processes that the kernel does not name are all one.
        """
        speaker = self._by_connection.get(sender.connection)
        changed: list[_Speaker] = []
        if speaker is None:
            speaker, changed = self._meet(sender.pid, rank)
            self._by_connection[sender.connection] = speaker
        return speaker.number, speaker.role, [Part(one.number, one.role) for one in changed]

    def _meet(self, pid: int, rank: int) -> tuple[_Speaker, list[_Speaker]]:
        line = _line(pid)
        process = line[0] if line else _Process(pid, 0)
        known = self._by_process.get(process) or (self._last_of(pid) if not line else None)
        if known is not None:
            return known, []
        speaker = _Speaker(len(self._by_process) + 1, process, line[1:], rank, "child")
        changed = self._take_part(speaker)
        self._by_process[process] = speaker
        return speaker, changed

    def _take_part(self, speaker: _Speaker) -> list[_Speaker]:
        program = self._program
        if program is None or not _runs(program.process):
            # The first, or the next in a row of programs that a script starts one after the other.
            if self._started_by_another(speaker) or (program is not None and _left_by(program, speaker)):
                return [speaker]
            speaker.role, self._program = "program", speaker
            return [speaker]
        if speaker.process in program.ancestors:
            program.role, speaker.role, self._program = "child", "program", speaker
            return [program, speaker]
        if self._started_by_another(speaker) or not speaker.ancestors:
            return [speaker]  # one that had ended before it could be looked at was none to lead
        if speaker.rank < program.rank:
            program.role, speaker.role, self._program = "rank", "program", speaker
            return [program, speaker]
        speaker.role = "rank" if speaker.rank > 0 else "beside"
        return [speaker]

    def _started_by_another(self, speaker: _Speaker) -> bool:
        return any(ancestor in self._by_process for ancestor in speaker.ancestors)

    def _last_of(self, pid: int) -> _Speaker | None:
        """Who had this number last: what a process said may be read when it has ended."""
        numbers = [speaker for speaker in self._by_process.values() if speaker.process.pid == pid]
        return numbers[-1] if numbers else None


def _left_by(ended: _Speaker, speaker: _Speaker) -> bool:
    """Whether it is none of what we started any more, as the program was: an orphan of that, not the next.

    The kernel gives orphans to init, or to us; then only what we started ourselves is older.
    """
    ours = os.getpid()
    if all(one.pid != ours for one in ended.ancestors):
        return False  # others, such as Slurm's daemon, start our programs for us
    parent = speaker.ancestors[:1]
    adopted = bool(parent) and parent[0].pid == ours and speaker.process.started > ended.process.started
    return adopted or all(one.pid != ours for one in speaker.ancestors)


def _line(pid: int) -> tuple[_Process, ...]:
    """The process and its ancestors; empty: there is none of that number any more."""
    found: list[_Process] = []
    while pid > 0 and (stat := stat_of(pid)) is not None:
        found.append(_Process(pid, int(stat[19])))
        pid = int(stat[1])
    return tuple(found)


def _runs(process: _Process) -> bool:
    return started_of(process.pid) == process.started
