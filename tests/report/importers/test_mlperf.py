from __future__ import annotations

import json
from pathlib import Path

import pytest

from energyprof.compare.comparison import compare
from energyprof.compare.exclusions import unmetered
from energyprof.compare.gate.check import check
from energyprof.errors import FileError, NotComparable, UsageError
from energyprof.report import importers
from energyprof.report.file import read, to_json
from energyprof.report.flags import flag
from energyprof.report.importers.imported import Request
from energyprof.report.importers.save import save
from energyprof.report.recompute import recompute
from energyprof.report.record import Report
from fakes.mlperf_logs import START_S, every_second, line, write_power, write_result

NODES = {"system_name": "ACME", "number_of_nodes": "2", "host_processor_model_name": "Xeon"}


def imported(tmp_path: Path, *results: Path, **asked: object) -> Report:
    request = Request(tuple(results), **asked)  # type: ignore[arg-type]
    return save(importers.read(request), tmp_path / "report.json", "replaced")


def one_node(tmp_path: Path, power=lambda t: 7000.0, times_s=None, **options: object) -> Report:
    result = write_result(tmp_path / "result_0.txt")
    log = tmp_path / "power" / "result_0" / "node_0.txt"
    write_power(log, power, times_s or every_second(), **options)
    return imported(tmp_path, result)


def noted(report: Report, words: str) -> bool:
    return any(words in note for note in report.notes)


@pytest.mark.parametrize(
    ("power", "joules"),
    [
        (lambda t: 7000.0, 700_000.0),
        (lambda t: 6000.0 + 10 * t, 6000.0 * 100 + 10 * 100**2 / 2),
        # Idle before run_start and after run_stop; the log's mean times the run's time would be 442 kJ.
        (lambda t: 7000.0 if 0 <= t <= 100 else 300.0, 700_000.0),
    ],
)
def test_the_energy_is_that_from_run_start_to_run_stop(tmp_path, power, joules):
    report = one_node(tmp_path, power, every_second(-60, 220))
    run = report.runs[0]
    assert run.energy_j == pytest.approx(joules, rel=1e-12)
    assert (run.time_s, run.coverage, run.status, run.seed) == (100.0, 1.0, "reached", 7)
    assert run.total_energy_j == run.energy_j


def test_the_uncertainty_is_at_least_the_5_percent_of_the_rules(tmp_path):
    run = one_node(tmp_path).runs[0]
    assert run.energy_u_j is not None and run.energy_j is not None
    assert run.energy_u_j / run.energy_j == pytest.approx(2 * 0.05 / 3**0.5, rel=1e-3)


def test_samples_score_and_evaluations_come_from_the_log(tmp_path):
    run = one_node(tmp_path).runs[0]
    assert (run.samples, run.score) == (3072, 0.92)
    assert [(p.name, p.start_s, p.end_s, p.samples) for p in run.phases] == [
        ("train", 0.0, 50.0, 1536),
        ("eval", 50.0, 60.0, 0),
        ("train", 60.0, 90.0, 1536),
        ("eval", 90.0, 100.0, 0),
    ]
    assert [(point.samples, point.score) for point in run.history] == [(1536, 0.94), (3072, 0.92)]
    assert run.clock.utc == "2024-10-09T21:00:00.000Z"


def test_the_trace_gives_the_report_back_digit_for_digit(tmp_path):
    report = one_node(tmp_path, lambda t: 6000 + 31.7 * t)
    assert read(tmp_path / "report.json") == report
    assert to_json(recompute(tmp_path / "report.json")) == to_json(report)


def test_several_results_are_the_runs_of_one_report(tmp_path):
    results = []
    for n, power_w in enumerate((1000.0, 2000.0)):
        start_s = START_S + 1000 * n
        results.append(write_result(tmp_path / f"result_{n}.txt", seed=n, start_s=start_s))
        log = tmp_path / f"power/result_{n}/node_0.txt"
        write_power(log, lambda t, w=power_w: w, every_second(), start_s=start_s)
    report = imported(tmp_path, *results)
    assert [run.energy_j for run in report.runs] == [pytest.approx(1e5), pytest.approx(2e5)]
    assert [run.seed for run in report.runs] == [0, 1]
    assert to_json(recompute(tmp_path / "report.json")) == to_json(report)


