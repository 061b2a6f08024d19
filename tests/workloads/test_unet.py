"""The unet workload on the packaged slices: what makes it the same work, and how it trains."""

import json
import math
from dataclasses import replace
from itertools import islice

import pytest

from energyprof.workload import Diverged, Facts, Mark, Progress, Settings, WorkloadError
from energyprof.workloads import unet, workload_module
from fakes import unpacked

SHORT = Settings(max_samples=64, batch_size=8, data_fraction=0.25)


@pytest.fixture
def torch(monkeypatch):
    """Torch with MONAI and the data beside it; its process-wide switches are put back."""
    for needed in ("monai", "nilearn", "nibabel"):
        pytest.importorskip(needed)
    torch = pytest.importorskip("torch")
    unpacked.once(monkeypatch)
    yield torch
    torch.use_deterministic_algorithms(False)


def prepared(settings, **config):
    """The workload of the settings on a third of its validation set, with parts of its config replaced."""
    plan = unet.plan(settings)
    workload = unet.build(replace(plan, config={**plan.config, "validation_copies": 1, **config}))
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
        Settings(batch_size=10, grad_accum=4),
        Settings(batch_size=9, nproc=2),
        Settings(model="somewhere"),
        Settings(data="somewhere"),
        Settings(lora=4),
        Settings(ema=True),
        Settings(size="full"),
        Settings(size="full", data="nowhere"),
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
        Settings(grad_accum=2),
        Settings(compile=True),
        Settings(channels_last=True),
        Settings(checkpoint=True),
    ],
    ids=str,
)
def test_a_setting_that_changes_the_work_changes_its_id(settings):
    assert unet.plan(settings).work() != unet.plan(Settings()).work()


@pytest.mark.parametrize(
    "settings",
    [Settings(device="cuda:1"), Settings(max_samples=99), Settings(nproc=2), Settings(breakdown_s=5.0)],
    ids=str,
)
def test_where_it_runs_and_when_it_gives_up_are_no_part_of_the_work(settings):
    assert unet.plan(settings).work() == unet.plan(Settings()).work()


def test_a_plan_is_json_and_names_the_data_by_checksum():
    config = json.loads(json.dumps(unet.plan(Settings()).config))
    assert set(config["data_sha256"]) == {"t1", "gm", "wm"}


def test_every_size_says_what_it_is_and_those_with_data_can_be_planned():
    assert workload_module("unet") is unet
    assert list(unet.SIZES) == list(unet.RECIPES) == ["tiny", "base", "full"]
    for size in ("tiny", "base"):
        assert unet.SIZES[size]
        assert unet.plan(Settings(size=size)).size == size


@pytest.mark.slow
def test_phases_and_scores_come_in_the_order_of_the_contract(torch):
    events = list(prepared(SHORT, eval_every_samples=28).train(0))
    facts, *rest = events
    assert isinstance(facts, Facts)
    assert 200_000 < facts.facts["parameters"] < 300_000
    told = [e for e in rest if isinstance(e, Mark) or e.score is not None]
    # evaluations come with the first whole batch at or past 28, 56 and the end, 64
    assert [(getattr(e, "name", "score"), e.samples) for e in told] == [
        ("warmup", 0),
        ("train", 24),
        *(("eval", 32), ("score", 32), ("train", 32)),
        *(("eval", 56), ("score", 56), ("train", 56)),
        *(("eval", 64), ("score", 64)),
    ]
    steps = [e.samples for e in rest if isinstance(e, Progress) and e.score is None]
    assert steps == list(range(8, 65, 8))
    assert all(0 <= e.score <= 1 for e in told if isinstance(e, Progress))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_curve_and_another_seed_another(torch):
    workload = prepared(replace(SHORT, max_samples=32), eval_every_samples=16)

    def curve(seed):
        return [e.score for e in workload.train(seed) if isinstance(e, Progress) and e.score is not None]

    first = curve(3)
    assert len(first) == 2
    assert curve(3) == first
    assert curve(4) != first


@pytest.mark.parametrize(
    "options", [{"precision": "bf16"}, {"grad_accum": 2}, {"channels_last": True}], ids=str
)
@pytest.mark.slow
def test_what_a_study_turns_trains_on_the_cpu(torch, options):
    *_, last = prepared(replace(SHORT, max_samples=16, **options)).train(0)
    assert 0 <= last.score <= 1


@pytest.mark.slow
def test_base_takes_steps_on_the_cpu(torch):
    workload = prepared(Settings(size="base", batch_size=1, data_fraction=0.1))
    training = workload.train(0)
    _, *events = islice(training, 4)
    training.close()
    assert events == [Mark("warmup", 0), Progress(1), Progress(2)]


@pytest.mark.slow
def test_facts_tell_versions_and_device(torch):
    facts = prepared(replace(SHORT, device="cpu")).facts()
    assert facts["torch"] == torch.__version__
    assert facts["device"] == "cpu"
    assert "monai" in facts


@pytest.mark.slow
def test_each_part_of_a_step_can_be_measured_alone(torch):
    workload = prepared(replace(SHORT, max_samples=16))
    list(workload.train(0))
    parts = [e.name for e in workload.breakdown(0.05) if isinstance(e, Mark)]
    assert parts == ["part:data", "part:forward_backward", "part:optimiser", "part:end"]


@pytest.mark.slow
def test_a_loss_that_is_no_number_is_a_divergence(torch):
    workload = prepared(SHORT, learning_rate=math.inf)
    with pytest.raises(Diverged, match="loss is nan after 64 samples"):
        list(workload.train(0))
