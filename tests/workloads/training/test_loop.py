"""The loop that every workload is trained by, on a model whose gradients can be written down."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import pytest

pytestmark = pytest.mark.slow
torch = pytest.importorskip("torch")

from energyprof.workload import Diverged, WorkloadError  # noqa: E402
from energyprof.workloads.training import checkpoint  # noqa: E402
from fakes import forked, toy  # noqa: E402


def trained(**asked):
    """What a toy training tells, without its first line, the facts."""
    return toy.told(toy.toy_loop(**asked).train())[1:]


def scores(lines):
    """The scores among the lines."""
    return [line[1] for line in lines if isinstance(line, list) and isinstance(line[0], int)]


def test_phases_come_in_order_and_samples_are_counted():
    lines = trained(max_samples=48)
    assert [line for line in lines if isinstance(line[0], str)] == [
        ["warmup", 0],
        ["eval", 16],
        ["warmup", 16],
        ["train", 24],
        ["eval", 32],
        ["train", 32],
        ["eval", 48],
    ]
    assert [line[0] for line in lines if isinstance(line[0], int)] == [16, 32, 48]


def test_the_first_three_steps_are_warmup_where_no_evaluation_comes_between():
    lines = trained(max_samples=40, eval_every_samples=32)
    assert [line for line in lines if isinstance(line[0], str)][:2] == [["warmup", 0], ["train", 24]]


def test_the_line_is_found():
    *_, last = trained(max_samples=800)
    assert last[1] < 1e-3


def test_each_step_is_gradient_descent_on_the_mean_loss_of_its_batch():
    # One batch of all 32 points, one step: w and b move by -rate × the mean gradient.
    score = scores(trained(max_samples=32, batch_size=32, eval_every_samples=32))[0]
    torch.manual_seed(0)
    line = torch.nn.Linear(1, 1)
    w, b = line.weight.item(), line.bias.item()
    points = [(-1 + 2 * i / 31, 2 * (-1 + 2 * i / 31) + 1) for i in range(32)]
    w_slope = sum(2 * (w * x + b - y) * x for x, y in points) / 32
    b_slope = sum(2 * (w * x + b - y) for x, y in points) / 32
    w, b = w - 0.1 * w_slope, b - 0.1 * b_slope
    assert score == pytest.approx(sum((w * x + b - y) ** 2 for x, y in points) / 32, rel=1e-5)


def test_accumulated_gradients_give_the_same_curve():
    assert scores(trained(grad_accum=4)) == pytest.approx(scores(trained()), rel=1e-5)


def test_averaged_weights_are_what_is_scored():
    # Weights that keep everything of the average never leave the start.
    still = scores(trained(averaging=1.0))
    assert still == [still[0]] * len(still)
    assert scores(trained(averaging=0.0)) == pytest.approx(scores(trained()), rel=1e-5)


def test_the_same_seed_gives_the_same_curve_and_another_seed_another():
    assert trained(seed=3) == trained(seed=3)
    assert trained(seed=3) != trained(seed=4)


def test_bf16_computes_the_loss_in_bf16_and_keeps_the_weights_in_fp32():
    training = toy.toy_loop(precision="bf16")
    toy.told(training.train())
    assert all(weight.dtype == torch.float32 for weight in training._weights)
    assert scores(trained(precision="bf16")) != scores(trained())


def test_a_loss_that_is_no_number_is_a_divergence():
    with pytest.raises(Diverged, match=r"the loss is (inf|nan) after 16 samples"):
        trained(rate=math.inf)


def test_a_loss_that_grows_threefold_is_a_collapse():
    with pytest.raises(Diverged, match=r"the loss has risen from .* to .* after \d+ samples"):
        trained(rate=1.2, max_samples=400)


def test_facts_count_parameters_bytes_and_operations():
    facts, *_ = toy.told(toy.toy_loop().train())
    # y = w x + b: one product forward, one for the gradient of w backward (x needs none); each counts as 2.
    assert facts == {
        "processes": 1,
        "parameters": 2,
        "parameters_trained": 2,
        "parameter_bytes": 8,
        "flops_per_sample": 4,
    }


def test_counting_operations_leaves_the_training_as_it_was(monkeypatch):
    lines = trained()
    monkeypatch.setattr("energyprof.workloads.training.counted.flop_counter", lambda: None)
    assert trained() == lines


def test_each_part_of_a_step_gets_a_phase_of_its_own_and_counts_on():
    training = toy.toy_loop(max_samples=16)
    toy.told(training.train())
    facts, *phases = toy.told(training.breakdown(0.02))
    assert set(facts) == {"optimiser_bytes", "peak_rss_bytes"}
    assert [name for name, _ in phases] == [
        "part:data",
        "part:forward_backward",
        "part:optimiser",
        "part:end",
    ]
    counts = [samples for _, samples in phases]
    assert counts[0] == 16
    assert all(b > a and (b - a) % 8 == 0 for a, b in pairwise(counts))


def test_without_a_breakdown_no_part_is_told():
    training = toy.toy_loop(max_samples=16)
    toy.told(training.train())
    assert [set(line) for line in toy.told(training.breakdown(0))] == [{"optimiser_bytes", "peak_rss_bytes"}]


def test_a_checkpoint_follows_every_evaluation_and_is_gone_afterwards(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    seen = []
    for event in toy.toy_loop(max_samples=48, checkpoint=True).train():
        for path in tmp_path.glob("*/checkpoint.pt"):
            seen.append(torch.load(path, weights_only=True)["samples"])
        if getattr(event, "name", "") == "checkpoint":
            seen.append("phase")
    # The third is written after the last event.
    assert [step for i, step in enumerate(seen) if step not in seen[:i]] == ["phase", 16, 32]
    assert seen.count("phase") == 3
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_takes_no_checkpoint_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with checkpoint.Checkpoint(True) as saved:
        (folder,) = tmp_path.iterdir()
        (folder / "checkpoint.part").symlink_to("/dev/full")
        with pytest.raises(WorkloadError, match="the checkpoint cannot be written") as error:
            saved.write(lambda: {"weights": torch.zeros(1 << 18)})
    assert "\n" not in str(error.value)


def test_two_processes_train_the_same_curve_as_one():
    asked = {"max_samples": 48, "checkpoint": True}
    one = toy.told(toy.toy_loop(**asked).train())
    two = forked.printed(2, toy.__file__, json.dumps(asked), before="import torch._dynamo")
    assert (one[0]["processes"], two[0]["processes"]) == (1, 2)
    assert scores(two[1:]) == pytest.approx(scores(one[1:]), rel=1e-5)
    parts = [line[0] for line in two[1:] if isinstance(line, list) and str(line[0]).startswith("part:")]
    assert parts == ["part:data", "part:forward_backward", "part:optimiser", "part:end"]
