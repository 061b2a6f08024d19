"""``energyprof doctor``: what can be measured on this machine."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from energyprof.cli import streams
from energyprof.cli.options import INTERVAL_S, Json, Meters


def doctor(
    meters: Meters = "auto",
    seconds: Annotated[
        float,
        typer.Option(metavar="S", min=0, help="Seconds to read the meters for; 0: only find them."),
    ] = 5.0,
    json: Json = False,
) -> None:
    """Show what this machine is, what its meters read, and how to unblock those that are blocked."""
    import json as json_text

    from energyprof.cli.profiling import names
    from energyprof.formats.console import Screen
    from energyprof.formats.diagnosis import diagnosis, diagnosis_data
    from energyprof.measure import gpus, machine
    from energyprof.measure.left_out import with_left_out
    from energyprof.measure.meters import addresses, find_addressed, find_all, parts_of, sysfs_root
    from energyprof.measure.selection import select
    from energyprof.profile.spot_check import spot_check

    root, asked = sysfs_root(), names(meters)
    findings = find_all(root) + find_addressed(asked)
    facts = machine.describe(root, gpus.devices(root))
    # A meter that was asked for and does not answer must not hide the others.
    away = {finding.asked for finding in findings if finding.asked and finding.state != "found"}
    here = [words for words in asked if not away.intersection(parts_of(words))]
    selection = with_left_out(select(findings, here), root)
    seen = None
    if seconds > 0 and selection.sources and selection.origin == "measured":
        err = Screen(sys.stderr)
        with err.status(f"reading {len(selection.sources)} meters for {seconds:g} s"):
            seen = spot_check(selection.sources, seconds, INTERVAL_S)
    if json:
        data = diagnosis_data(facts, findings, selection, seen, addresses())
        streams.write_json(json_text.dumps(data, indent=1, ensure_ascii=False) + "\n")
    else:
        Screen(sys.stdout).print(diagnosis(facts, findings, selection, seen, addresses()))
