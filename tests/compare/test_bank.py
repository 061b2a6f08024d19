"""What reference seeds foretell, and when a run is too fast to be the same work."""

from __future__ import annotations

import io
import math
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from energyprof.compare.bank import Bank, bank_in, bank_of, faster, faster_together, packaged
from energyprof.formats.summary import summary
from energyprof.report.file import from_json, read, to_json
from energyprof.report.flags import flag
from energyprof.report.rebuild import Rebuild
from energyprof.report.record import SCHEMA, WorkloadRecord
from energyprof.trace.rows import Row, Sample
from reports import report, run, unet, unet_bank

PUBLISHED = Path(__file__).parents[2] / "results" / "vm-epyc-2" / "unet-tiny" / "seeds-0-2.json"
# A thousand samples, give or take 10 %. Student's t for 99.9 % and 19 degrees of freedom is 3.5794.
BANK = Bank(math.log(1000), 0.1, 20, 20)


def reached(seed: int, samples: int, every: int) -> dict[str, Any]:
    """A bank's run that crosses its target in the evaluation after ``samples``."""
    history = [[count, 0.5] for count in range(every, samples, every)] + [[samples, 0.9]]
    return {"seed": seed, "status": "reached", "samples": samples, "history": history}


def test_half_of_all_runs_stay_below_the_geometric_mean() -> None:
    assert BANK.samples(0.5) == pytest.approx(1000)


def test_the_prediction_interval_is_that_of_one_more_run() -> None:
    assert BANK.samples(0.001) == pytest.approx(1000 * math.exp(-3.57940 * 0.1 * math.sqrt(1 + 1 / 20)))
    assert BANK.samples(0.999) == pytest.approx(1e6 / BANK.samples(0.001))


def test_the_mean_of_several_runs_is_foretold_more_closely() -> None:
    assert BANK.samples(0.001, 5) == pytest.approx(1000 * math.exp(-3.57940 * 0.05))


@pytest.mark.parametrize(("samples", "fast"), [([692], True), ([694], False), ([5000], False)])
def test_a_run_is_too_fast_below_the_bound(samples: list[int], fast: bool) -> None:
    assert BANK.too_fast(samples) is fast


def test_runs_that_are_each_fast_enough_may_be_too_fast_together() -> None:
    assert not BANK.too_fast([800])
    assert BANK.too_fast([800] * 5)


def test_a_crossing_lies_between_two_evaluations() -> None:
    found = bank_in({"runs": [reached(seed, 1000, 200) for seed in range(20)]})
    assert found is not None
    # Between 800 and 1000: at 900 give or take 200/√12, though all runs show the same.
    assert math.exp(found.log_mean) == pytest.approx(900)
    assert found.log_sd == pytest.approx(200 / math.sqrt(12) / 900)
    assert (found.n, found.seeds) == (20, 20)


def test_a_run_one_evaluation_earlier_than_all_others_is_no_alarm() -> None:
    found = bank_in({"runs": [reached(seed, 1000, 200) for seed in range(20)]})
    assert found is not None
    assert not found.too_fast([800])
    assert found.too_fast([400])


def test_seldom_evaluated_sound_runs_raise_fewer_alarms_than_one_in_a_thousand() -> None:
    rng = random.Random(1)

    def crossing() -> int:
        return 500 * math.ceil(math.exp(rng.gauss(math.log(2000), 0.15)) / 500)

    alarms = 0
    for _ in range(100):
        found = bank_in({"runs": [reached(seed, crossing(), 500) for seed in range(20)]})
        assert found is not None
        alarms += sum(found.too_fast([crossing()]) for _ in range(100))
    assert alarms <= 10


def test_seeds_that_missed_are_counted_but_foretell_nothing() -> None:
    missed = {"seed": 2, "status": "missed", "samples": 9000, "history": [[9000, 0.5]]}
    found = bank_in({"runs": [reached(0, 1000, 200), reached(1, 1200, 200), missed]})
    assert found is not None
    assert (found.n, found.seeds) == (2, 3)
    assert math.exp(found.log_mean) == pytest.approx(math.sqrt(900 * 1100))


def test_one_seed_has_no_spread_and_so_foretells_nothing() -> None:
    assert bank_in({"runs": [reached(0, 1000, 200)]}) is None


def test_a_bank_is_of_its_own_work_only() -> None:
    work = unet_bank()["workload"]
    record = WorkloadRecord("unet", "tiny", work["task"], work["work"], {}, None)
    found = bank_of(record)
    assert found is not None and found.seeds >= 20
    # The published reports are of this work, too: its id was made in another way then.
    assert bank_of(replace(record, work=read(PUBLISHED).workload.work)) == found
    for other in ({"work": "sha256:other"}, {"size": "base"}, {"name": "train.py", "size": None}):
        assert bank_of(replace(record, **other)) is None
    assert packaged("../banks/unet", "tiny", work["work"]) is None


@pytest.mark.parametrize("samples", [512, 4608])
def test_no_judgement_by_a_bank_is_stored(samples: int) -> None:
    events = (
        ("run", {"seed": 0, "monotonic_s": 0.0, "utc": ""}),
        ("started", {}),
        ("phase", {"name": "train", "samples": 0}),
        ("phase", {"name": "eval", "samples": samples}),
        ("progress", {"samples": samples, "score": 0.99}),
        ("exit", {"code": 0}),
    )
    rows = [
        Row(0, f"@{name}", Sample(float(at_s), float(at_s), None), "", fields)
        for at_s, (name, fields) in enumerate(events)
    ]
    made = Rebuild(replace(unet(), meters=())).add(lambda: rows)
    assert made.status == "reached"
    assert (made.samples, made.flags) == (samples, (flag("not_measured"),))


def test_a_judgement_that_an_early_version_stored_is_not_read() -> None:
    old = report([run(flags=("faster_than_bank:10 samples, where 900", "reset:a"))])
    text = to_json(old).replace(SCHEMA, "energyprof.report/1")
    assert from_json(text, "r.json").runs[0].flags == (flag("reset", "a"),)


def test_a_run_that_missed_its_target_is_not_fast() -> None:
    assert faster(BANK, run(samples=10, status="missed")) is None
    assert faster(None, run(samples=10)) is None


def test_a_run_that_is_too_fast_is_said_to_be_so_where_its_report_is_shown() -> None:
    assert str(faster(BANK, run(samples=500))) == "500 samples, where 693 or more were expected"
    console = Console(width=200, file=io.StringIO())
    console.print(summary(unet(512), None))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "reached the target much faster than the reference runs: the work has probably changed" in shown


def test_a_reports_runs_are_judged_together_where_none_is_flagged_by_itself() -> None:
    found = bank_of(unet().workload)
    assert found is not None
    alone, five = found.samples(0.001), found.samples(0.001, 5)
    between = round((alone + five) / 2)
    line = faster_together(unet(*[between] * 5))
    assert line is not None and str(line).startswith(f"{between:,} samples on average")
    assert faster_together(unet(between)) is None
    assert faster_together(unet(*[round(math.exp(found.log_mean))] * 5)) is None
    slow = replace(unet(*[between] * 5).runs[0], status="missed")
    fast = unet(*[between] * 5)
    assert faster_together(replace(fast, runs=(*fast.runs, slow))) is None
    alone = replace(fast.runs[0], samples=256)
    assert faster_together(replace(fast, runs=(*fast.runs, alone))) is None
