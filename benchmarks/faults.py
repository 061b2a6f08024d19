"""Claim: whatever goes wrong with a meter, energyprof's figure is right within what it states, or it says so.

    sudo .venv/bin/python benchmarks/faults.py -o faults.md

Each row is an input on which some tool of the field gives a wrong figure, run against unmodified peers and
energyprof at the same time, on the same hardware (``hardware.py``). CodeCarbon is set to read every second:
with its default of 15 s it would not look at most faults at all. Takes six minutes.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from ending import ended
from hardware import in_namespace
from inputs import CASES, FLAT, Case, package
from peers import environments
from peers.jobs import SPINNING_AT_ONCE, SPINNING_JOBS, SPINS, Answer, Job, first_window_s, run
from peers.jobs import Window as Measured

AT_ONCE = 24  # tools
QUICK_N = 2

# energyprof's own limits: a counter's worst case, and the rmse of short windows of a 1 Hz square wave.
EXACT = 0.003
SHORT_RMSE = 0.05

PEERS: dict[str, tuple[str, dict[str, Any]]] = {
    "zeus": ("zeus", {}),
    "codecarbon": ("codecarbon", {"measure_power_secs": 1}),
    "carbontracker": ("carbontracker", {}),
    "pyJoules": ("pyjoules", {}),
}


@dataclass(frozen=True)
class Row:
    """A case and what came out of it."""

    case: Case
    answers: Mapping[str, Answer]  # by tool

    def truth_j(self, window: Measured) -> float:
        """What the window took."""
        return self.case.truth_w.energy_j(window.begin_s, window.end_s)

    def worst(self, tool: str) -> Measured | None:
        """The tool's window that is furthest from the truth."""
        known = [window for window in self.answers[tool].windows if window.energy_j is not None]
        return max(known, key=lambda w: abs(_error(w, self.truth_j(w))), default=None)

    def rmse(self, tool: str) -> float:
        """Over all windows of the tool."""
        errors = [_error(w, self.truth_j(w)) for w in self.answers[tool].windows if w.energy_j is not None]
        return math.sqrt(sum(error**2 for error in errors) / len(errors)) if errors else math.inf

    def figure(self, tool: str) -> str:
        """A cell of the table: of several windows the one that is furthest off."""
        if tool not in self.answers:
            return "–"
        answer, window = self.answers[tool], self.worst(tool)
        if window is None or window.energy_j is None:
            if "chmod" in answer.error:
                return "none, and how to be let in"
            return f"none: {shortened(answer.error)}" if answer.error else "none, and no message"
        if self.case.keeps == "estimate":
            return self._estimate(answer, window.energy_j)
        if self.case.keeps == "rmse":
            return f"rmse {percent(self.rmse(tool))} %"
        error = _error(window, self.truth_j(window))
        sign = "−" if error < 0 else "+"
        uncertainty = f" ± {joules(window.u_j)}" if window.u_j is not None else ""
        return f"{joules(window.energy_j)}{uncertainty} J ({sign}{percent(abs(error))} %)"

    def _estimate(self, answer: Answer, energy_j: float) -> str:
        """CodeCarbon's figure beside what its own model gives for the CPU time that the processes took."""
        if answer.job.tool == "energyprof":
            return f"{energy_j:.1f} J, whole machine, called an estimate"
        model_j = answer.said["cpu_s"] * answer.said["thread_w"]
        return f"{energy_j:.2f} J of the {model_j:.1f} J its own model gives their CPU time"

    def truth(self) -> str:
        """The truth of energyprof's worst window."""
        if self.case.keeps == "estimate":
            return "–"
        windows = self.answers["energyprof"].windows
        window = self.worst("energyprof") or windows[0]
        return f"{joules(self.truth_j(window))} J"

    def broken(self) -> str:
        """Why energyprof does not keep the claim here; empty if it does."""
        answer, window = self.answers["energyprof"], self.worst("energyprof")
        keeps = self.case.keeps
        if keeps == "refused":
            silent = window is not None or "chmod" not in answer.error
            return f"should refuse and say how to be let in: {answer.error}" if silent else ""
        if window is None or window.energy_j is None:
            return f"no figure: {answer.error}"
        if keeps == "rmse":
            rmse = self.rmse("energyprof")
            return f"rmse {percent(rmse)} %, limit {percent(SHORT_RMSE)} %" if rmse > SHORT_RMSE else ""
        if keeps == "estimate":
            return "" if answer.said["estimated"] else "not called an estimate"
        truth_j = self.truth_j(window)
        error_j, stated_j = window.energy_j - truth_j, window.u_j or 0.0
        limit_j = EXACT * truth_j if keeps == "exact" else stated_j
        if abs(error_j) > limit_j:
            return f"off by {error_j:.1f} J, limit {limit_j:.1f} J"
        if keeps in ("marked", "bridged", "partial") and not flags_of(answer):
            return "no flag"
        whole = answer.said["coverage"] is None or answer.said["coverage"] >= 1
        return "the coverage is whole" if keeps in ("bridged", "partial") and whole else ""


