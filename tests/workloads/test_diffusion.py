"""The diffusion workload: what makes it the same work, and that it trains as its contract says."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from energyprof.workload import Facts, Mark, Progress, Settings, WorkloadError
from energyprof.workloads import diffusion, latent, stable_diffusion
from energyprof.workloads.data import views
from fakes import images, unpacked
from fakes import stable_diffusion as fake

# A model of a few thousand weights on a few small images.
MICRO = {
    "model": fake.MICRO,
    "resolution": 32,
    "validation_items": 6,
    "train_slabs_mm": [[30, 37]],
    "room": 4,
}
SHORT = Settings(max_samples=64, batch_size=8, device="cpu")


@pytest.fixture
def torch(monkeypatch):
    """Torch with diffusers and the data beside it; its process-wide switches are put back."""
    for needed in ("diffusers", "transformers", "nilearn", "nibabel", "PIL"):
        pytest.importorskip(needed)
    torch = pytest.importorskip("torch")
    unpacked.once(monkeypatch)
    yield torch
    torch.use_deterministic_algorithms(False)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A micro model in diffusers' layout."""
    for needed in ("torch", "diffusers", "transformers"):
        pytest.importorskip(needed)
    return fake.write(tmp_path_factory.mktemp("model") / "micro")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """24 captioned images."""
    pytest.importorskip("PIL")
    return images.write(tmp_path_factory.mktemp("data") / "images")


def prepared(settings=SHORT, **config):
    """The workload of the settings at micro size, with parts of its configuration replaced."""
    plan = diffusion.plan(settings)
    micro = {key: value for key, value in MICRO.items() if settings.model is None or key != "model"}
    workload = diffusion.build(replace(plan, config={**plan.config, **micro, **config}))
    workload.prepare()
    return workload


def curve(workload, seed=0):
    """The scores of one training."""
    return [e.score for e in workload.train(seed) if isinstance(e, Progress) and e.score is not None]


def refusal(settings, program=diffusion.plan) -> str:
    """The line with which something ends."""
    with pytest.raises(WorkloadError) as error:
        program(settings)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    "settings",
    [
        Settings(size="huge"),
        Settings(precision="int8"),
        Settings(batch_size=0),
        Settings(data_fraction=0.0),
        Settings(target=0.0),
        Settings(max_samples=0),
        Settings(prediction="sample"),
        Settings(lora=4),
        Settings(model="/not/there"),
        Settings(data="/not/there"),
    ],
    ids=str,
)
def test_a_setting_out_of_range_is_one_line(settings):
    assert len(refusal(settings)) < 120


@pytest.mark.parametrize(
    "settings",
    [
        Settings(batch_size=4),
        Settings(precision="bf16"),
        Settings(data_fraction=0.5),
        Settings(size="base"),
        Settings(target=0.7),
        Settings(prediction="v_prediction"),
        Settings(ema=True),
        Settings(channels_last=True),
        Settings(model="someone/something"),
    ],
    ids=str,
)
def test_a_setting_that_changes_the_work_changes_its_id(settings):
    assert diffusion.plan(settings).work() != diffusion.plan(Settings()).work()


def test_the_prediction_it_has_anyway_is_no_other_work():
    assert diffusion.plan(Settings(prediction="epsilon")).work() == diffusion.plan(Settings()).work()


def test_where_it_runs_is_no_part_of_the_work():
    elsewhere = Settings(device="cuda:1", max_samples=99, workers=3)
    assert diffusion.plan(elsewhere).work() == diffusion.plan(Settings()).work()


@pytest.mark.parametrize("option", ["data", "model"])
@pytest.mark.slow
def test_files_are_part_of_the_work_and_their_place_is_not(option, model, folder, tmp_path):
    there = {"data": folder, "model": model}[option]
    changed = {"data": "1.jpg", "model": "unet/config.json"}[option]
    copied = Path(shutil.copytree(there, tmp_path / "copy"))
    ids = [diffusion.plan(Settings(**{option: str(path)})).work() for path in (there, copied)]
    assert ids[0] == ids[1]
    (copied / changed).write_bytes((copied / changed).read_bytes() + b" ")
    assert diffusion.plan(Settings(**{option: str(copied)})).work() != ids[0]
    assert str(tmp_path) not in json.dumps(diffusion.plan(Settings(**{option: str(copied)})).config)


def test_a_plan_is_json_and_names_the_data_by_checksum():
    config = json.loads(json.dumps(diffusion.plan(Settings()).config))
    assert set(config["data_sha256"]) == {"t1", "gm", "wm"}


def test_every_size_says_what_it_is_and_can_be_planned():
    assert set(diffusion.SIZES) == set(diffusion.RECIPES)
    for size, line in diffusion.SIZES.items():
        assert line
        assert diffusion.plan(Settings(size=size)).size == size


