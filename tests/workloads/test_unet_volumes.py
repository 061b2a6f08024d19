"""The unet workload's full size: trained on the user's volumes, through the contract."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from itertools import islice

import pytest

from energyprof.workload import Facts, Mark, Progress, Settings, WorkloadError
from energyprof.workloads import unet
from fakes import decathlon as fake
from fakes import forked, micro_volumes
from fakes.installed import needs
from fakes.micro_volumes import curve, micro

pytestmark = pytest.mark.slow
needs("monai", "nibabel", "numpy")
torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """A cache of this file's own; torch's process-wide switches are put back."""
    monkeypatch.setenv("ENERGYPROF_CACHE", str(tmp_path_factory.getbasetemp() / "volumes-cache"))
    yield
    torch.use_deterministic_algorithms(False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Five cases of CT."""
    return str(fake.write(tmp_path_factory.mktemp("volumes") / "blobs"))


def full(folder, **settings):
    """The plan for that folder's data."""
    return unet.plan(Settings(size="full", data=str(folder), **settings))


def test_the_plan_says_what_the_data_are(folder):
    config = json.loads(json.dumps(full(folder).config))
    assert config["data"] == "Blobs"
    assert config["labels"] == ["background", "organ", "tumour"]
    assert config["modality"] == ["CT"]
    assert config["cases"] == {"training": 4, "validation": 1}
    assert config["spacing_mm"] is None
    assert folder not in json.dumps(config)


def test_the_data_are_part_of_the_work_and_their_place_is_not(folder, tmp_path):
    moved = shutil.copytree(folder, tmp_path / "elsewhere")
    assert full(moved).work() == full(folder).work()
    other = fake.write(tmp_path / "other", seed=1)
    assert full(other).work() != full(folder).work()


@pytest.mark.parametrize(
    "settings", [{"batch_size": 4}, {"channels_last": True}, {"data_fraction": 0.5}, {"target": 0.9}], ids=str
)
def test_a_setting_that_changes_the_work_changes_its_id(folder, settings):
    assert full(folder, **settings).work() != full(folder).work()


@pytest.mark.parametrize("settings", [{"workers": 3}, {"nproc": 2}, {"max_samples": 8}], ids=str)
def test_how_it_runs_is_no_part_of_the_work(folder, settings):
    assert full(folder, **settings).work() == full(folder).work()