def _error(window: Measured, truth_j: float) -> float:
    return ((window.energy_j or 0.0) - truth_j) / truth_j if truth_j else 0.0


def flags_of(answer: Answer) -> list[str]:
    """energyprof's flags of the run; ``short`` says nothing about a fault."""
    flags = set(answer.said.get("flags", ())) | {flag for window in answer.windows for flag in window.flags}
    return sorted(flag for flag in flags if not flag.startswith("short"))


def joules(energy_j: float) -> str:
    """An energy in J, with as many digits as say something."""
    text = f"{energy_j:.0f}" if abs(energy_j) >= 100 else f"{energy_j:.3g}"
    return text.replace("-", "−")


def percent(share: float) -> str:
    """A share in percent."""
    return f"{100 * share:.0f}" if abs(share) >= 1 else f"{100 * share:.1f}"


def shortened(text: str, length: int = 100) -> str:
    """One cell's worth of an error."""
    text = " ".join(text.split()).replace("|", "/")
    return text if len(text) <= length else text[: length - 1] + "…"


def jobs_of(turn: Sequence[tuple[Case, str]], first_s: float) -> list[Job]:
    """A job for each; the tools of a case share windows, so that a fault hits all of them alike."""
    rng = random.Random()
    windows = {case.name: case.schedule(first_s, rng) for case, _ in turn}
    machines = {case.name: case.machine(windows[case.name][0][0]) for case, _ in turn}
    jobs = []
    for case, label in turn:
        tool, settings = PEERS.get(label, (label, {}))
        given = {**settings, **case.settings.get(label, {})}
        jobs.append(Job(label, tool, machines[case.name], case.meters, windows[case.name], given))
    return jobs


def run_cases(cases: Sequence[Case], tools: Sequence[str]) -> list[Row]:
    """All cases, as many at once as the machine can bear."""
    calm: list[list[tuple[Case, str]]] = [[]]
    spinning = []
    for case in cases:
        asked = [tool for tool in tools if tool in case.peers or tool == "energyprof"]
        spinning += [(case, tool) for tool in asked if case.spins and tool == SPINS]
        if len(calm[-1]) + len(asked) > AT_ONCE:
            calm.append([])
        calm[-1] += [(case, tool) for tool in asked if not (case.spins and tool == SPINS)]
    found: dict[tuple[str, str], Answer] = {}
    installed = {PEERS.get(label, (label, {}))[0] for label in tools}
    apart = [spinning[n : n + SPINNING_AT_ONCE] for n in range(0, len(spinning), SPINNING_AT_ONCE)]
    for number, turn in enumerate(filter(None, [*apart, *calm])):
        names = dict.fromkeys(case.name for case, _ in turn)
        print(", ".join(names), "…", file=sys.stderr, flush=True)
        each = SPINNING_JOBS if number < len(apart) else 1
        answers = run(jobs_of(turn, first_window_s(each * len(turn), installed)))
        found |= {(case.name, tool): answer for (case, tool), answer in zip(turn, answers, strict=True)}
    return [
        Row(case, {tool: found[case.name, tool] for tool in tools if (case.name, tool) in found})
        for case in cases
    ]


