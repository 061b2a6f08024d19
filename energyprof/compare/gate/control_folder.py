"""The controls in a folder, which several machines may share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from energyprof.compare.gate.accepted import Accepted, accept, marks_in
from energyprof.compare.gate.control import NAME, Control, Controls, control_of
from energyprof.compare.gate.folder import reports_in
from energyprof.errors import FileError
from energyprof.report.file import from_data, read
from energyprof.report.record import NodeRecord
from energyprof.units import moment


def controls_in(folder: Path) -> Controls:
    """Every control below ``folder``, the oldest first; a file that cannot be read is said.

    Raises:
        FileError: ``folder`` is not a folder, or a mark in it cannot be read.
    """
    found, broken = [], []
    for file in reports_in(folder):
        try:
            if file.data is None:
                broken.append(file.path.name)
            elif _name_of(file.data) == NAME:
                found.append(control_of(from_data(file.data, str(file.path)), file.path.stem))
        except FileError:
            broken.append(file.path.name)
    found.sort(key=lambda one: moment(one.created))
    left_out = (f"{len(broken)} controls cannot be read: {', '.join(sorted(broken)[:3])}",) if broken else ()
    return Controls(tuple(found), marks_in(folder, NAME), left_out)


def _name_of(data: dict[str, object]) -> object:
    work = data.get("workload")
    return work.get("name") if isinstance(work, dict) else None


def of_machine(controls: Controls, nodes: Sequence[NodeRecord]) -> list[Control]:
    """Those of one machine, the oldest first."""
    return [one for one in controls.controls if one.same_machine(nodes)]


def accept_newest(folder: Path, why: str) -> tuple[Path, str]:
    """Mark that with the newest control in ``folder`` its machine is another; the mark, and the control.

    Raises:
        FileError: there is no control, or the mark cannot be written.
    """
    found = controls_in(folder).controls
    if not found:
        raise FileError(f"{folder}: no control in this folder; `energyprof control` makes one")
    newest = found[-1].name
    path = next(path for path in sorted(folder.rglob(f"{newest}.json")))
    return accept(read(path), path.parent, newest, why), newest


def since_marks(controls: Sequence[Control], marks: Sequence[Accepted]) -> list[int]:
    """The places among the controls, the oldest first, at which an accepted level begins."""
    made_s = [moment(one.created) for one in controls]
    return sorted({sum(s < moment(mark.created) for s in made_s) for mark in marks})