def test_readings_that_repeat_a_stamp_count_once(tmp_path):
    times_s = [t for t in every_second() for _ in range(2)]
    report = one_node(tmp_path, lambda t: 7000.0, times_s)
    assert report.runs[0].energy_j == pytest.approx(700_000.0)
    assert noted(report, "node_0: 141 readings that repeat the stamp of another")


def test_a_gap_is_not_covered(tmp_path):
    times_s = [t for t in every_second() if not 30 < t < 50]
    report = one_node(tmp_path, lambda t: 7000.0, times_s)
    run = report.runs[0]
    assert run.coverage == pytest.approx(0.8)
    assert flag("gap", "node_0") in run.flags
    assert noted(report, "result_0: node_0 has 1 gap, the longest 20.0 s; it covers 80.0 %")
    # Half of what is filled in over 20 s may be wrong either way, and more.
    assert run.budget_j["unseen"] == pytest.approx(7000 * 20 / 3**0.5)


def test_a_log_that_ends_early_covers_its_part_and_the_run_is_no_measurement(tmp_path):
    report = one_node(tmp_path, lambda t: 7000.0, every_second(-20, 65))
    run = report.runs[0]
    assert run.coverage == pytest.approx(0.65)
    assert run.energy_j == pytest.approx(7000 * 100)
    assert run.budget_j["unseen"] >= 7000 * 35 / 3**0.5
    assert flag("lost", "node_0") in run.flags
    assert noted(report, "node_0 ends 35.0 s before run_stop; it covers 65.0 %")
    assert "cover 65" in str(unmetered(run))


def test_a_log_that_begins_late_says_so(tmp_path):
    report = one_node(tmp_path, lambda t: 7000.0, every_second(40, 120))
    assert report.runs[0].coverage == pytest.approx(0.6)
    assert noted(report, "node_0 begins 40.0 s after run_start; it covers 60.0 %")


def test_a_run_without_time_has_no_energy(tmp_path):
    result = write_result(tmp_path / "result_0.txt", span_s=0.0, evaluations=())
    write_power(tmp_path / "power/result_0/node_0.txt", lambda t: 7000.0, every_second())
    report = imported(tmp_path, result)
    assert report.runs[0].energy_j is None
    assert flag("not_measured") in report.runs[0].flags
    assert noted(report, "run_stop is at run_start")


def test_a_clock_in_another_zone_is_named_and_not_guessed(tmp_path):
    result = write_result(tmp_path / "result_0.txt")
    folder = tmp_path / "power/result_0"
    write_power(folder / "node_0.txt", lambda t: 7000.0, every_second())
    write_power(folder / "sw_0.txt", lambda t: 600.0, every_second(), shift_h=-5)
    report = imported(tmp_path, result)
    assert report.runs[0].coverage == 0.0
    assert flag("no_reading", "sw_0") in report.runs[0].flags
    assert noted(report, "sw_0 has no reading of it; with its clock +5 h it would cover it: --offset sw_0=5")
    right = imported(tmp_path, result, offsets_h={"sw_0": 5.0})
    assert right.runs[0].energy_j == pytest.approx(760_000.0)
    assert right.runs[0].coverage == 1.0


def test_an_offset_for_all_logs_moves_all_of_them(tmp_path):
    result = write_result(tmp_path / "result_0.txt")
    for name in ("node_0", "node_1"):
        log = tmp_path / f"power/result_0/{name}.txt"
        write_power(log, lambda t: 1000.0, every_second(), shift_h=5.5)
    assert noted(imported(tmp_path, result), "node_1 has no reading of it; with its clock -5.5 h")
    assert imported(tmp_path, result, offsets_h={"": -5.5}).runs[0].energy_j == pytest.approx(200_000.0)


def test_an_offset_for_a_log_that_is_not_there_is_refused(tmp_path):
    result = write_result(tmp_path / "result_0.txt")
    with pytest.raises(UsageError, match="sw_9"):
        imported(tmp_path, result, offsets_h={"sw_9": 5.0})