@pytest.mark.slow
def test_phases_and_scores_come_in_the_order_of_the_contract(torch):
    facts, *events = prepared(eval_every_samples=28).train(0)
    assert isinstance(facts, Facts)
    assert facts.facts["flops_per_sample"] > facts.facts["parameters"]
    told = [e for e in events if isinstance(e, Mark) or e.score is not None]
    # evaluations come with the first whole batch at or past 28, 56 and the end, 64
    assert [(type(e).__name__, getattr(e, "name", ""), e.samples) for e in told] == [
        ("Mark", "warmup", 0),
        ("Mark", "train", 24),
        ("Mark", "eval", 32),
        ("Progress", "", 32),
        ("Mark", "train", 32),
        ("Mark", "eval", 56),
        ("Progress", "", 56),
        ("Mark", "train", 56),
        ("Mark", "eval", 64),
        ("Progress", "", 64),
    ]
    assert all(e.score > 0 for e in told if isinstance(e, Progress))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_curve_and_another_seed_another(torch):
    short = replace(SHORT, max_samples=32)
    workload = prepared(short, eval_every_samples=16)
    first = curve(workload, 3)
    assert len(first) == 2
    assert curve(workload, 3) == first
    assert curve(prepared(short, eval_every_samples=16), 3) == first
    assert curve(workload, 4) != first


@pytest.mark.slow
def test_training_makes_it_better_than_predicting_nothing(torch):
    workload = prepared(replace(SHORT, max_samples=400), learning_rate=1e-2, eval_every_samples=400)
    assert nothing(workload) == pytest.approx(1, abs=0.1)
    assert curve(workload)[-1] < 0.9 * nothing(workload)


STEPS = replace(SHORT, max_samples=24)


@pytest.fixture(scope="module")
def plain_scores():
    """The curve of a few steps without any option."""
    pytest.importorskip("diffusers")
    return curve(prepared(STEPS))


@pytest.mark.parametrize(
    "settings",
    [
        replace(STEPS, prediction="v_prediction"),
        replace(STEPS, ema=True),
        replace(STEPS, precision="bf16"),
        replace(STEPS, grad_accum=2),
        replace(STEPS, data_fraction=0.2),
    ],
    ids=["v_prediction", "ema", "bf16", "grad_accum", "data_fraction"],
)
@pytest.mark.slow
def test_every_option_trains_another_way(torch, plain_scores, settings):
    scores = curve(prepared(settings))
    assert len(scores) == 1
    assert math.isfinite(scores[0])
    assert scores != plain_scores


@pytest.mark.slow
def test_channels_last_lays_all_parts_out_so_and_trains_alike(torch, plain_scores):
    workload = prepared(replace(STEPS, channels_last=True))
    assert curve(workload) == pytest.approx(plain_scores, rel=1e-3)
    assert workload.models.vae.encoder.conv_in.weight.is_contiguous(memory_format=torch.channels_last)


def answering(answer):
    """A model that says what ``answer`` makes of noisy latents and timesteps."""
    return lambda noisy, timesteps, text, return_dict: (answer(noisy, timesteps),)


def nothing(workload) -> float:
    """The score of a model that always says 0."""
    total, items = workload.evaluate(answering(lambda noisy, timesteps: 0 * noisy))
    return total / items


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@pytest.mark.slow
def test_whoever_knows_the_truth_scores_zero(torch, prediction):
    workload = prepared(replace(SHORT, prediction=prediction))
    left = iter(workload.validation)

    def knowing(noisy, timesteps):
        batch = next(left)
        a, s = batch.kept.sqrt(), (1 - batch.kept).sqrt()
        clean = (noisy - s * batch.noise) / a
        return batch.noise if prediction == "epsilon" else a * batch.noise - s * clean

    total, items = workload.evaluate(answering(knowing))
    assert items == 6
    assert total / items < 1e-6


