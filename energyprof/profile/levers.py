"""Levers turned for one training, and turned back whatever ends it.

Everything is read first; the values are in a journal on the disk before the first is written; each is read
back after it was written; and they are put back in the reverse order.
"""

from __future__ import annotations

import contextlib
import hashlib
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

from energyprof.errors import NotComparable, UsageError
from energyprof.measure.lever import Amounts, Control, Lever, LeverError
from energyprof.measure.levers import find_asked
from energyprof.measure.meters import sysfs_root
from energyprof.profile.lever_journal import Entry, Journal, put_back
from energyprof.report.record import LeverRecord, Report
from energyprof.storable.frozen import dataclass


@dataclass
class TurnedLevers:
    """What a run's levers were set to; afterwards, a line on each that was not put back."""

    records: tuple[LeverRecord, ...] = ()
    problems: tuple[str, ...] = ()


def check(words: Sequence[str]) -> None:
    """Whether these levers could be turned now; nothing is written.

    Raises:
        UsageError: there is no such lever, or not with that value.
        MissingPart: this machine does not have it.
        LeverError: it cannot be read, or this user may not write it.
    """
    for lever, _ in find_asked(sysfs_root(), words):
        lever.control.read()
        if lever.remedy:
            raise LeverError(f"--lever {lever.label}: you may not write it; try: {lever.remedy}")


def check_same(words: Sequence[str], report: Report, path: Path) -> None:
    """Whether the report's runs had the same levers turned.

    Raises:
        NotComparable: they did not.
    """
    asked = {
        (lever.name, lever.device, lever.values.shown(lever.own(value)))
        for lever, value in find_asked(sysfs_root(), words)
    }
    for run in report.runs:
        before = {(lever.name, lever.device, lever.asked) for lever in run.levers}
        if before != asked and run.energy_j is not None:
            told = [" ".join(filter(None, part)) for part in sorted(before)]
            raise NotComparable(f"{path}: its runs had these levers turned: {', '.join(told) or 'none'}")


@contextlib.contextmanager
def turned(words: Sequence[str]) -> Iterator[TurnedLevers]:
    """The levers that ``words`` name, turned for the length of a ``with``.

    Raises:
        UsageError: there is no such lever, or another energyprof has turned it.
        MissingPart: this machine does not have it.
        LeverError: it cannot be read or written, or did not take the value.
    """
    state = TurnedLevers()
    if not words:
        yield state
        return
    asked = find_asked(sysfs_root(), words)
    steps = [step for lever, value in asked for step in _steps(lever, value)]
    # What one lever changes besides may be asked for itself: it is kept once, as it was before either.
    named: dict[str, tuple[str, Control]] = {}
    for step in steps:
        named.setdefault(step.control.address, (step.name, step.control))
    with kept(list(named.values()), state) as read:
        before = dict(zip(named, read, strict=True))
        records = [_turn(step, before[step.control.address]) for step in steps]
        state.records = tuple(record for record in records if record is not None)
        yield state


@contextlib.contextmanager
def kept(named: Sequence[tuple[str, Control]], state: TurnedLevers) -> Iterator[list[str]]:
    """What each control reads now: in the journal by then, nobody else's to turn, and put back in the end.

    Raises:
        UsageError: another energyprof has turned one of them.
        LeverError: one cannot be read.
        FileError: the journal cannot be written.
    """
    with contextlib.ExitStack() as stack:
        for name, control in named:
            stack.enter_context(_alone(control.address, name))
        if any(control.address.startswith("nvml:") for _, control in named):
            from energyprof.measure.levers.nvidia import held

            stack.enter_context(held())
        before = [control.read() for _, control in named]
        entries = [
            Entry(name, control.address, control.lasts, text)
            for (name, control), text in zip(named, before, strict=True)
        ]
        stack.enter_context(_put_back_in_the_end(entries, [control for _, control in named], state))
        yield before


@dataclass(frozen=True)
class _Step:
    """One control, and what it is to be asked; ``None``: it is only kept, since another one changes it."""

    name: str
    control: Control
    lever: Lever
    wanted: str | None
    value: str = ""  # as it was asked


def _steps(lever: Lever, value: str) -> Iterator[_Step]:
    for name, control in lever.also:
        yield _Step(name, control, lever, None)
    yield _Step(lever.label, lever.control, lever, lever.own(value), value)


def _turn(step: _Step, before: str) -> LeverRecord | None:
    """Write what is wanted, and read it back. Raises LeverError: it did not take it."""
    if step.wanted is None:
        return None
    values, control = step.lever.values, step.control
    # Not what it was before: another lever may have changed it since.
    now = control.read()
    if now != step.wanted:
        control.write(step.wanted)
    got = control.read()
    if now != step.wanted and got == now:
        raise LeverError(
            f"--lever {step.name}={step.value}: was written, and is {values.shown(got)} as before: something"
            " else holds it"
        )
    return LeverRecord(
        step.lever.name,
        step.lever.device,
        values.shown(before),
        values.shown(step.wanted),
        values.shown(got),
        limit_w=values.amount(got) if isinstance(values, Amounts) and values.unit == "W" else None,
        meter=step.lever.meter,
    )


@contextlib.contextmanager
def _put_back_in_the_end(
    entries: Sequence[Entry], controls: Sequence[Control], state: TurnedLevers
) -> Iterator[None]:
    lasting = [entry for entry in entries if entry.lasts != "process"]
    with contextlib.ExitStack() as stack:
        journal = stack.enter_context(Journal.opened(lasting)) if lasting else None
        try:
            yield
        finally:
            problems = put_back(list(zip(entries, controls, strict=True)))
            # The report is on the disk by now: what was measured must not be lost over this.
            state.problems = tuple(
                f"not put back: {problem}; try: energyprof levers restore" for problem in problems
            )
            if journal is not None and not problems:
                journal.done()


@contextlib.contextmanager
def _alone(address: str, name: str) -> Iterator[None]:
    """Be the only energyprof on this machine that turns the control.

    The kernel lets go of the name when this process ends, however it does (unix(7), abstract sockets).

    Raises:
        UsageError: another one turns it.
    """
    digest = hashlib.sha256(f"{sysfs_root().resolve()}|{address}".encode()).hexdigest()[:32]
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as held:
        try:
            held.bind(f"\0energyprof-lever-{digest}")
        except OSError:
            raise UsageError(f"--lever {name}: another energyprof has turned it; wait for its end") from None
        yield
