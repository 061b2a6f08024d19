"""What a machine varies by, its file, and the margin that follows."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from energyprof.compare.gate.check import check
from energyprof.compare.gate.limits import margin
from energyprof.compare.gate.noise import Spread, beside, noise_of, noise_path, read, unfit, write
from energyprof.errors import FileError
from reports import at, report, run

ELSEWHERE = {"id": "sha256:there", "host": "there", "cpu": "Xeon", "threads": 8, "gpus": []}


def test_the_noise_is_the_spread_of_all_runs_of_both_sides():
    # ln: 0 and 0.02 in both, so sd = √(4 · 0.01² / 3).
    sides = [at(1.0, math.exp(0.02)), at(math.exp(0.02), 1.0)]
    spread = noise_of(sides).figures["energy_per_sample"]
    assert spread.sd == pytest.approx(0.01 * math.sqrt(4 / 3)) and spread.n == 4
    # What two series differ by is noise, too.
    apart = noise_of([at(1.0, 1.0), at(1.1, 1.1)]).figures["energy_per_sample"]
    assert apart.sd == pytest.approx(math.log(1.1) / math.sqrt(3))


def test_a_figure_of_which_there_is_one_value_or_none_has_no_noise():
    noise = noise_of([report([run(), run(status="missed")])])
    assert "energy_per_sample" in noise.figures
    assert "samples_to_target" not in noise.figures
    assert "energy" not in noise.figures


def test_the_margin_is_the_figures_own_or_twice_the_noise():
    noise = noise_of([at(1.0, 1.1, 0.9)])
    sd = noise.figures["energy_per_sample"].sd
    assert margin("energy_per_sample", noise) == 2 * sd > 0.15
    assert margin("samples_to_target", noise) == 0.10  # every run needed as many
    assert (margin("samples_to_target", None), margin("cpu_time_per_sample", None)) == (0.10, 0.05)
    assert margin("energy_per_sample", None) == margin("unheard_of", noise) == 0.03


def test_the_default_limit_follows_the_noise_and_says_so():
    base = at(0.99, 1.0, 1.01)
    noise = replace(noise_of([base]), figures={"energy_per_sample": Spread(0.04, 10)})
    more = at(1.04, 1.05, 1.06)
    assert check(more, base).outcome == "FAIL"
    result = check(more, base, noise=noise)
    assert (result.outcome, result.verdicts[0].limit.margin) == ("PASS", 0.08)
    assert result.notes == ("the limit on energy_per_sample is twice this machine's own variation",)
    quiet = replace(noise, figures={"energy_per_sample": Spread(0.001, 10)})
    assert check(more, base, noise=quiet) == check(more, base)


def test_a_limit_that_was_asked_for_is_not_changed_by_noise():
    base = at(0.99, 1.0, 1.01)
    noise = replace(noise_of([base]), figures={"energy_per_sample": Spread(0.04, 10)})
    limits = check(base, base).verdicts[0].limit
    assert check(base, base, [limits], noise=noise).verdicts[0].limit.margin == 0.03


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (at(1.0, 1.1, machine=ELSEWHERE), "it is from another machine"),
        (at(1.0, 1.1, machine={}), "it is from another machine"),
        (at(1.0, 1.1, config={"batch_size": 8}), "it is for other work (unet tiny)"),
    ],
)
def test_noise_of_another_machine_or_of_other_work_is_named_and_not_used(other, why):
    base = at(0.99, 1.0, 1.01)
    noise = replace(noise_of([other]), figures={"energy_per_sample": Spread(0.04, 10)})
    assert unfit(noise, base) == why
    result = check(base, base, noise=noise)
    assert result.verdicts[0].limit.margin == 0.03
    assert result.notes == (f"the noise file beside baseline was not used: {why}",)


def test_the_file_lies_beside_the_baseline_and_reads_as_it_was_written(tmp_path):
    base = tmp_path / "base.json"
    assert noise_path(base) == tmp_path / "base.noise.json"
    assert beside(base) is None
    noise = noise_of([at(1.0, 1.1), at(0.9, 1.0)])
    write(noise, noise_path(base))
    assert beside(base) == noise == read(noise_path(base))
    data = json.loads(noise_path(base).read_text())
    assert data["schema"] == "energyprof.noise/1"
    assert (data["machine"], data["workload"], data["created"]) == (
        "sha256:here",
        "unet tiny",
        "2026-01-01T00:00:00Z",
    )
    assert data["figures"]["energy_per_sample"]["n"] == 4


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "not a readable noise file"),
        ("[]", "its schema is None"),
        ('{"schema": "energyprof.noise/2"}', "written by a newer energyprof (energyprof.noise/2"),
        ('{"schema": "energyprof.noise/1"}', "is missing"),
    ],
)
def test_a_broken_noise_file_is_an_error_and_not_a_quiet_machine(tmp_path, text, complaint):
    path = tmp_path / "base.noise.json"
    path.write_text(text)
    with pytest.raises(FileError) as refusal:
        beside(tmp_path / "base.json")
    assert complaint in str(refusal.value) and str(path) in str(refusal.value)
