"""How many samples an MLPerf run trained, whatever its log calls them, and what ran beside what."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from energyprof.compare.figures import BY_NAME, value
from energyprof.formats.console import Screen
from energyprof.formats.summary import OVERLAP, summary
from energyprof.report import importers
from energyprof.report.importers.imported import Request
from energyprof.report.importers.save import save
from energyprof.report.record import Report
from fakes.mlperf_logs import START_S, every_second, line, write_power


def imported(path: Path, **asked: object) -> Report:
    request = Request((path,), **asked)  # type: ignore[arg-type]
    return save(importers.read(request), path.with_suffix(".json"), "replaced")


def shown(report: Report) -> str:
    out = io.StringIO()
    Screen(out).print(summary(report, None))
    return out.getvalue()


def result(
    folder: Path,
    benchmark: str,
    said: dict[str, object],
    events: list[str],
    stop: dict[str, object] | None = None,
) -> Path:
    """A result of 100 s; ``said`` is what its log says at its start."""
    lines = [line(START_S, "submission_benchmark", benchmark), line(START_S, "run_start")]
    lines += [line(START_S, key, number) for key, number in said.items()]
    lines += [*events, line(START_S + 100, "run_stop", status="success", **(stop or {}))]
    path = folder / "result_0.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def evaluated(score: float, *epochs: float, every_s: float = 25.0) -> list[str]:
    return [
        line(START_S + every_s * i, "eval_accuracy", score if epoch == epochs[-1] else 0.1, epoch_num=epoch)
        for i, epoch in enumerate(epochs, 1)
    ]


UNET = {"train_samples": 168, "samples_per_epoch": 168, "global_batch_size": 56}
RETINA = {"train_samples": 999, "global_batch_size": 256}


@pytest.mark.parametrize(
    ("benchmark", "said", "epochs", "samples"),
    [
        # Epochs that come in whole training sets count samples.
        ("unet3d", UNET, (33_600, 67_200), 67_200),
        # Epochs that do not are epochs.
        ("unet3d", UNET, (1000, 1020), 171_360),
        # train_samples counts batches where batches of that size make up the known set.
        ("retinanet", {"train_samples": 4572, "global_batch_size": 256}, (1, 2), 2 * 4572 * 256),
        ("ssd", {"train_samples": 1_170_301, "global_batch_size": 256}, (1, 3), 3 * 1_170_301),
        ("ssd", {"train_samples": 458, "global_batch_size": 256}, (10, 20), 20 * 458 * 256),
        ("resnet", {"train_samples": 1_281_167, "global_batch_size": 3200}, (35,), 35 * 1_281_167),
        ("resnet", {"samples_per_epoch": 1_280_000, "global_batch_size": 3200}, (35,), 35 * 1_280_000),
        # A benchmark of which nobody here knows the set.
        ("next_big_thing", {"train_samples": 5000, "global_batch_size": 50}, (2,), 10_000),
    ],
)  # fmt: skip
def test_a_unit_is_what_all_that_the_log_says_agrees_on(tmp_path, benchmark, said, epochs, samples):
    run = imported(result(tmp_path, benchmark, said, evaluated(0.95, *epochs))).runs[0]
    assert run.samples == samples


@pytest.mark.parametrize(
    ("benchmark", "said", "epoch", "why"),
    [
        ("retinanet", RETINA, 2, "its train_samples are 999, retinanet has"),
        ("unet3d", {**UNET, "samples_per_epoch": 300}, 9, "its samples_per_epoch is 300, its train_samples"),
        ("resnet", {"samples_per_epoch": 5000}, 9, "its samples_per_epoch is 5000, resnet has 1281167"),
        ("next_big_thing", {"train_samples": 20, "global_batch_size": 256}, 9, "less than one batch of 256"),
        ("next_big_thing", {}, 9, "neither train_samples nor samples_per_epoch"),
        ("unet3d", {"samples_per_epoch": 168}, 33_601, "neither a number of epochs nor whole epochs"),
    ],
)  # fmt: skip
def test_where_they_disagree_the_figure_is_refused_and_not_the_run(tmp_path, benchmark, said, epoch, why):
    path = result(tmp_path, benchmark, said, evaluated(0.95, epoch))
    write_power(tmp_path / "power/result_0/node_0.txt", lambda t: 1000.0, every_second())
    report = imported(path)
    run = report.runs[0]
    assert (run.samples, run.energy_j) == (None, pytest.approx(100_000))
    assert any(why in note for note in report.notes)


def beside(spans: list[tuple[float, float]], evaluations: list[tuple[float, float]]) -> list[str]:
    """Blocks of training, and evaluations, from when to when."""
    events = []
    for i, (start_s, end_s) in enumerate(spans):
        events += [
            line(START_S + start_s, "block_start", samples_count=1000 * i),
            line(START_S + end_s, "block_stop"),
        ]
    for start_s, end_s in evaluations:
        count = sum(1000 for start, end in spans if end <= end_s + 1)
        events += [
            line(START_S + start_s, "eval_start", samples_count=count),
            line(START_S + end_s, "eval_accuracy", 0.95 if end_s > 90 else 0.1, samples_count=count),
            line(START_S + end_s, "eval_stop", samples_count=count),
        ]
    return events


def test_evaluation_beside_training_splits_nothing(tmp_path):
    blocks = [(10.0 * i, 10.0 * i + 9.9) for i in range(10)]
    path = result(tmp_path, "unet3d", {}, beside(blocks, [(start + 0.1, end - 0.1) for start, end in blocks]))
    write_power(tmp_path / "power/result_0/node_0.txt", lambda t: 1000.0, every_second())
    report = imported(path)
    run = report.runs[0]
    assert [phase.name for phase in run.phases if not phase.actor] == ["train"]
    evaluated = [phase for phase in run.phases if phase.actor]
    assert {(phase.name, phase.actor) for phase in evaluated} == {("eval", "evaluation")}
    times = [(round(phase.start_s, 3), round(phase.end_s, 3)) for phase in evaluated]
    assert times == [(round(start + 0.1, 3), round(end - 0.1, 3)) for start, end in blocks]
    assert run.energy_j == pytest.approx(100_000, rel=0.02)  # once, though two of its phases overlap
    per_sample = value(BY_NAME["energy_per_sample"], run)
    assert run.energy_j is not None and per_sample == pytest.approx(run.energy_j / run.samples)
    assert any("1 min 37 s of evaluation ran beside training" in n for n in report.notes)
    assert OVERLAP in shown(report)


def test_evaluation_after_training_is_a_phase_of_its_own(tmp_path):
    blocks = [(20.0 * i, 20.0 * i + 15) for i in range(5)]
    path = result(tmp_path, "unet3d", {}, beside(blocks, [(end, end + 5) for _, end in blocks]))
    write_power(tmp_path / "power/result_0/node_0.txt", lambda t: 1000.0, every_second())
    report = imported(path)
    run = report.runs[0]
    assert [phase.name for phase in run.phases][:4] == ["train", "eval", "train", "eval"]
    assert OVERLAP not in shown(report)
    assert value(BY_NAME["energy_per_sample"], run) == pytest.approx(75_000 / run.samples)


def test_a_short_phase_that_no_reading_tells_of_does_not_blank_the_training(tmp_path):
    blocks = [(0.0, 50.0), (60.0, 99.6)]
    path = result(tmp_path, "unet3d", {}, beside(blocks, [(50.0, 60.0), (99.6, 99.8)]))
    write_power(tmp_path / "power/result_0/node_0.txt", lambda t: 1000.0, every_second(-5, 99))
    run = imported(path).runs[0]
    assert run.phases[-1].name == "train" and run.phases[-1].energy_j is None
    assert value(BY_NAME["energy_per_sample"], run) == pytest.approx(90_000 / run.samples, rel=0.01)


def test_checkpoints_that_are_evaluated_afterwards_count_where_they_were_trained(tmp_path):
    blocks = [
        line(START_S + at_s, "block_start", samples_count=count)
        for at_s, count in ((0, 0), (40, 400), (80, 800), (100.2, 1000))
    ]
    scores = [
        line(START_S + late_s, "eval_accuracy", score, samples_count=count, metric=metric)
        for late_s, count, fid, clip in (
            (200, 400, 118.0, 0.13),
            (300, 800, 89.0, 0.12),
            (400, 1000, 87.0, 0.16),
        )
        for metric, score in (("FID", fid), ("CLIP", clip))
    ]
    path = result(tmp_path, "stable_diffusion", {"global_batch_size": 10}, blocks, {"step_num": 100})
    path.write_text(path.read_text() + "\n".join(scores) + "\n")
    report = imported(path)
    run = report.runs[0]
    assert (run.samples, run.status, run.score) == (1000, "reached", 87.0)
    # That of 800 samples has its FID, but not its CLIP: it is no score at the target.
    assert [(point.samples, point.time_s) for point in run.history] == [(400, 40.0), (1000, 100.0)]
    assert report.workload.target is not None and report.workload.target.metric == "FID"
    assert any("2 checkpoints were evaluated after run_stop" in note for note in report.notes)


def test_a_run_without_scores_still_says_what_it_trained(tmp_path):
    path = result(tmp_path, "next_big_thing", {"global_batch_size": 32}, [], {"step_num": 50})
    assert imported(path).runs[0].samples == 1600


@pytest.mark.parametrize(
    ("asked", "boundary"),
    [
        ({}, "node_dc"),
        ({"boundary": "wall_ac"}, "wall_ac"),
        ({"boundaries": {"node_0": "wall_ac"}}, "wall_ac"),
    ],
)
def test_ac_and_dc_are_what_the_user_states(tmp_path, asked, boundary):
    path = result(tmp_path, "unet3d", {}, [])
    write_power(tmp_path / "power/result_0/node_0.txt", lambda t: 1000.0, every_second(), kind=None)
    report = imported(path, **asked)
    assert report.boundary == boundary
    assert any("does not say AC or DC" in note for note in report.notes) == (not asked)


def test_a_power_log_of_several_gpus_is_their_sum(tmp_path):
    path = result(tmp_path, "unet3d", {}, [])
    rows = [f"{START_S + s:.1f}, {gpu}, {100 + gpu}.00 W" for s in range(-2, 104) for gpu in range(4)]
    log = tmp_path / "gpus.csv"
    log.write_text("\n".join(["timestamp, index, power.draw [W]", *rows]) + "\n")
    report = imported(path, power=(log,))
    assert report.runs[0].energy_j == pytest.approx(40_600)
    assert (report.boundary, [meter.name for meter in report.meters]) == (
        "component",
        [f"gpus:{i}" for i in range(4)],
    )


def test_a_result_to_the_last_byte_like_another_counts_once(tmp_path):
    path = result(tmp_path, "unet3d", {}, [])
    copy = tmp_path / "result_1.txt"
    copy.write_bytes(path.read_bytes())
    report = importers.read(Request((path, copy)))
    assert len(report.rows) == 1
    assert "result_1.txt is result_0.txt to the last byte: it counts once" in report.report.notes
