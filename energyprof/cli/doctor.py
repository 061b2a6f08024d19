"""``energyprof doctor``: what can be measured on this machine."""

from __future__ import annotations

import sys

from energyprof.cli.options import Json


def doctor(json: Json = False) -> None:
    """Say what this machine is, which meters it has, and how to get at those that are blocked."""
    import json as json_text

    from rich.console import Console

    from energyprof import machine
    from energyprof.formats.diagnosis import diagnosis, diagnosis_data
    from energyprof.meters import find_all, nvml, sysfs_root
    from energyprof.selection import select

    root = sysfs_root()
    findings = find_all(root)
    facts = machine.describe(root, nvml.devices())
    selection = select(findings, ["auto"])
    if json:
        data = diagnosis_data(facts, findings, selection)
        sys.stdout.write(json_text.dumps(data, indent=1, ensure_ascii=False) + "\n")
    else:
        Console().print(diagnosis(facts, findings, selection))
