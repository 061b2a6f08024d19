"""One scenario on several grids and networks: which way to train takes least where, and what that hinges on.

    .venv/bin/python benchmarks/life_cycle.py examples/simulate-paradigms.toml -o life-cycle.md
    … --grids FR,IT,PL --networks fixed:2025,mobile

Every site of the scenario gets the grid, all of its links the network. Each row is a whole simulation with
its draws: the totals with the middle 95 % of them, in how many the best takes least, and the input that moves
its energy most. Energy does not depend on the grid. Nothing is measured here: inputs are the scenario's
reports and factors.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from energyprof import files
from energyprof.errors import EnergyprofError, UsageError
from energyprof.formats.simulation_words import HEAD, amount, swing_line
from energyprof.simulate.document import read_document
from energyprof.simulate.outcome import Outcome
from energyprof.simulate.reading import scenario_of
from energyprof.simulate.simulation import Simulation, simulate

GRIDS, NETWORKS = "FR,IT,PL", "fixed:2025,mobile"
FIGURES = {"energy_j": "energy", "co2_kg": "CO2e"}


def variant(path: Path, grid: str, network: str) -> Simulation:
    """The scenario with every site on that grid, and every link over that network (``fixed:2025``).

    Raises:
        EnergyprofError: the scenario cannot be computed so.
    """
    data = read_document(path)
    sites = data.get("site")
    if not isinstance(sites, dict) or not sites:
        raise UsageError(f"{path}: name its sites: each of them gets a grid")
    for site in sites.values():
        for key in ("intensity", "trace", "column"):
            site.pop(key, None)
        site["country"] = grid
    medium, _, year = network.partition(":")
    data["link"] = {"medium": medium} | ({"year": int(year)} if year.isdigit() else {})
    return simulate(scenario_of(data, path, set(), ()), str(path))


def row(grid: str, network: str, figure: str, found: Simulation) -> Iterator[str]:
    """The cells of one grid, network and figure."""
    shares = found.least.get(figure, {})
    best = max(shares, key=lambda name: shares[name]) if shares else ""
    yield from (grid, network, FIGURES[figure])
    yield f"**{best}** ({100 * shares[best]:.0f} %)" if best else "not known"
    yield from (cell(outcome, figure) for outcome in found.outcomes)
    moving = next((one for one in found.swings if one.paradigm == best and one.span_j), None)
    yield "–" if moving is None else swing_line(moving)


def cell(outcome: Outcome, figure: str) -> str:
    """A total, and the middle 95 % of its draws."""
    span = outcome.drawn.get(figure)
    said = amount(figure, getattr(outcome.total, figure))
    return said if span is None else f"{said} ({amount(figure, span.low)} … {amount(figure, span.high)})"


def page(path: Path, grids: list[str], networks: list[str]) -> str:
    """The table as Markdown, and what all of it rests on."""
    lines, last = [], None
    for network in networks:
        for grid in grids:
            last = variant(path, grid, network)
            rows = [row("any", network, "energy_j", last)] if grid == grids[0] else []
            rows.append(row(grid, network, "co2_kg", last))
            lines += ["| " + " | ".join(cells) + " |" for cells in rows]
    if last is None:
        raise UsageError("name at least one grid and one network")
    names = [outcome.name for outcome in last.outcomes]
    heads = ["grid", "network", "of", "takes least (of draws)", *names, "its energy hinges on"]
    rests = [f"* measured: {line}" for line in last.measurements]
    said = (*last.notes, *last.assumptions)
    rests += [f"* {line}" for line in said if not line.startswith(("factor: site.", "factor: link."))]
    return "\n".join(
        (
            f"# {last.name}",
            "",
            HEAD,
            "",
            "| " + " | ".join(heads) + " |",
            "| --- " * len(heads) + "|",
            *lines,
            "",
            f"It rests on, besides the grids and networks ({last.draws:,} draws from seed {last.seed}):",
            "",
            *rests,
            "",
        )
    )


def main() -> None:
    """Write the page, or print it."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    parser.add_argument("scenario", type=Path)
    parser.add_argument("--grids", default=GRIDS)
    parser.add_argument("--networks", default=NETWORKS)
    parser.add_argument("-o", "--output", type=Path)
    asked = parser.parse_args()
    made = page(asked.scenario, asked.grids.split(","), asked.networks.split(","))
    if asked.output is None:
        print(made)
    else:
        files.write_text(asked.output, made)


if __name__ == "__main__":
    try:
        main()
    except EnergyprofError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
