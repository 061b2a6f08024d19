"""Whether the machine was fit when the reports of a verdict were made, by the controls nearest to them."""

from __future__ import annotations

from collections.abc import Sequence

from energyprof.compare.gate.control import LEAST_SESSIONS, Control, Controls, Fitness, fitness
from energyprof.compare.gate.waivers import Waived, Waivers, split
from energyprof.compare.reasons import Invalidity, at, reason
from energyprof.report.record import Report
from energyprof.storable.frozen import dataclass
from energyprof.units import moment

# A control says nothing of a machine a day from it.
NEAR_S = 24 * 3600.0


@dataclass(frozen=True)
class MachineFitness:
    """What the controls say of the reports' machines."""

    invalid: tuple[Invalidity, ...] = ()
    notes: tuple[str, ...] = ()
    waived: tuple[Waived, ...] = ()


def fit_for(
    sides: Sequence[tuple[Report, str]], controls: Controls | None, waivers: Waivers
) -> MachineFitness:
    """Of the report to judge and what it is judged by, if that is one, with their labels.

    The first must have a control within a day. Of the other that is said, no more: it may be older than
    any control.
    """
    if controls is None:
        return MachineFitness()
    (new, label), *others = sides
    found: list[tuple[Report, Invalidity]] = []
    notes = list(controls.left_out)
    if near(new, controls) is None:
        remedy = "run `energyprof control` on it before or after what is judged"
        found.append((new, at(reason("control_missing", f"{_MISSING}: {remedy}"), label)))
    for report, name in sides:
        control = near(report, controls)
        judged = fitness(control, controls) if control is not None else None
        if judged is not None and judged.standing == "unknown":
            notes.append(f"{name}: {too_few(judged)}")
        elif judged is not None:
            where = f"control {judged.control.name}"
            found += [(report, at(why, name, where)) for why in judged.reasons]
        elif report is not new:
            notes.append(f"{name}: {_MISSING}, so whether that was fit is not known")
    for other in others:
        found += [(new, one) for one in _changed((new, label), other, controls)]
    invalid: list[Invalidity] = []
    waived: list[Waived] = []
    for report, one in found:
        kept, overlooked = split([one], report.workload.name, waivers)
        invalid, waived = [*invalid, *kept], [*waived, *overlooked]
    return MachineFitness(tuple(invalid), tuple(dict.fromkeys(notes)), tuple(waived))


_MISSING = "no control of its machine within a day of it"


def near(report: Report, controls: Controls) -> Control | None:
    """The control of a report's machine that was made nearest to it, within a day."""
    made_s = moment(report.created)
    distances = [
        (abs(moment(one.created) - made_s), i)
        for i, one in enumerate(controls.controls)
        if one.same_machine(report.nodes)
    ]
    distance_s, i = min(distances, default=(NEAR_S + 1, -1))
    return controls.controls[i] if distance_s <= NEAR_S else None


def too_few(found: Fitness) -> str:
    """What is said where the earlier controls do not tell yet."""
    words = (
        f"{found.sessions} earlier session{'' if found.sessions == 1 else 's'} of controls,"
        f" {LEAST_SESSIONS} are needed to tell whether the machine is what it was"
    )
    if found.unlike:
        words += f" ({found.unlike} more were of other seconds, CPUs, Python or PyTorch)"
    return words


def _changed(new: tuple[Report, str], baseline: tuple[Report, str], controls: Controls) -> list[Invalidity]:
    """The marks between the two reports."""
    first_s, last_s = sorted(moment(report.created) for report, _ in (new, baseline))
    return [
        at(
            reason("machine_changed", f"the machine was accepted as changed ({mark.why})", when=mark.created),
            f"{new[1]} and {baseline[1]}",
        )
        for mark in controls.marks
        if first_s < moment(mark.created) <= last_s
    ]
