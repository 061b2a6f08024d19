"""JSON: the result as the program holds it, in SI units and fractions."""

from __future__ import annotations

import dataclasses
import json
from typing import TextIO

from energyprof.compare.compared import Comparison
from energyprof.compare.gate.check import Check
from energyprof.formats.printable import json_escaped


def write_comparison(comparison: Comparison, out: TextIO) -> None:
    """One object with the fields of `Comparison`."""
    write_object({"schema": "energyprof.comparison/1", **dataclasses.asdict(comparison)}, out)


def write_check(result: Check, out: TextIO) -> None:
    """One object with the fields of `Check`."""
    fields = dataclasses.asdict(result)
    fields["information"] = dict(fields["information"])
    write_object({"schema": "energyprof.check/1", **fields}, out)


def write_object(result: object, out: TextIO) -> None:
    """``result`` on ``out``, in ASCII and without what is not JSON.

    Raises:
        ValueError: a number in it is not finite.
    """
    out.write(json_escaped(json.dumps(result, indent=1, allow_nan=False)) + "\n")
