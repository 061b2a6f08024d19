"""A placement for people at 80 columns, and for programs."""

from __future__ import annotations

import json
import math
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from energyprof.formats.simulation_words import energy, mass
from energyprof.simulate.placement.plan import Outcome, machines
from energyprof.simulate.placement.policies import Judged, Placement
from energyprof.units import utc

HEAD = "SIMULATED from the job and the sites below, not measured."


def placement_tables(found: Placement) -> RenderableType:
    """What each policy takes, what is to be done where and when, and what waiting alone saves."""
    job, sites = found.grid.job, found.grid.sites
    parts: list[RenderableType] = [
        Text(job.name, style="bold"),
        Text(HEAD, style="yellow"),
        Text(
            f"{job.samples:,.0f} samples from {_moment(job.start_s)} to {_moment(job.deadline_s)}, "
            f"least {job.objective}",
            style="dim",
        ),
        Text(),
        _policies(found),
        *_notes(found),
        Text(),
        Text(f"plan of {found.recommended}", style="bold"),
        _plan(found),
    ]
    if found.slack:
        parts += [Text(), Text("waiting for the cheapest hours alone saves, in closed form")]
        parts += [Text(f"  {site}: {100 * saving:.1f} %") for site, saving in found.slack.items()]
    if told := _measured(found):
        parts += [Text(), Text("what machines do")]
        parts += [Text(f"  {line}", style="dim") for line in told]
    parts += [Text(), Text("sites")]
    parts += [
        Text(
            f"  {site.name}: {site.machines} machines, PUE {site.pue:g}, mean {mean:.0f} g/kWh at the "
            f"machines; {site.said}",
            style="dim",
        )
        for site, mean in zip(sites, found.grid.g_per_kwh.mean(axis=1), strict=True)
    ]
    return Group(*parts)


def _measured(found: Placement) -> list[str]:
    """A line for each level that a report measured or estimated."""
    levels = [*found.grid.job.levels, *(level for site in found.grid.sites for level in site.levels or ())]
    return [
        f"{level.machines} machines: {level.samples_per_s:.4g} samples/s, {level.power_w:.4g} W, {level.said}"
        for level in levels
        if level.said
    ]


def _policies(found: Placement) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    table.add_column("policy", header_style="dim")
    priced = any(site.price_per_kwh for site in found.grid.sites)
    for column in ("energy", "CO2e", *(["money"] if priced else []), "ends after", "saves"):
        table.add_column(column, header_style="dim", justify="right")
    for judged in found.policies:
        style = "bold" if judged.policy == found.recommended else ""
        table.add_row(judged.policy, *_figures(judged, priced=priced), style=style)
    return table


def _figures(judged: Judged, *, priced: bool) -> list[str]:
    taken = judged.outcome
    if taken is None:
        return ["–"] * (5 if priced else 4)
    money = ["–" if math.isnan(taken.money) else f"{taken.money:,.2f}"] if priced else []
    saves = "" if judged.saving is None else f"{100 * judged.saving:.1f} %"
    return [energy(taken.energy_j), mass(taken.carbon_kg), *money, f"{taken.ends_s / 3600:.4g} h", saves]


def _notes(found: Placement) -> list[Text]:
    lines = []
    for judged in found.policies:
        said = [*judged.notes, *([judged.why] if judged.why else [])]
        if judged.outcome is not None and judged.outcome.restarts:
            again = f"taken up again {judged.outcome.restarts} times"
            again += f", {judged.outcome.moves} of them elsewhere" if judged.outcome.moves else ""
            said.append(again)
        if said:
            lines.append(Text(f"  {judged.policy}: {'; '.join(said)}", style="dim"))
    return lines


def stretches(found: Placement, policy: str) -> list[dict[str, Any]]:
    """Where a plan does one thing for a while: site, from and until (steps), samples, mean W and machines."""
    plan, job = found.named(policy).plan, found.grid.job
    if plan is None:
        return []
    made: list[dict[str, Any]] = []
    running = machines(found.grid, plan)
    for step in range(found.grid.steps):
        for site, place in enumerate(found.grid.sites):
            samples, joules = float(plan.samples[site, step]), float(plan.joules[site, step])
            if samples <= 0:
                continue
            power_w = joules / job.step_s
            last = made[-1] if made else None
            goes_on = last and last["site"] == place.name and last["until"] == step
            if last and goes_on and abs(last["power_w"] - power_w) < 1:
                last["until"], last["samples"] = step + 1, last["samples"] + samples
                continue
            made.append(
                {
                    "site": place.name,
                    "from": step,
                    "until": step + 1,
                    "samples": samples,
                    "power_w": power_w,
                    "machines": round(float(running[site, step]), 3),
                }
            )
    return made


MOST_ROWS = 24


def _plan(found: Placement) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for column in ("from", "hours", "site", "machines", "samples", "power"):
        side = "left" if column in ("from", "site") else "right"
        table.add_column(column, header_style="dim", justify=side)  # type: ignore[arg-type]
    rows, job = stretches(found, found.recommended), found.grid.job
    for row in rows[:MOST_ROWS]:
        begins_s = job.start_s + row["from"] * job.step_s
        hours = (row["until"] - row["from"]) * job.step_s / 3600
        table.add_row(
            _moment(begins_s),
            f"{hours:g}",
            row["site"][:24],
            f"{row['machines']:.3g}",
            f"{row['samples']:,.0f}",
            f"{row['power_w']:,.0f} W",
        )
    if len(rows) > MOST_ROWS:
        table.add_row(f"{len(rows) - MOST_ROWS} more: see --json")
    return table


def placement_json(found: Placement) -> str:
    """All of it."""
    job = found.grid.job
    data = {
        "schema": "energyprof.placement/1",
        "origin": "simulated",
        "job": job.name,
        "objective": job.objective,
        "start": utc(job.start_s),
        "step_s": job.step_s,
        "recommended": found.recommended,
        "policies": [
            {
                "policy": judged.policy,
                "saving": judged.saving,
                "notes": list(judged.notes),
                "why_not": judged.why,
                **({} if judged.outcome is None else _taken(judged.outcome)),
                "plan": stretches(found, judged.policy),
            }
            for judged in found.policies
        ],
        "levels": _measured(found),
        "slack_saving": dict(found.slack),
        "sites": [{"name": site.name, "intensity": site.said, "pue": site.pue} for site in found.grid.sites],
    }
    return json.dumps(data, indent=1) + "\n"


def _taken(outcome: Outcome) -> dict[str, Any]:
    return {**vars(outcome), "money": None if math.isnan(outcome.money) else outcome.money}


def _moment(time_s: float) -> str:
    return utc(time_s)[:16].replace("T", " ")