def test_a_log_of_another_day_is_said_to_be_elsewhere(tmp_path):
    report = one_node(tmp_path, start_s=START_S + 86400 * 3)
    assert report.runs[0].energy_j is None
    assert noted(report, "node_0 has no reading of it; it begins 71 h 58 min later")


def test_nodes_and_switches_add_up(tmp_path):
    result = write_result(tmp_path / "result_0.txt", system=NODES)
    for name, power_w in (("node_0", 7000.0), ("node_1", 6000.0), ("sw_0", 500.0)):
        write_power(tmp_path / f"power/result_0/{name}.txt", lambda t, w=power_w: w, every_second())
    report = imported(tmp_path, result)
    assert report.runs[0].energy_j == pytest.approx(1_350_000.0)
    assert report.nodes[0].machine == {"id": "", "host": "ACME", "cpu": "Xeon", "nodes": "2"}


def test_a_node_without_a_log_leaves_the_run_uncovered(tmp_path):
    result = write_result(tmp_path / "result_0.txt", system=NODES)
    write_power(tmp_path / "power/result_0/node_0.txt", lambda t: 7000.0, every_second())
    report = imported(tmp_path, result)
    assert report.runs[0].coverage == 0.0
    assert flag("no_reading", "node_1") in report.runs[0].flags
    assert noted(report, "node_1: a node of the machine without a power log")


def test_a_node_that_only_one_run_lacks_leaves_that_run_uncovered(tmp_path):
    results = []
    for n in range(2):
        start_s = START_S + 1000 * n
        results.append(write_result(tmp_path / f"result_{n}.txt", start_s=start_s, seed=n))
        for node in range(2 - n):
            log = tmp_path / f"power/result_{n}/node_{node}.txt"
            write_power(log, lambda t: 1000.0, every_second(), start_s=start_s)
    report = imported(tmp_path, *results)
    assert [run.coverage for run in report.runs] == [1.0, 0.0]


def test_the_submitters_description_of_the_system_is_found(tmp_path):
    path = tmp_path / "Acme/results/2xACME/llama2_70b_lora/result_0.txt"
    systems = tmp_path / "Acme/systems"
    systems.mkdir(parents=True)
    (systems / "2xACME.json").write_text(
        json.dumps({**NODES, "accelerator_model_name": "H100", "accelerators_per_node": "8"})
    )
    report = imported(tmp_path, write_result(path))
    assert report.nodes[0].machine["gpus"] == [{"name": "H100"}] * 8


def test_an_estimated_switch_stands_beside_the_total(tmp_path):
    result = write_result(tmp_path / "result_0.txt")
    folder = tmp_path / "power/result_0"
    write_power(folder / "node_0.txt", lambda t: 7000.0, every_second())
    (folder / "sw_0.txt").write_text(line(START_S, "interconnect_power_est", 900.0) + "\n")
    report = imported(tmp_path, result)
    switch = report.meters[1]
    assert (switch.name, switch.counted, switch.origin) == ("sw_0", False, "modelled")
    assert report.runs[0].energy_j == pytest.approx(700_000.0)
    assert sum(phase.by_meter_j["sw_0"] for phase in report.runs[0].phases) == pytest.approx(90_000.0)
    assert report.origin == "measured"
    assert noted(report, "sw_0: an estimate: 900 W")


def test_joules_of_other_boundaries_are_never_added(tmp_path):
    result = write_result(tmp_path / "result_0.txt")
    folder = tmp_path / "power/result_0"
    write_power(folder / "node_0.txt", lambda t: 7000.0, every_second())
    write_power(folder / "node_1.txt", lambda t: 6000.0, every_second(), kind="DC", factor=1.0)
    report = imported(tmp_path, result)
    assert (report.boundary, report.runs[0].energy_j) == ("wall_ac", pytest.approx(700_000.0))
    assert noted(report, "node_1: node_dc, the total is wall_ac: it stands beside it")


@pytest.mark.parametrize(
    ("kind", "boundary", "words"),
    [
        ("AC", "wall_ac", "the conversion_eff 0.96 of MLPerf's score is not applied"),
        ("DC", "node_dc", "the conversion_eff 0.96 of MLPerf's score is not applied"),
        (None, "node_dc", "it does not say AC or DC"),
    ],
)
def test_the_boundary_is_what_the_log_says(tmp_path, kind, boundary, words):
    report = one_node(tmp_path, kind=kind)
    assert report.boundary == boundary
    assert noted(report, words)


