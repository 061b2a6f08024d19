"""``energyprof workloads``: what can be trained."""

from __future__ import annotations

import sys

from energyprof.cli import streams
from energyprof.cli.options import Json


def workloads(json: Json = False) -> None:
    """List the standard workloads: sizes, targets, data and reference runs."""
    import json as json_text

    from energyprof.formats.catalogue import catalogue, catalogue_data
    from energyprof.formats.console import Screen

    if json:
        streams.write_json(json_text.dumps(catalogue_data(), indent=1, ensure_ascii=False) + "\n")
    else:
        Screen(sys.stdout).print(catalogue())
