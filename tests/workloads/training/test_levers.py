"""Levers of the training: what each makes of a model, its optimiser and its steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from energyprof.workload import Plan, Settings, Target, WorkloadError
from energyprof.workloads import planning
from energyprof.workloads.training import blocks, levers, loop, order, quantisation
from energyprof.workloads.training.levers import distillation, growing, pruning
from fakes import toy

pytestmark = pytest.mark.slow
RECIPE = {"batch_size": 8, "optimiser": "AdamW", "learning_rate": 0.01, "target": 0.9, "max_samples": 64}
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


def test_a_network_that_cannot_be_followed_is_refused_in_one_line() -> None:
    pytest.importorskip("torch_pruning")

    class Folded(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = torch.nn.Conv2d(1, 32, 1)
            self.last = torch.nn.Conv2d(8, 1, 1)

        def forward(self, x: Any) -> Any:
            n, _, height, width = x.shape
            return self.last(self.first(x).view(n, 8, 4, height, width).sum(dim=2))

    with pytest.raises(WorkloadError, match=r"^torch-pruning cannot follow this network .* mask$"):
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
        ({"distil": "base", "prune": 0.3}, "--distil tiny"),
        ({"distil": "tiny"}, "give --prune"),
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
    assert quantisation.share(model) == {"layers_int8": 2, "layers_with_weights": 2}


def test_a_network_without_linear_layers_is_not_quantised() -> None:
    with pytest.raises(WorkloadError, match="no linear layers"):
        quantisation.quantised(torch.nn.Conv2d(1, 1, 1), torch.device("cpu"))