def test_readings_that_are_no_power_are_rejected_and_flagged(tmp_path):
    values: dict[float, object] = {10.0: "n/a", 20.0: -5.0, 30.0: 9e9, 40.0: None}
    report = one_node(tmp_path, lambda t: values.get(t, 7000.0))
    run = report.runs[0]
    assert run.energy_j == pytest.approx(700_000.0)
    assert flag("failed_read", "node_0") in run.flags and flag("rejected_reading", "node_0") in run.flags
    assert noted(report, "node_0: 2 readings without a usable value")


def test_readings_out_of_order_are_put_in_order(tmp_path):
    report = one_node(tmp_path, lambda t: 6000 + 10 * t, every_second()[::-1])
    assert report.runs[0].energy_j == pytest.approx(650_000.0)
    assert noted(report, "readings out of order")


def test_a_power_log_without_readings_is_said_to_be_empty(tmp_path):
    result = write_result(tmp_path / "result_0.txt")
    log = tmp_path / "power/result_0/node_0.txt"
    log.parent.mkdir(parents=True)
    log.write_text(line(START_S, "power_measurement_start") + "\n")
    report = imported(tmp_path, result)
    assert report.runs[0].energy_j is None
    assert noted(report, "node_0: it has no power_reading")


def test_a_result_alone_has_no_energy_and_says_how_to_get_it(tmp_path):
    report = imported(tmp_path, write_result(tmp_path / "result_0.txt"))
    assert (report.boundary, report.runs[0].energy_j, report.runs[0].status) == (None, None, "reached")
    assert noted(report, "result_0: no power log; give it with --power")


def test_what_comes_after_run_stop_is_left_out(tmp_path):
    late = [line(START_S + 130, "eval_accuracy", 0.5, samples_count=9999)]
    result = write_result(tmp_path / "result_0.txt", after=late)
    report = imported(tmp_path, result)
    assert (report.runs[0].score, report.runs[0].samples) == (0.92, 3072)
    assert noted(report, "result_0: 1 evaluations after run_stop are left out")


@pytest.mark.parametrize(("later_s", "anew"), [(5, False), (90, True)])
def test_a_training_that_began_anew_is_said_and_ranks_that_start_together_are_none(tmp_path, later_s, anew):
    again = [line(START_S + later_s, "run_start", None)]
    report = imported(tmp_path, write_result(tmp_path / "result_0.txt", after=again))
    assert noted(report, "run_start comes again 1 min 30 s later, as if begun anew") == anew


def test_ranks_that_log_the_same_evaluations_made_them_once(tmp_path):
    alone = write_result(tmp_path / "result_0.txt")
    both = tmp_path / "both" / "result_0.txt"
    both.parent.mkdir()
    both.write_text("".join(f"{rank}: {row}\n" for rank in (0, 1) for row in alone.read_text().splitlines()))
    one, two = (imported(path.parent, path) for path in (alone, both))
    assert [point.score for point in two.runs[0].history] == [point.score for point in one.runs[0].history]
    assert two.runs[0].time_s == one.runs[0].time_s
    assert not noted(two, "before run_stop")


def test_lines_that_are_cut_off_are_counted(tmp_path):
    torn = [' 3: :::MLLOG {"namespace": "", "time_ms": 17285', "1: :::MLLOG", ":::MLLOG []"]
    report = imported(tmp_path, write_result(tmp_path / "result_0.txt", after=torn))
    assert noted(report, "result_0: 2 of its lines could not be read")


@pytest.mark.parametrize(
    ("status", "words"), [("aborted", "run_stop says aborted"), (None, "which has no run_stop")]
)
def test_a_run_that_did_not_succeed_is_interrupted(tmp_path, status, words):
    result = write_result(tmp_path / "result_0.txt", status=status, evaluations=((60.0, 1536, 0.94),))
    run = imported(tmp_path, result).runs[0]
    assert run.status == "interrupted"
    assert any(words in flag.detail for flag in run.flags)