# A training that fails, the command lines that meter it, and what these should leave behind.
FAILING = "import sys, time; time.sleep(2); sys.exit(3)\n"
COMMANDS = {
    "energyprof": (
        ["-m", "energyprof", "exec", "--quiet", "--idle", "0", "--output", "out.json", "--"],
        "out.json",
    ),
    "carbontracker": (["carbontracker"], "logs/*"),
    "perun": (["perun", "monitor"], "perun_results/*"),
}


def exits() -> dict[str, Answer]:
    """What the command lines make of a training that ends with 3."""
    machine, jobs = package(FLAT), []
    first_s = first_window_s(len(COMMANDS), COMMANDS)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "fails.py"
        script.write_text(FAILING)
        for tool, (words, reports) in COMMANDS.items():
            python = environments.python(tool)
            program = [str(python)] if words[0] == "-m" else [str(python.parent / words[0])]
            command = [*program, *words[words[0] != "-m" :]]
            # perun takes a script and runs it itself.
            command += [str(script)] if tool == "perun" else [str(python), str(script)]
            settings = {"command": command, "package": tool, "reports": reports}
            window = (first_s, first_s + 60)
            jobs.append(Job(tool, tool, machine, "rapl", [window], settings, adapter="program"))
        return {answer.job.tool: answer for answer in run(jobs)}


def exit_table(answers: Mapping[str, Answer]) -> list[str]:
    """Markdown."""
    lines = ["| tool | exit code | took | left behind |", "| --- | ---: | ---: | --- |"]
    for tool, answer in answers.items():
        left = len(answer.said.get("reports", ()))
        code, took_s = answer.said.get("exit", "none"), answer.said.get("took_s", 0.0)
        lines.append(f"| {tool} | {code} | {took_s:.0f} s | {f'{left} files' if left else 'nothing'} |")
    return lines


def table(rows: Sequence[Row], tools: Sequence[str]) -> list[str]:
    """Markdown: a row for each case, a column for each tool."""
    lines = [
        f"| input | truth | {' | '.join(tools)} | its coverage | its flags |",
        "| --- " * (len(tools) + 4) + "|",
    ]
    for row in rows:
        ours = row.answers["energyprof"]
        coverage = ours.said.get("coverage")
        cells = [row.case.name, row.truth(), *(row.figure(tool) for tool in tools)]
        cells.append("–" if coverage is None else f"{100 * coverage:.0f} %")
        cells.append(shortened(", ".join(flags_of(ours)), 200) or "–")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def main() -> int:
    """Print the table; 1 if energyprof does not keep the claim."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tools", default=",".join(PEERS), help=f"of: {', '.join(PEERS)}")
    parser.add_argument("--only", default="", help="only the cases whose name holds this")
    parser.add_argument("--quick", action="store_true", help=f"at most {QUICK_N} windows a case")
    parser.add_argument("-o", "--output", type=Path, help="write the table to this file")
    asked = parser.parse_args()
    peers = [tool.strip() for tool in asked.tools.split(",") if tool.strip()]
    if unknown := sorted(set(peers) - set(PEERS)):
        parser.error(f"--tools: there is no {', '.join(unknown)}; there are {', '.join(PEERS)}")
    in_namespace()
    start_s = time.monotonic()
    tools = [*peers, "energyprof"]
    cases = [case for case in CASES if asked.only in case.name]
    if asked.quick:
        cases = [replace(case, windows=min(case.windows, QUICK_N)) for case in cases]
    rows = run_cases(cases, tools)
    versions = {tool: answer.version for row in rows for tool, answer in row.answers.items()}
    problems = [f"{row.case.name}: {problem}" for row in rows if (problem := row.broken())]
    lines = table(rows, tools)
    if not asked.only:
        at_exit = exits()
        versions |= {tool: answer.version for tool, answer in at_exit.items()}
        lines += ["", "A training that ends with exit code 3 after 2 s:", "", *exit_table(at_exit)]
        ours = at_exit["energyprof"].said
        if ours.get("exit") != 3 or not ours.get("reports"):
            problems.append(f"a training that ends with 3: exit code {ours.get('exit')}")
    lines = [", ".join(f"{tool} {number}" for tool, number in versions.items()) + ".", "", *lines]
    return ended(lines, problems, "broken", start_s, asked.output)


if __name__ == "__main__":
    sys.exit(main())
