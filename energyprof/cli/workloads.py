"""``energyprof workloads``: what can be trained."""

from __future__ import annotations

import sys

from energyprof.cli.options import Json


def workloads(json: Json = False) -> None:
    """List the standard workloads: sizes, targets, data and reference runs."""
    import json as json_text

    from rich.console import Console

    from energyprof.formats.catalogue import catalogue, catalogue_data

    if json:
        sys.stdout.write(json_text.dumps(catalogue_data(), indent=1, ensure_ascii=False) + "\n")
    else:
        Console().print(catalogue())