def test_success_short_of_the_target_is_a_miss_and_said(tmp_path):
    result = write_result(tmp_path / "result_0.txt", evaluations=((100.0, 3072, 0.93),))
    report = imported(tmp_path, result)
    assert report.runs[0].status == "missed"
    assert noted(report, "run_stop says success at 0.93, short of 0.925")


def test_a_target_met_before_run_stop_ends_the_energy_there(tmp_path):
    result = write_result(tmp_path / "result_0.txt", evaluations=((60.0, 1536, 0.92), (100.0, 3072, 0.91)))
    write_power(tmp_path / "power/result_0/node_0.txt", lambda t: 1000.0, every_second())
    report = imported(tmp_path, result)
    assert report.runs[0].energy_j == pytest.approx(60_000.0)
    assert report.runs[0].total_energy_j == pytest.approx(100_000.0)
    assert noted(report, "met the target 40 s before run_stop")


def test_the_target_of_an_older_round_is_taken_where_the_runs_met_only_that(tmp_path):
    result = write_result(tmp_path / "r.txt", benchmark="ssd", evaluations=((100.0, 3072, 0.25),))
    target = imported(tmp_path, result).workload.target
    assert target is not None and (target.value, target.direction) == (0.23, "max")


def test_results_of_one_benchmark_with_other_settings_are_other_works_of_one_task(tmp_path):
    one, other = (
        imported(tmp_path, write_result(tmp_path / f"{size}.txt", batch=size)).workload for size in (256, 512)
    )
    assert one.task == other.task != ""
    assert one.work != other.work


def test_an_unknown_benchmark_has_no_target(tmp_path):
    report = imported(tmp_path, write_result(tmp_path / "r.txt", benchmark="next_big_thing"))
    assert (report.workload.target, report.runs[0].status) == (None, "done")
    assert noted(report, "the quality target of next_big_thing is not in its log")


@pytest.mark.parametrize(
    ("benchmark", "epoch", "samples"), [("bert", 2549818, 2549818), ("resnet", 35, 35 * 1281167)]
)
def test_epochs_become_samples(tmp_path, benchmark, epoch, samples):
    path = tmp_path / "result_0.txt"
    lines = [
        line(START_S, "submission_benchmark", benchmark),
        line(START_S, "run_start"),
        line(START_S, "train_samples", 1281167),
        line(START_S + 99, "eval_accuracy", 0.76, epoch_num=epoch),
        line(START_S + 100, "run_stop", status="success"),
    ]
    path.write_text("\n".join(lines))
    assert imported(tmp_path, path).runs[0].samples == samples


def test_evaluations_with_several_scores_are_left_out_and_said(tmp_path):
    path = tmp_path / "result_0.txt"
    lines = [
        line(START_S, "submission_benchmark", "maskrcnn"),
        line(START_S, "run_start"),
        line(START_S + 99, "eval_accuracy", {"BBOX": 0.378, "SEGM": 0.34}, epoch_num=13),
        line(START_S + 100, "run_stop", status="success"),
    ]
    path.write_text("\n".join(lines))
    report = imported(tmp_path, path)
    assert (report.runs[0].score, report.runs[0].status) == (None, "done")
    assert noted(report, "1 evaluations are left out")


def test_results_of_several_works_are_refused(tmp_path):
    small = write_result(tmp_path / "result_0.txt")
    large = write_result(tmp_path / "result_1.txt", batch=16)
    with pytest.raises(UsageError, match=r"global_batch_size is 8 in result_0.txt, 16 in result_1.txt"):
        imported(tmp_path, small, large)
    other = write_result(tmp_path / "result_2.txt", benchmark="bert")
    with pytest.raises(UsageError, match="--only NAME"):
        imported(tmp_path, small, other)
    assert imported(tmp_path, small, other, only="bert").workload.name == "bert"


