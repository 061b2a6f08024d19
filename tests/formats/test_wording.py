"""Numbers as comparisons and verdicts show them."""

from __future__ import annotations

import pytest

from energyprof.formats.model import about_model
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


@pytest.mark.parametrize(
    ("joules", "u", "ends", "words"),
    [
        (1200.0, 100.0, (None, None), "1.20 ± 0.10 kJ"),
        (136.0, 299.0, (42.5, 435.2), "136 J (-69 % +220 %)"),
        (136.0, 299.0, (None, None), "136 J (-100 % +220 %)"),  # of an older energyprof
        (None, None, (None, None), "joules unknown"),
    ],
)
def test_what_a_teacher_took_is_told_with_its_ends_and_none_below_nothing(
    joules: float | None, u: float | None, ends: tuple[float | None, float | None], words: str
) -> None:
    facts = {
        "teacher_samples": 64,
        "teacher_sha256": "sha256:0",
        "teacher_energy_j": joules,
        "teacher_energy_u_j": u,
        "teacher_energy_low_j": ends[0],
        "teacher_energy_high_j": ends[1],
    }
    assert dict(about_model(facts, None))["teacher"] == (
        f"of an earlier run, 64 samples, {words}: not in the energy to target"
    )