@pytest.mark.slow
def test_validation_is_the_same_in_every_run_and_spread_over_all_timesteps(torch):
    first, again = (prepared().validation for _ in range(2))
    for a, b in zip(first, again, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
    timesteps = torch.cat([batch.timesteps for batch in first])
    assert sorted(timesteps.tolist()) == [83, 250, 416, 583, 750, 916]


@pytest.mark.slow
def test_latents_of_random_weights_look_like_trained_ones(torch):
    workload = prepared()
    batch = next(workload.training.batches(iter([views.plain(torch.arange(24))])))
    latents, _ = workload.models.encoded(*batch, None)
    assert latents.shape == (24, 4, 16, 16)
    assert latents.std() == pytest.approx(1, abs=0.1)
    assert latents.mean(dim=(0, 2, 3)).abs().max() < 0.1
    drawn, _ = workload.models.encoded(*batch, torch.Generator())
    assert 0 < (drawn - latents).abs().max() < 0.01


@pytest.mark.slow
def test_frozen_parts_compute_in_the_low_precision_and_the_trained_one_keeps_its_own(torch):
    workload = prepared(replace(SHORT, precision="bf16"))
    for part in (workload.models.vae, workload.models.text_encoder):
        assert {(w.dtype, w.requires_grad) for w in part.parameters()} == {(torch.bfloat16, False)}
        assert not part.training
    assert {(w.dtype, w.requires_grad) for w in workload.models.unet().parameters()} == {
        (torch.float32, True)
    }


@pytest.mark.slow
def test_one_step_encodes_images_and_captions_anew(torch):
    workload = prepared()
    calls = []
    for part in (workload.models.vae.encoder, workload.models.text_encoder):
        part.register_forward_hook(lambda module, *_: calls.append(type(module).__name__))
    training = workload.train(0)
    next(training)
    calls.clear()
    while not isinstance(next(training), Progress):
        pass
    assert sorted(calls) == ["CLIPTextModel", "Encoder"]


@pytest.mark.slow
def test_an_image_folder_trains_the_same_whatever_the_workers(torch, folder):
    asked = replace(SHORT, data=str(folder), max_samples=40)
    found = [prepared(replace(asked, workers=workers), eval_every_samples=16) for workers in (0, 2)]
    assert [len(w.training) for w in found] == [22, 22]
    first, second = (curve(workload) for workload in found)
    assert len(first) == 3
    assert first == second


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.slow
def test_an_image_that_breaks_during_training_is_one_line(torch, folder, tmp_path, workers):
    copied = Path(shutil.copytree(folder, tmp_path / "images"))
    workload = prepared(replace(SHORT, data=str(copied), workers=workers))
    broken = workload.training.files[3]
    broken.write_bytes(b"")
    assert str(broken) in refusal(None, lambda _: list(workload.train(0)))


@pytest.mark.slow
def test_a_model_folder_gives_weights_tokenizer_and_prediction(torch, model):
    from diffusers import UNet2DConditionModel

    workload = prepared(replace(SHORT, model=str(model)))
    stored = UNet2DConditionModel.from_pretrained(model / "unet").state_dict()
    assert all(torch.equal(w, stored[name]) for name, w in workload.models.unet().state_dict().items())
    assert workload.models.schedule.config.prediction_type == "v_prediction"
    # start, a, b with an end of word, then ends
    assert workload.models.tokens(["ab"])[0, :5].tolist() == [52, 0, 27, 53, 53]
    assert math.isfinite(curve(workload)[-1])


@pytest.mark.slow
def test_a_model_can_be_asked_for_another_prediction(torch, model):
    loaded = latent.loaded(str(model), "epsilon")
    assert loaded.schedule.config.prediction_type == "epsilon"


@pytest.mark.slow
def test_a_model_that_lacks_something_is_refused(torch, model, tmp_path):
    from safetensors.torch import load_file, save_file

    copied = Path(shutil.copytree(model, tmp_path / "model"))
    weights = copied / "vae" / "diffusion_pytorch_model.safetensors"
    some = dict(list(load_file(weights).items())[2:])
    save_file(some, weights)
    assert "vae" in refusal(str(copied), lambda path: latent.loaded(path, None))
    weights.write_bytes(b"broken")
    assert "vae, cannot be loaded" in refusal(str(copied), lambda path: latent.loaded(path, None))
    shutil.rmtree(copied / "tokenizer")
    assert refusal(Settings(model=str(copied))).startswith(f"{copied} has no folder tokenizer")


@pytest.mark.slow
def test_a_unet_that_takes_more_than_latents_and_a_caption_is_refused(torch, model, tmp_path):
    from diffusers import UNet2DConditionModel

    copied = Path(shutil.copytree(model, tmp_path / "model"))
    UNet2DConditionModel(**{**fake.MICRO["unet"], "in_channels": 9}).save_pretrained(copied / "unet")
    found = latent.loaded(str(copied), None)
    assert "takes more or else than noisy latents" in refusal(None, lambda _: found.unet())


@pytest.mark.slow
def test_captions_become_bytes_between_start_and_end(torch):
    assert latent.byte_tokens(["ab", "é", "too long"], 5, 258).tolist() == [
        [256, 97, 98, 257, 257],
        [256, 195, 169, 257, 257],
        [256, *b"too", 257],
    ]


@pytest.mark.parametrize(
    ("config", "unet", "vae", "text"),
    [
        # the published weights' counts
        (stable_diffusion.SD15, 859_520_964, 83_653_863, 123_060_480),
        (stable_diffusion.SD21, 865_910_724, 83_653_863, 340_387_840),
    ],
    ids=["1.5", "2.1"],
)
@pytest.mark.slow
def test_published_models_have_their_published_size(torch, config, unet, vae, text):
    import diffusers
    import transformers

    with torch.device("meta"):
        parts = (
            diffusers.UNet2DConditionModel(**config["unet"]),
            diffusers.AutoencoderKL(**config["vae"]),
            transformers.CLIPTextModel(transformers.CLIPTextConfig(**config["text_encoder"])),
        )
    assert [sum(w.numel() for w in part.parameters()) for part in parts] == [unet, vae, text]