def test_compare_names_other_settings_and_never_judges_unknown_machines(tmp_path):
    reports = []
    for n, batch in enumerate((8, 8, 16)):
        folder = tmp_path / str(n)
        result = write_result(folder / "result_0.txt", batch=batch)
        write_power(folder / "power/result_0/node_0.txt", lambda t: 1000.0, every_second())
        reports.append(imported(folder, result))
    same = compare(reports[:2], ["a", "b"])
    assert not same.one_machine
    change = next(e.change for e in same.entries[1].estimates if e.figure == "energy_to_target")
    # Two meters of two machines: their gains do not drop out of the ratio.
    assert change is not None and change.verdict is None and change.u_rel is not None
    assert change.u_rel > 2**0.5 * 0.05
    other = compare([reports[0], reports[2]], ["a", "c"])
    assert other.notes == ("the work differs: config.global_batch_size is 8 in a, 16 in c",)
    with pytest.raises(NotComparable, match="machine: not known"):
        check(reports[0], reports[1])


def csv_log(path: Path, power_w: float, stamps: list[str]) -> Path:
    rows = [f"{stamp},{power_w}" for stamp in stamps]
    path.write_text("\n".join(["timestamp,power_w", *rows]) + "\n")
    return path


def clock(seconds: int, zone: str = "") -> str:
    return f"2024-10-09T{21 + seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{zone}"


def test_a_csv_is_a_power_log_too(tmp_path):
    result = write_result(tmp_path / "result_0.txt")
    log = csv_log(tmp_path / "wall.csv", 5000.0, [clock(s, "Z") for s in range(130)])
    report = imported(tmp_path, result, power=(log,))
    assert report.runs[0].energy_j == pytest.approx(500_000.0)
    assert (report.boundary, report.meters[0].name) == ("wall_ac", "wall")


def test_times_without_a_zone_are_said_to_be_taken_as_utc(tmp_path):
    result = write_result(tmp_path / "result_0.txt")
    log = csv_log(tmp_path / "wall.csv", 5000.0, [clock(s) for s in range(130)])
    report = imported(tmp_path, result, power=(log,))
    assert report.runs[0].energy_j == pytest.approx(500_000.0)
    assert noted(report, "wall: its times have no zone and are taken as UTC")


def test_one_csv_may_hold_several_runs(tmp_path):
    results = [
        write_result(tmp_path / f"result_{n}.txt", start_s=START_S + 200 * n, seed=n) for n in range(2)
    ]
    log = csv_log(tmp_path / "wall.csv", 5000.0, [clock(s, "Z") for s in range(400)])
    report = imported(tmp_path, *results, power=(log,))
    assert [run.energy_j for run in report.runs] == [pytest.approx(500_000.0)] * 2


def test_a_folder_of_logs_serves_each_run_with_its_own(tmp_path):
    results = []
    for n in range(2):
        results.append(write_result(tmp_path / f"result_{n}.txt", seed=n))
        log = tmp_path / f"elsewhere/result_{n}/node_0.txt"
        write_power(log, lambda t, w=1000.0 * (n + 1): w, every_second())
    report = imported(tmp_path, *results, power=(tmp_path / "elsewhere",))
    assert [run.energy_j for run in report.runs] == [pytest.approx(1e5), pytest.approx(2e5)]


def test_a_table_without_times_is_refused(tmp_path):
    log = tmp_path / "wall.csv"
    log.write_text("volts,power_w\n230,5000\n")
    with pytest.raises(FileError, match="no column of times"):
        imported(tmp_path, write_result(tmp_path / "result_0.txt"), power=(log,))


def test_a_power_log_in_a_results_place_is_recognised(tmp_path):
    log = write_power(tmp_path / "node_0.txt", lambda t: 1.0, every_second())
    with pytest.raises(FileError, match="it is a power log: give it with --power"):
        imported(tmp_path, log)


def test_the_hosts_clock_zone_does_not_matter(tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert one_node(tmp_path).runs[0].energy_j == pytest.approx(700_000.0)


def test_a_benchmarks_folder_stands_for_its_results(tmp_path):
    for number in (0, 2, 10):
        write_result(tmp_path / "bench" / f"result_{number}.txt", seed=number)
        log = tmp_path / "bench" / "power" / f"result_{number}" / "node_0.txt"
        write_power(log, lambda t: 7000.0, every_second())
    report = imported(tmp_path, tmp_path / "bench")
    assert [run.energy_j for run in report.runs] == pytest.approx([700_000.0] * 3)
    assert [run.seed for run in report.runs] == [0, 2, 10]
