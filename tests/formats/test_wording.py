"""Numbers as comparisons and verdicts show them."""

from __future__ import annotations

import pytest

from energyprof.formats.wording import number


@pytest.mark.parametrize(
    ("figure", "value", "shown"),
    [
        ("cpu_time_per_sample", 0.0089, "8.90 ms"),
        ("time_to_target", 0.5, "0.50 s"),
        ("time_to_target", 65.0, "1 min 05 s"),
        ("energy_to_target", 1234.0, "1.23 kJ"),
        ("samples_to_target", 4864.0, "4,864"),
        ("score", 0.8125, "0.8125"),
    ],
)
def test_a_number_has_its_unit_and_prefix(figure: str, value: float, shown: str) -> None:
    assert number(figure, value) == shown