def test_planning_needs_no_package(folder):
    code = (
        "import sys; from energyprof.workload import Settings; from energyprof.workloads import unet;"
        f"unet.plan(Settings(size='full', data={folder!r})).work();"
        "sys.exit(bool({'torch', 'numpy', 'monai', 'nibabel'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_data_the_line_says_what_they_look_like():
    with pytest.raises(WorkloadError, match=r"needs --data FOLDER: dataset\.json, imagesTr") as error:
        unet.plan(Settings(size="full"))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("size", ["tiny", "base"])
def test_sizes_with_data_of_their_own_take_none(folder, size):
    with pytest.raises(WorkloadError, match=f"{size} brings its own data: leave --data out"):
        unet.plan(Settings(size=size, data=folder))


def test_broken_data_are_refused_before_anything_starts(folder, tmp_path):
    broken = shutil.copytree(folder, tmp_path / "broken")
    (broken / "labelsTr/case_2.nii.gz").unlink()
    with pytest.raises(WorkloadError, match=r"labelsTr/case_2\.nii\.gz is not there"):
        full(broken)


def test_phases_and_scores_come_in_the_order_of_the_contract(folder):
    events = list(micro(folder, max_samples=20).train(0))
    told = [e for e in events if isinstance(e, Mark) or (isinstance(e, Progress) and e.score is not None)]
    assert isinstance(events[0], Facts)
    assert [getattr(e, "name", "score") for e in told] == [
        *("warmup", "train", "eval", "score", "train", "eval", "score")
    ]
    assert [e.samples for e in told] == [0, 6, 16, 16, 16, 20, 20]


def test_it_learns_to_segment_volumes_it_has_not_seen(folder):
    scores = curve(micro(folder, {"eval_every_samples": 96}, max_samples=96))
    assert scores[-1] > 0.7  # half of either class by chance would be 0.1


def test_the_same_seed_gives_the_same_curve_with_any_number_of_workers(folder):
    no_sync = curve(micro(folder))
    assert len(no_sync) == 2
    assert curve(micro(folder, workers=2)) == no_sync
    assert curve(micro(folder), seed=1) != no_sync


def test_several_modalities_are_channels_of_one_image(tmp_path):
    folder = fake.write(tmp_path, fake.SIZES[:3], modality=("FLAIR", "T1w"))
    workload = micro(str(folder))
    images, labels = next(iter(workload_batches(workload)))
    assert images.shape == (2, 2, 16, 16, 16)
    assert labels.shape == (2, 1, 16, 16, 16)
    assert len(curve(workload)) == 2


def test_volumes_of_several_spacings_are_trained_at_their_median(tmp_path):
    spacings = [(1.0, 1.0, 1.0), (1.0, 1.0, 2.0), (1.0, 1.0, 3.0)]
    workload = micro(str(fake.write(tmp_path, spacings_mm=spacings)))
    x_mm, y_mm, z_mm = workload.config["spacing_mm"]
    assert (x_mm, y_mm) == (1.0, 1.0)
    assert 1.0 <= z_mm <= 3.0
    depths = [volume.label().shape[2] for volume in (*workload.training, *workload.validation)]
    stored = [size[2] * spacings[number % 3][2] for number, size in enumerate(fake.SIZES)]
    assert sorted(depths) == sorted(round(length / z_mm) for length in stored)
    assert len(curve(workload)) == 2


def test_volumes_smaller_than_the_patch_are_trained_on(tmp_path):
    folder = fake.write(tmp_path, [(9, 10, 12), (20, 24, 18), (22, 20, 30)])
    assert len(curve(micro(str(folder), {"patch": [24, 24, 24]}))) == 2


def test_a_fraction_of_the_data_leaves_the_validation_as_it_is(folder):
    whole, half = micro(folder), micro(folder, data_fraction=0.5)
    assert (len(whole.training), len(half.training)) == (4, 2)
    assert half.validation == whole.validation


@pytest.mark.parametrize(
    "options", [{"precision": "bf16"}, {"channels_last": True}, {"grad_accum": 2}], ids=str
)
def test_what_a_study_turns_trains(folder, options):
    assert 0 <= curve(micro(folder, max_samples=8, **options))[-1] <= 1


def test_a_perfect_network_scores_one_and_an_empty_one_nothing(folder):
    workload = micro(folder)
    labels = [torch.from_numpy(volume.label().copy()).long() for volume in workload.validation]
    workload.config = {**workload.config, "patch": list(labels[0].shape)}
    perfect = torch.nn.functional.one_hot(labels[0], 3).movedim(-1, 0)[None].float()
    assert workload.evaluate(lambda windows: perfect) == (1.0, 1)
    assert workload.evaluate(lambda windows: torch.zeros_like(perfect)) == (0.0, 1)


def test_a_case_without_foreground_is_not_scored(tmp_path):
    import numpy as np

    folder = fake.write(tmp_path, fake.SIZES)
    held_out = micro(str(folder)).validation
    assert len(held_out) == 1
    for case in unet.decathlon.read(folder).validation:
        fake.save(case.label, np.zeros(case.shape, np.uint8))
    with pytest.raises(WorkloadError, match="no validation case holds any label but the background") as error:
        micro(str(folder))
    assert "\n" not in str(error.value)


def test_a_file_broken_inside_is_one_line_before_training(folder, tmp_path):
    broken = shutil.copytree(folder, tmp_path / "broken")
    path = broken / "imagesTr/case_1.nii.gz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))
    with pytest.raises(WorkloadError, match=r"case_1\.nii\.gz is broken") as error:
        micro(str(broken), workers=2)
    assert "\n" not in str(error.value)


def test_facts_tell_what_loads_the_data(folder):
    facts = micro(folder, workers=3).facts()
    assert facts["workers"] == 3
    assert facts["device"] == "cpu"


def test_each_part_of_a_step_can_be_measured_alone(folder):
    workload = micro(folder, max_samples=4, workers=1)
    list(workload.train(0))
    parts = [e.name for e in workload.breakdown(0.05) if isinstance(e, Mark)]
    assert parts == ["part:data", "part:forward_backward", "part:optimiser", "part:end"]


def test_the_network_of_the_full_size_is_nnunets(tmp_path):
    with torch.device("meta"):
        config = {"modality": ["CT"], "labels": ["background", "kidney", "tumour"]}
        recipe = unet.RECIPES["full"]
        strides = [[1, 1, 1], *[[2, 2, 2]] * 5]
        model = unet.unet_volumes.network({**config, "channels": recipe["channels"], "strides": strides})
        out = model(torch.empty(1, 1, *recipe["patch"]))
    assert out.shape == (1, 3, 128, 128, 128)
    assert sum(weight.numel() for weight in model.parameters()) == pytest.approx(31e6, rel=0.02)


def test_two_processes_train_the_same_curve_as_one(tmp_path):
    folder = fake.write(tmp_path, [*fake.SIZES, *fake.SIZES])  # two to validate: one for each
    load = "from fakes import micro_volumes; micro_volumes.load()"
    two = forked.printed(2, micro_volumes.__file__, str(folder), before=load)
    assert two == pytest.approx(curve(micro(str(folder))), rel=1e-3)


def workload_batches(workload):
    """The batches it would train on."""
    cut = unet.unet_volumes.patches.Patches(workload.training, workload.scales, workload.config, 0)
    return islice(unet.unet_volumes.patches.micro_batches(cut, 0, torch.device("cpu")), 3)
