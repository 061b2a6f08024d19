"""Powers of one moment as a line."""

from __future__ import annotations

from energyprof.formats.power_now import in_a_line
from energyprof.profile.monitor import Look, Power
from reports import meter

MODEL = meter("cpu-model", origin="modelled")


def test_an_estimate_is_called_one_once_there_is_one() -> None:
    assert in_a_line(Look("now", ((MODEL, Power(None)),), Power(None))) == "now  cpu-model no reading"
    known = Power(50.0, 40.0, 60.0)
    assert in_a_line(Look("now", ((MODEL, known),), known)) == "now  cpu-model 50 ± 10 W, an estimate"


def test_a_measured_power_is_not() -> None:
    known = Power(50.0, 40.0, 60.0)
    assert in_a_line(Look("now", ((meter(), known),), known)) == "now  rapl:package-0 50 ± 10 W"
