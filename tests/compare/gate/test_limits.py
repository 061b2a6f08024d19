"""Limits as they are typed."""

from __future__ import annotations

import pytest

from energyprof.compare.gate.limits import Limit, parse_limit
from energyprof.errors import UsageError


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("energy_per_sample:3%", Limit("energy_per_sample", 0.03)),
        (" energy : 0.5 % ", Limit("energy", 0.005)),
        ("time_to_target:150%", Limit("time_to_target", 1.5)),
    ],
)
def test_limits_read_as_figure_and_percent(text, limit):
    assert parse_limit(text) == limit


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("watts:3%", "no figure 'watts' to limit; choose from energy_per_sample, samples_to_target"),
        ("score:3%", "no figure 'score'"),
        ("energy:0%", "must be above 0"),
        ("energy:-3%", "write FIGURE:PERCENT%"),
        ("energy:3", "write FIGURE:PERCENT%"),
        ("energy:3,5%", "write FIGURE:PERCENT%"),
        ("energy:nan%", "write FIGURE:PERCENT%"),
        ("energy:" + "9" * 400 + "%", "must be above 0"),
        ("energy", "write FIGURE:PERCENT%"),
        ("", "write FIGURE:PERCENT%"),
    ],
)
def test_a_bad_limit_is_refused_with_what_would_do(text, complaint):
    with pytest.raises(UsageError) as refusal:
        parse_limit(text)
    assert complaint in str(refusal.value)
