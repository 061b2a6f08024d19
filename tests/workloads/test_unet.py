"""The unet workload: what makes it the same work, and that it trains as its contract says."""

import json
import math
import subprocess
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from energyprof.workload import Diverged, Phase, Progress, Settings, WorkloadError
from energyprof.workloads import unet, workload_module

SHORT = Settings(max_samples=64, batch_size=8, data_fraction=0.25)


@pytest.fixture
def torch():
    """Torch with MONAI and the data beside it; its process-wide switches are put back."""
    for needed in ("monai", "nilearn", "nibabel"):
        pytest.importorskip(needed)
    torch = pytest.importorskip("torch")
    yield torch
    torch.use_deterministic_algorithms(False)


def prepared(settings, **config):
    """The workload of the settings, with parts of its configuration replaced."""
    plan = unet.plan(settings)
    workload = unet.build(replace(plan, config={**plan.config, **config}))
    workload.prepare()
    return workload


@pytest.mark.parametrize(
    "settings",
    [
        Settings(size="huge"),
        Settings(precision="int8"),
        Settings(batch_size=0),
        Settings(data_fraction=0.0),
        Settings(data_fraction=1.5),
        Settings(data_fraction=math.nan),
        Settings(target=0.0),
        Settings(target=1.0),
        Settings(max_samples=0),
    ],
    ids=str,
)
def test_a_setting_out_of_range_is_one_line(settings):
    with pytest.raises(WorkloadError) as error:
        unet.plan(settings)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 120


@pytest.mark.parametrize(
    "settings",
    [
        Settings(batch_size=4),
        Settings(precision="bf16"),
        Settings(data_fraction=0.5),
        Settings(size="base"),
        Settings(target=0.7),
    ],
    ids=str,
)
def test_a_setting_that_changes_the_work_changes_its_id(settings):
    assert unet.plan(settings).id() != unet.plan(Settings()).id()


@pytest.mark.parametrize("settings", [Settings(device="cuda:1"), Settings(max_samples=99)], ids=str)
def test_where_it_runs_and_when_it_gives_up_are_no_part_of_the_work(settings):
    assert unet.plan(settings).id() == unet.plan(Settings()).id()


def test_a_plan_is_json_and_names_the_data_by_checksum():
    config = json.loads(json.dumps(unet.plan(Settings()).config))
    assert set(config["data_sha256"]) == {"t1", "gm", "wm"}


def test_planning_loads_nothing_heavy():
    program = (
        "import sys; from energyprof.workload import Settings; from energyprof.workloads import unet;"
        "unet.plan(Settings()).id(); heavy = {'torch', 'numpy', 'monai', 'nilearn'};"
        "sys.exit(bool(heavy & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2]).returncode == 0


def test_every_size_says_what_it_is_and_can_be_planned():
    assert workload_module("unet") is unet
    for size, line in unet.SIZES.items():
        assert line
        assert unet.plan(Settings(size=size)).size == size


def test_phases_and_scores_come_in_the_order_of_the_contract(torch):
    events = list(prepared(SHORT, eval_every_samples=28).train(0))
    told = [e for e in events if isinstance(e, Phase) or e.score is not None]
    # evaluations come with the first whole batch at or past 28, 56 and the end, 64
    assert [(type(e).__name__, getattr(e, "name", ""), e.samples) for e in told] == [
        ("Phase", "warmup", 0),
        ("Phase", "train", 24),
        ("Phase", "eval", 32),
        ("Progress", "", 32),
        ("Phase", "train", 32),
        ("Phase", "eval", 56),
        ("Progress", "", 56),
        ("Phase", "train", 56),
        ("Phase", "eval", 64),
        ("Progress", "", 64),
    ]
    steps = [e.samples for e in events if isinstance(e, Progress) and e.score is None]
    assert steps == list(range(8, 65, 8))
    assert all(0 <= e.score <= 1 for e in told if isinstance(e, Progress))


def test_the_same_seed_gives_the_same_curve_and_another_seed_another(torch):
    workload = prepared(SHORT, eval_every_samples=32)

    def curve(seed):
        return [e.score for e in workload.train(seed) if isinstance(e, Progress) and e.score is not None]

    first = curve(3)
    assert len(first) == 2
    assert curve(3) == first
    assert curve(4) != first


def test_bf16_trains_on_the_cpu(torch):
    *_, last = prepared(replace(SHORT, precision="bf16", max_samples=16)).train(0)
    assert 0 <= last.score <= 1


def test_base_takes_steps_on_the_cpu(torch):
    workload = prepared(Settings(size="base", batch_size=1, data_fraction=0.1))
    training = workload.train(0)
    events = list(islice(training, 3))
    training.close()
    assert events == [Phase("warmup", 0), Progress(1), Progress(2)]


def test_facts_tell_versions_device_and_parameters(torch):
    facts = unet.build(unet.plan(replace(SHORT, device="cpu"))).facts()
    assert facts["torch"] == torch.__version__
    assert facts["device"] == "cpu"
    assert 200_000 < facts["parameters"] < 300_000


def test_a_loss_that_is_no_number_is_a_divergence(torch):
    workload = prepared(SHORT, learning_rate=math.inf)
    with pytest.raises(Diverged, match="loss is nan after 64 samples"):
        list(workload.train(0))


def test_the_learning_rate_rises_then_falls():
    config = unet.plan(Settings()).config
    rates = [unet.rate_factor(step, config) for step in range(1000)]
    peak = rates.index(max(rates))
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
