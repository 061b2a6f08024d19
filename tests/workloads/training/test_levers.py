"""Levers of the training: what each makes of a model, its optimiser and its steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from energyprof.workload import Plan, Settings, Target, WorkloadError
from energyprof.workloads import planning
from energyprof.workloads.training import afterwards, blocks, levers, loop, order, quantisation
from energyprof.workloads.training.levers import distillation, growing, pruning, rounding, sparsity
from fakes import toy

pytestmark = pytest.mark.slow
RECIPE = {
    "batch_size": 8,
    "optimiser": "AdamW",
    "learning_rate": 0.01,
    "target": 0.9,
    "max_samples": 64,
    "eval_every_samples": 16,
}
RECIPES = {"tiny": RECIPE}
TARGET = Target("dice", 0.9, "max")


def network() -> Any:
    """Convolutions of 32 and 64 channels around one that PReLU and a skip hide from tracing."""
    from monai.networks.nets import UNet

    return UNet(2, 1, 3, channels=(32, 64), strides=(2,), num_res_units=1)


def training(model: Any = None, averaging: float | None = None, **config: Any) -> loop.Loop:
    """A few steps of a small U-Net on noise."""
    device = torch.device("cpu")
    whole = {**toy.CONFIG, "learning_rate": 0.01, "optimiser": "AdamW", **config}
    plan = Plan("toy", "tiny", whole, Target("mse", 0.0, "min"), 32, Settings())
    torch.manual_seed(0)
    model = network() if model is None else model
    images = torch.rand(8, 1, 16, 16)

    def batches() -> Any:
        for pick in order.micro_batches(8, plan.config, 0, device):
            yield images[pick]

    task = loop.Task(
        model=model,
        batches=batches(),
        loss=lambda called, batch: (called(batch) - batch).square().mean(),
        evaluate=lambda scored: (float((scored(images) - images).square().mean()), 1),
        optimiser=torch.optim.AdamW(model.parameters(), 0.01),
        rate=lambda step: 1.0,
        averaging=averaging,
    )
    return loop.Loop(plan, device, task, 0)


def scores(trained: loop.Loop) -> list[float]:
    return [
        line[1] for line in toy.told(trained.train()) if isinstance(line, list) and isinstance(line[0], int)
    ]


def weights(made: loop.Loop) -> int:
    return sum(weight.numel() for weight in made.trained().model.parameters())


@pytest.mark.parametrize("averaging", [None, 0.9])
def test_pruned_channels_are_gone_and_what_is_left_trains(averaging: float | None) -> None:
    pytest.importorskip("torch_pruning")
    plain, narrow = training(averaging=averaging), training(averaging=averaging, prune=1 / 3)
    assert weights(narrow) < 0.7 * weights(plain)
    assert narrow.facts["flops_per_sample"] < 0.8 * plain.facts["flops_per_sample"]
    assert narrow.facts["parameters_unpruned"] == plain.facts["parameters"]
    first, *_, last = scores(narrow)
    assert last < first


def test_the_same_weights_are_pruned_alike() -> None:
    pytest.importorskip("torch_pruning")
    twice = [training(prune=0.3).facts["widths_sha256"] for _ in range(2)]
    assert twice[0] == twice[1] != training(prune=0.6).facts["widths_sha256"]


@pytest.mark.parametrize("averaging", [None, 0.9])
def test_masked_weights_stay_zero_and_cost_what_they_did(averaging: float | None) -> None:
    plain = training(averaging=averaging)
    masked = training(averaging=averaging, prune=1 / 3, prune_kind="mask")
    assert weights(masked) == weights(plain)
    assert masked.facts["flops_per_sample"] == plain.facts["flops_per_sample"]
    scores(masked)
    model = masked.trained().model
    model(torch.rand(1, 1, 16, 16))
    layers = list(pruning._layers(model))
    zeros = sum(int((layer.weight == 0).sum()) for layer in layers)
    whole = sum(layer.weight.numel() for layer in layers)
    assert zeros == masked.facts["weights_masked"] == pytest.approx(whole / 3, abs=len(layers))


@pytest.mark.parametrize("seed", range(3))
def test_a_network_of_which_nothing_can_go_is_refused_in_one_line(seed: int) -> None:
    pytest.importorskip("torch_pruning")

    class Folded(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = torch.nn.Conv2d(1, 32, 1)
            self.last = torch.nn.Conv2d(8, 1, 1)

        def forward(self, x: Any) -> Any:
            n, _, height, width = x.shape
            return self.last(self.first(x).view(n, 8, 4, height, width).sum(dim=2))

    torch.manual_seed(seed)  # by its weights torch-pruning fails on it, or takes nothing
    with pytest.raises(WorkloadError, match=r"^torch-pruning .* this network.* mask$"):
        training(Folded(), prune=0.5)


def test_frozen_blocks_keep_their_weights_and_the_others_learn() -> None:
    made = training(freeze=0.5)
    before = {name: weight.clone() for name, weight in made.trained().model.named_parameters()}
    scores(made)
    assert made.facts["frozen"]
    for name, weight in made.trained().model.named_parameters():
        frozen = any(name.startswith(block + ".") for block in made.facts["frozen"])
        assert torch.equal(weight, before[name]) is frozen, name
    assert made.facts["parameters_trained"] < made.facts["parameters"]


def test_something_is_left_to_learn_however_much_is_frozen() -> None:
    assert training(freeze=0.95).facts["parameters_trained"] > 0


def test_computing_again_learns_the_same_and_counts_more_operations() -> None:
    plain, again = training(averaging=0.9), training(averaging=0.9, recompute=True)
    assert again.facts["flops_per_sample"] > plain.facts["flops_per_sample"]
    assert scores(again) == pytest.approx(scores(plain), rel=1e-5)


@pytest.mark.parametrize("kind", ["SGD", "Adafactor"])
def test_another_optimiser_takes_the_steps(kind: str) -> None:
    if not hasattr(torch.optim, kind):
        pytest.skip("torch 2.5 has it")
    made = training(optimiser=kind)
    assert type(made._task.optimiser).__name__ == kind
    assert scores(made) != scores(training())


def test_without_a_lever_a_task_is_left_as_it_is() -> None:
    assert not any(row.turned({"optimiser": "AdamW", "precision": "bf16"}) for row in levers.LEVERS)
    assert [row.key for row in levers.LEVERS if row.turned({"freeze": 0.5, "precision": "fp8"})] == [
        "freeze",
        "precision",
    ]


def test_a_levers_code_is_part_of_the_work_that_it_is_turned_for() -> None:
    def sources(**settings: Any) -> set[str]:
        recipe = planning.recipe_of("unet", Settings(**settings), RECIPES)
        plan = planning.plan_of("unet", Settings(**settings), recipe, ("dice", "max"), (__file__,))
        return {Path(source).name for source in plan.sources}

    assert sources() == sources(optimiser="adamw", prune_kind=None) == {Path(__file__).name}
    assert sources(prune=0.3) - sources() == {"pruning.py", "forward.py"}
    assert sources(optimiser="sgd") - sources() == {"optimisers.py"}


def test_named_settings_that_say_the_default_are_the_same_work() -> None:
    def config(**settings: Any) -> Any:
        return planning.recipe_of("unet", Settings(**settings), RECIPES)

    assert config(optimiser="adamw", recompute=False) == config()
    assert config(prune=0.3, prune_kind="channels") == config(prune=0.3)
    assert config(optimiser="sgd")["learning_rate"] == pytest.approx(0.1)
    assert config(optimiser="sgd", learning_rate=0.02)["learning_rate"] == 0.02


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"prune_kind": "mask"}, "give --prune, too"),
        ({"grow": 0.5}, "give both"),
        ({"distil": "tiny"}, "give --prune, a larger size, or a folder"),
        ({"distil": "nowhere"}, "--distil nowhere: neither a size nor a folder that --keep has written"),
        ({"distil": "tiny", "prune": 0.3, "nproc": 2}, "leave --nproc out"),
        ({"distil": "tiny", "prune": 0.3, "compile": True}, "leave --compile out"),
        ({"distil": "tiny", "prune": 0.3, "max_samples": 1}, "a teacher is first scored after .* samples"),
        ({"sparsity": "2:4"}, "unet has no --sparsity: leave it out, or train transformer or diffusion"),
        ({"cache_features": True, "freeze": 0.5}, "unet changes its images anew each time, so that nothing"),
        ({"data_cache": "zstd"}, "--data-cache is of data that are decoded, those of --data"),
        ({"data_cache": "decoded", "data": "/"}, "keeps its volumes decoded in any case"),
        ({"qat": "int8", "prune": 0.3, "prune_kind": "mask"}, "--qat and --prune-kind mask do not go"),
        ({"qat": "int8", "precision": "fp16"}, "--qat and --precision fp16 do not go together"),
        ({"qat": "int8", "compile": True}, "--qat and --compile do not go together"),
        ({"qat": "int8", "paradigm": "federated"}, "--qat: only for central training"),
        ({"data_cache": "zstd", "data": "/", "paradigm": "federated"}, "--data-cache: only for central"),
        (
            {"quantise": "int8", "inference_s": 1.0},
            "unet has no --quantise: leave it out",
        ),
        ({"prune": 1.0}, "prune 1.0: use more than 0, at most 0.95"),
        ({"optimiser": "lion"}, "unknown optimiser 'lion'"),
        ({"patience": 0}, "patience 0: use 1 or more"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(WorkloadError, match=says):
        planning.recipe_of("unet", Settings(**settings), RECIPES)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"cache_features": True}, "give --freeze, too"),
        ({"cache_features": True, "freeze": 0.5, "compile": True}, "--cache-features and --compile do not"),
        ({"cache_features": True, "freeze": 0.5, "grow": 0.5, "grow_samples": 8}, "and --grow do not"),
        ({"sparsity": "2:4", "lora": 4}, "--sparsity and --lora do not go together"),
        ({"sparsity": "2:4", "qat": "int8"}, "--qat and --sparsity do not go together"),
        ({"distil": "base", "model": "/"}, "--distil base: of your --model only the same size can teach"),
    ],
)
def test_what_a_transformer_cannot_do_is_refused_in_one_line(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(WorkloadError, match=says) as error:
        planning.recipe_of("transformer", Settings(**settings), {**RECIPES, "base": RECIPE})
    assert "\n" not in str(error.value)


def test_a_teacher_of_another_size_is_other_work_than_the_same() -> None:
    recipes = {**RECIPES, "base": RECIPE}
    same, other = (
        planning.recipe_of("unet", Settings(distil=teacher, prune=0.3), recipes) for teacher in recipes
    )
    assert (same["distil"], other["distil"]) == ("tiny", "base")
    assert planning.recipe_of("unet", Settings(distil="base"), recipes)["distil"] == "base"
    volumes = {**RECIPES, "full": {**RECIPE, "patch": [8]}}
    with pytest.raises(
        WorkloadError, match="images and volumes are other networks': unet tiny learns from tiny"
    ):
        planning.recipe_of("unet", Settings(distil="full"), volumes)


def test_blocks_are_the_called_parts_that_hold_all_weights() -> None:
    model = network()
    found = blocks.blocks(model)
    called = blocks.called(found, lambda: model(torch.rand(1, 1, 16, 16)))
    assert {block.name for block in called} == {block.name for block in found}
    held = sum(weight.numel() for block in found for weight in block.module.parameters())
    assert held == sum(weight.numel() for weight in model.parameters())


def test_the_first_images_are_small_and_their_truth_with_them() -> None:
    images, truth = growing._images((torch.ones(2, 1, 80, 96), torch.ones(2, 5, 80, 96)), 0.5)
    assert (images.shape, truth.shape) == ((2, 1, 40, 48), (2, 5, 40, 48))
    odd, _ = growing._images((torch.ones(2, 1, 80, 96), torch.ones(2, 5, 80, 96)), 0.75)
    assert odd.shape == (2, 1, 64, 72)  # multiples of eight
    assert float(images.min()) == 1.0


def test_texts_are_cut_with_their_masks_in_any_form() -> None:
    tokens, labels = torch.zeros(2, 24, dtype=torch.int32), torch.zeros(2)
    for mask in (torch.ones(2, 24), torch.ones(2, 24, 24), torch.ones(2, 1, 24, 24)):
        short, cut, _ = growing._texts((tokens, mask, labels), 0.5)
        assert short.shape == (2, 16 if round(24 * 0.5 / 8) == 2 else 8)
        assert all(size in (1, 2, short.shape[1]) for size in cut.shape)
        assert cut.dim() == mask.dim()


def test_batches_grow_once_so_many_samples_are_drawn() -> None:
    pairs = iter([(torch.ones(8, 1, 16, 16), torch.ones(8, 2, 16, 16))] * 4)
    plan = Plan(
        "unet", "tiny", {**RECIPE, "grad_accum": 1, "grow": 0.5, "grow_samples": 16}, TARGET, 64, Settings()
    )
    task = loop.Task(None, pairs, lambda *_: 0.0, lambda _: (0.0, 1), None, lambda _: 1.0)
    sides = [images.shape[2] for images, _ in growing.turn(task, plan, torch.device("cpu"), 0).batches]
    assert sides == [8, 8, 16, 16]


def test_a_student_learns_its_own_loss_and_the_teachers_answers_half_each() -> None:
    teacher, student = torch.nn.Linear(2, 3), torch.nn.Linear(2, 3)
    batch = torch.ones(4, 2)
    loss = distillation._loss(lambda model, given: model(given).square().mean(), teacher.eval())
    found = loss(student, batch)
    apart = distillation.distance(student(batch), teacher(batch).detach())
    wanted = (student(batch).square().mean() + apart) / 2
    assert float(found.detach()) == pytest.approx(float(wanted.detach()), rel=1e-5)
    found.backward()
    assert teacher.weight.grad is None
    assert student.weight.grad is not None


def test_answers_are_nearest_where_they_are_the_same() -> None:
    answers = torch.tensor([[2.0, 0.0, -1.0]])
    same = float(distillation.distance(answers, answers))
    assert same < float(distillation.distance(answers.flip(1), answers))


def test_a_teacher_that_misses_the_target_is_refused() -> None:
    with pytest.raises(WorkloadError, match=r"the teacher came to .* not to the target"):
        training(prune=0.3, distil="tiny")


def test_linear_layers_are_in_8_bits_and_answer_nearly_the_same() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 4))
    made = quantisation.quantised(model, torch.device("cpu"))
    given = torch.randn(32, 64)
    assert not torch.equal(made(given), model(given))
    assert torch.allclose(made(given), model(given), atol=0.05)
    assert quantisation.share(model, made) == {"layers_int8": 2, "layers_with_weights": 2}


def test_what_was_trained_in_bf16_computes_in_8_bits_all_the_same() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 4))
    made = quantisation.quantised(model, torch.device("cpu"))
    given = torch.randn(32, 64)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.allclose(made(given), model(given).float(), atol=0.1)


def test_masked_weights_are_zero_in_8_bits_too() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 4))
    assert pruning._mask(model, 0.5) == (64 * 64 + 64 * 4) // 2
    given = torch.randn(32, 64)
    wanted = model(given)
    made = quantisation.quantised(model, torch.device("cpu"))
    assert torch.allclose(made(given), wanted, atol=0.05)
    assert int((made[0].weight().dequantize() == 0).sum()) >= 64 * 64 // 2
    assert quantisation.share(model, made) == {"layers_int8": 2, "layers_with_weights": 2}
    assert hasattr(model[0], "weight_mask")


def test_a_network_without_linear_layers_is_not_quantised() -> None:
    with pytest.raises(WorkloadError, match="no linear layers"):
        quantisation.quantised(torch.nn.Conv2d(1, 1, 1), torch.device("cpu"))


def rounded_layers(model: Any) -> int:
    return sum(hasattr(module, "weight_fake_quant") for module in model.modules())


@pytest.mark.parametrize("averaging", [None, 0.9])
def test_convolutions_round_in_training_and_compute_in_8_bits_later(averaging: float | None) -> None:
    made = training(averaging=averaging, qat="int8", learning_rate=0.003)
    before = training(averaging=averaging).facts
    assert made.facts["layers_rounded"] == rounded_layers(made.trained().model) > 0
    assert made.facts["parameters"] == before["parameters"]
    first, *_, last = scores(made)
    assert last < first
    trained, given = made.trained().model.eval(), torch.rand(4, 1, 16, 16)
    plain, integers = rounding.plain(trained), rounding.integers(trained)
    assert rounded_layers(plain) == rounded_layers(integers) == 0
    assert rounded_layers(trained) > 0  # both are copies
    in_8_bits = quantisation.share(plain, integers)
    assert in_8_bits["layers_int8"] == made.facts["layers_rounded"]
    assert in_8_bits["layers_int8"] < in_8_bits["layers_with_weights"]  # the transposed one is not
    with torch.no_grad():
        wanted, found, unrounded = trained(given), integers(given), plain(given)
    assert float((found - wanted).abs().mean()) < 0.1 * float(wanted.abs().mean())
    assert not torch.equal(unrounded, wanted)


def test_what_is_scored_moves_no_range_that_is_rounded_by() -> None:
    made = training(averaging=0.9, qat="int8")
    scores(made)
    ranges = [
        module.activation_post_process
        for module in made.trained().model.modules()
        if isinstance(module, torch.ao.quantization.FakeQuantize)
    ]
    activations = [r for r in ranges if r.min_val.numel() == 1]
    before = [float(r.max_val) for r in activations]
    assert before
    made.trained().score(made.trained().model)
    assert [float(r.max_val) for r in activations] == before


def test_linear_layers_round_in_training_and_are_plain_later() -> None:
    pytest.importorskip("torchao")
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(256, 256), torch.nn.Unflatten(1, (1, 16, 16))
    )
    made = training(model, averaging=0.9, qat="int8")
    assert made.facts["layers_rounded"] == made.facts["layers_with_weights"] == 1
    first, *_, last = scores(made)
    assert last < first
    found, kinds, facts = afterwards._kinds(made.trained(), _plan(qat="int8"))
    assert type(rounding.plain(made.trained().model)[1]) is torch.nn.Linear
    assert type(found.model[1]) is torch.nn.Linear
    assert [name for name, _ in kinds] == ["int8"]
    assert facts["layers_int8"] == 1
    assert facts["score_int8"] == pytest.approx(facts["score_plain"], rel=0.2)


def _plan(**config: Any) -> Plan:
    return Plan("toy", "tiny", {**toy.CONFIG, **config}, TARGET, 32, Settings())


def test_a_network_with_nothing_to_round_is_refused() -> None:
    with pytest.raises(WorkloadError, match="no layers that could be rounded: leave --qat out"):
        training(torch.nn.PReLU(), qat="int8")


def dense() -> Any:
    return torch.nn.Sequential(
        torch.nn.Flatten(),
        torch.nn.Linear(256, 64),
        torch.nn.Tanh(),
        torch.nn.Linear(64, 256),
        torch.nn.Unflatten(1, (1, 16, 16)),
    )


@pytest.mark.parametrize("averaging", [None, 0.9])
def test_two_of_four_weights_are_zero_and_stay_so_and_nothing_is_said_to_be_saved(
    averaging: float | None,
) -> None:
    made, plain = training(dense(), averaging=averaging, sparsity="2:4"), training(dense())
    first, *_, last = scores(made)
    assert last < first
    model = made.trained().model
    model(torch.rand(1, 1, 16, 16))
    for layer in (model[1], model[3]):
        zeros = (layer.weight.reshape(layer.out_features, -1, 4) == 0).sum(dim=2)
        assert zeros.min() == zeros.max() == 2
    assert made.facts["weights_masked"] == 256 * 64
    assert made.facts["zeros_left_out"] is False
    assert made.facts["flops_per_sample"] == plain.facts["flops_per_sample"]
    assert afterwards._kinds(made.trained(), _plan(sparsity="2:4"))[1:] == ([], {})


def test_the_two_larger_of_four_weights_stay() -> None:
    weight = torch.tensor([[1.0, -3.0, 2.0, 0.5, 0.0, 0.0, 0.0, 0.0]])
    assert sparsity.mask(weight).tolist() == [[0, 1, 1, 0, 0, 0, 1, 1]]


def test_zeros_are_left_out_only_where_there_is_hardware_for_it() -> None:
    assert not sparsity.in_hardware(torch.device("cpu"), "bf16")


def test_a_network_without_linear_layers_has_no_2_4() -> None:
    with pytest.raises(WorkloadError, match="leave --sparsity out"):
        training(network(), sparsity="2:4")
