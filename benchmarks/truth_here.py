"""This machine beside a plug: what its meters say, and whether their U holds what it reads. Ten minutes.

    make truth PLUG=shelly=192.0.2.7
    .venv/bin/python benchmarks/truth_here.py shelly=192.0.2.7 -o truth-here

The loads are driven and recorded twice. From the first pass ``calibrate --node`` draws the map from the
components to the node; in the second the node's energy by that map, and that of every other meter of the
whole node (a BMC) as it reads, is held against the plug's, level by level. Left in the folder: both reports,
the map, ``truth.md`` and the second pass as a page, ``truth.html``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from truth_row import Case, Result

from energyprof.report import node_file
from energyprof.report.calibrated import node_energy
from energyprof.report.energy import Energy, MeterEnergy, Window, total
from energyprof.report.file import read, trace_path
from energyprof.report.integrator import Integrator
from energyprof.report.record import MeterRecord, Phase, Report
from energyprof.report.segments.renewals import as_seen
from energyprof.trace.file import read_run

LEVEL_S = 30.0
# Of each level so much of its beginning is left out, since plugs lag, and of its end, where they see the next
SETTLE, LEAVE = 0.4, 0.05
HEAD = (
    "| meter | U | levels | error: mean ± sd, largest | within U | U, median | U / what 95 % need |",
    "| --- | --- | --- | --- | --- | --- | --- |",
)


def energyprof(folder: Path, *words: str) -> None:
    """Runs the command in ``folder``. Raises SystemExit with its exit code if it fails."""
    done = subprocess.run([sys.executable, "-m", "energyprof", *words], cwd=folder, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def recorded(folder: Path, plug: str, seconds: float) -> Path:
    """The report of the second pass, with the map in use."""
    loads = ("--node", "--load", "--seconds", f"{seconds:g}")
    energyprof(folder, "calibrate", *loads, "--reference", plug, "-o", "node.json", "--force")
    meters = ("--meters", f"auto,{plug}", "--calibration", "node.json")
    load = ("-m", "energyprof.profile.node_load", f"{seconds:g}", "--python", sys.executable)
    energyprof(folder, "exec", *meters, "-o", "pass-2.json", "--force", "--", sys.executable, *load)
    energyprof(folder, "show", "pass-2.json", "--html", "truth.html")
    return folder / "pass-2.json"


def results(report: Report, trace: Path, plug: str, by: node_file.NodeCalibration) -> list[Result]:
    """The node by its map and each other meter of the whole node, level by level, against the plug."""
    windows = [_settled(phase) for phase in report.runs[0].phases if _is_level(phase)]
    said = _energies(report.meters, trace, windows)
    true = said[_name_of(plug, report.meters)]
    utc = report.runs[0].clock.utc
    found = [
        _result(
            "node from its components",
            "transferred",
            lambda i: node_energy(by.node_map, {n: own[i] for n, own in said.items()}, windows[i], utc),
            true,
        )
    ]
    for meter in report.meters:
        if meter.boundary in ("node_dc", "wall_ac") and said[meter.name] is not true:
            own = said[meter.name]
            found.append(_result(meter.name, "uncalibrated", lambda i, own=own: total([own[i]]), true))  # type: ignore[misc]
    return [result for result in found if result.cases]


def _is_level(phase: Phase) -> bool:
    return phase.end_s - phase.start_s > 5.0 and phase.name not in ("startup", "shutdown", "cooldown")


def _settled(phase: Phase) -> Window:
    span_s = phase.end_s - phase.start_s
    return phase.start_s + SETTLE * span_s, phase.end_s - LEAVE * span_s


def _energies(
    meters: Sequence[MeterRecord], trace: Path, windows: Sequence[Window]
) -> dict[str, list[MeterEnergy]]:
    seen = as_seen(meters, read_run(trace, 0))
    integrators = {meter.name: Integrator(meter.info, meter.interval_s, windows) for meter in seen}
    for row in read_run(trace, 0):
        if row.source in integrators:
            integrators[row.source].push(row.sample)
    return {name: integrator.finish() for name, integrator in integrators.items()}


def _name_of(plug: str, meters: Sequence[MeterRecord]) -> str:
    """The plug's power among the report's meters."""
    words = plug.partition("?")[0].replace("=", ":", 1)
    names = [meter.name for meter in meters if meter.name.startswith(words) and not meter.info.checks]
    if not names:
        raise SystemExit(f"{plug}: not among the meters that were read: {', '.join(m.name for m in meters)}")
    return names[0]


def _result(data: str, how: str, said: Callable[[int], Energy], true: Sequence[MeterEnergy]) -> Result:
    cases = []
    for i, exact in enumerate(true):
        energy = said(i)
        low_j, high_j = energy.interval_j
        if energy.joules and exact.joules and low_j is not None and high_j is not None:
            cases.append(Case(data, how, energy.joules, low_j, high_j, exact.joules))
    return Result(data, how, tuple(cases))


def page(report: Report, plug: str, found: Sequence[Result], by: node_file.NodeCalibration) -> str:
    """What was found, as Markdown."""
    machine = report.nodes[0].machine
    terms = ", ".join(f"{term.slope:.3g} W for a watt of {term.part}" for term in by.node_map.terms)
    return "\n".join(
        (
            f"# {machine.get('host', 'this machine')} ({machine.get('cpu', '')}) beside {plug}",
            "",
            f"The node draws {by.node_map.intercept_w:.4g} W, and {terms} ({by.node_map.reference}).",
            *(f"* {note}" for note in by.notes),
            "",
            *HEAD,
            *(result.row for result in found),
            "",
            "The plug's own error is in neither column. Details: [truth.html](truth.html).",
            "",
        )
    )


def main() -> int:
    """Writes the page and prints it; exits with 1 if a U does not hold the plug's levels."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("plug", metavar="PLUG", help="such as shelly=192.0.2.7")
    parser.add_argument("-o", "--output", type=Path, default=Path("truth-here"), metavar="FOLDER")
    parser.add_argument("--seconds", type=float, default=LEVEL_S, metavar="S", help="of each level of load")
    asked = parser.parse_args()
    asked.output.mkdir(parents=True, exist_ok=True)
    path = recorded(asked.output, asked.plug, asked.seconds)
    report, by = read(path), node_file.read(asked.output / "node.json")
    found = results(report, trace_path(path), asked.plug, by)
    shown = page(report, asked.plug, found, by)
    (asked.output / "truth.md").write_text(shown)
    print(shown)
    return 0 if found and all(result.inside >= 0.95 * len(result.cases) for result in found) else 1


if __name__ == "__main__":
    sys.exit(main())
