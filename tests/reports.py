"""Hand-made reports whose figures can be checked in the head."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

from energyprof.compare.compared import Entry, Summary
from energyprof.compare.gate.limits import Limit
from energyprof.meter import MeterInfo
from energyprof.report.flags import Flag
from energyprof.report.record import (
    SCHEMA,
    Clock,
    MeterRecord,
    Phase,
    Point,
    Report,
    Run,
    Status,
    WorkloadRecord,
    node_record,
)
from energyprof.workload import Target

TARGET = Target("dice", 0.8, "max")
HERE = {"id": "sha256:here", "host": "here", "cpu": "Xeon", "threads": 8, "gpus": []}
SAMPLES = 1000
POWER_W = 100.0
STARTUP_J = 500.0
PER_SAMPLE = [Limit("energy_per_sample", 0.03)]


def run(
    j_per_sample: float = 1.0,
    *,
    samples: int = SAMPLES,
    status: Status = "reached",
    seed: int | None = 0,
    eval_j: float = 50.0,
    u_rel: float = 0.0,
    gain_rel: float | None = 0.0,
    **changes: Any,
) -> Run:
    """A run of ``samples`` at 100 W: 500 J start-up, then training, then 50 J evaluation.

    ``u_rel`` and ``gain_rel`` are the relative expanded uncertainties (k = 2) of its joules.
    """
    train_j = j_per_sample * samples
    energy_j = train_j + eval_j
    phases, start_s = [], 0.0
    for name, phase_j, phase_samples in (
        ("startup", STARTUP_J, None),
        ("train", train_j, samples),
        ("eval", eval_j, None),
    ):
        end_s = start_s + phase_j / POWER_W
        by_meter_j = {"rapl:package-0": phase_j}
        phases.append(Phase(name, start_s, end_s, phase_samples, phase_j, u_rel * phase_j, by_meter_j))
        start_s = end_s
    made = Run(
        seed=seed,
        status=status,
        samples=samples,
        score=0.8,
        clock=Clock(0.0, "2026-01-01T00:00:00Z"),
        energy_j=energy_j,
        energy_u_j=u_rel * energy_j,
        time_s=energy_j / POWER_W,
        total_energy_j=energy_j + STARTUP_J,
        total_energy_u_j=u_rel * (energy_j + STARTUP_J),
        total_time_s=start_s,
        coverage=1.0,
        exit_code=0,
        phases=tuple(phases),
        history=(Point(samples, 0.8, energy_j / POWER_W, energy_j),),
        facts={},
        profiler=None,
        flags=(),
        gain_u_j=None if gain_rel is None else gain_rel * energy_j,
    )
    return replace(made, **changes)


def unmetered_run(**changes: Any) -> Run:
    """A run that no meter saw."""
    return run(
        energy_j=None, energy_u_j=None, gain_u_j=None, coverage=None, flags=(Flag("not_measured"),), **changes
    )


def meter(name: str = "rapl:package-0", **changes: Any) -> MeterRecord:
    """A counted RAPL package counter that was read well."""
    info = MeterInfo(
        name=name,
        kind=name.partition(":")[0],
        part="cpu",
        boundary="component",
        reads="energy_j",
        method="powercap energy_uj",
        resolution=1e-6,
        refresh_s=0.001,
        gain_a=0.05,
        gain_source="assumed",
        max_power_w=500.0,
        device="Intel(R) Xeon(R)",
    )
    made = MeterRecord(
        name=name,
        part="cpu",
        boundary="component",
        method=info.method,
        origin="measured",
        counted=True,
        interval_s=0.1,
        achieved_hz=10.0,
        p99_gap_s=0.1,
        max_gap_s=0.11,
        missed=0,
        coverage=1.0,
        flags=(),
        info=info,
    )
    return replace(made, **changes)


def report(runs: Sequence[Run] = (), **changes: Any) -> Report:
    """A report of U-Net trainings on one machine; ``changes`` are fields of it or its workload."""
    config = changes.pop("config", {"batch_size": 4, "precision": "fp32"})
    name = changes.pop("name", "unet")
    workload = WorkloadRecord(
        name=name,
        size=changes.pop("size", "tiny"),
        task=changes.pop("task", f"sha256:{name}"),
        work=changes.pop("work", f"sha256:{name}{sorted(config.items())}"),
        config=config,
        target=changes.pop("target", TARGET),
        task_keys=changes.pop("task_keys", ()),
        sample_keys=changes.pop("sample_keys", ()),
    )
    made = Report(
        schema=SCHEMA,
        created="2026-01-01T00:00:00Z",
        energyprof="0.1.0",
        workload=workload,
        nodes=(node_record(changes.pop("machine", HERE)),),
        boundary="component",
        origin="measured",
        meters=(meter(),),
        runs=tuple(runs),
    )
    return replace(made, **changes)


def unet_bank() -> dict[str, Any]:
    """The packaged reference bank of the U-Net."""
    file = resources.files("energyprof.workloads") / "banks" / "unet-tiny.json"
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content


def unet(*samples: int) -> Report:
    """Runs of just the work whose bank is packaged, and of the target that goes with it."""
    work = unet_bank()["workload"]
    made = report([run(samples=count, seed=i) for i, count in enumerate(samples)])
    return replace(made, workload=replace(made.workload, size=work["size"], work=work["work"]))


def at(*j_per_sample: float, **changes: Any) -> Report:
    """A report with one run for each energy per sample, in J."""
    return report([run(x, seed=i) for i, x in enumerate(j_per_sample)], **changes)


def program(*energy_j: float) -> Report:
    """What ``exec`` records: a program without target or samples, one run for each energy."""
    runs = []
    for joules in energy_j:
        phase = Phase("run", 0.0, joules / POWER_W, None, joules, 0.0, {"rapl:package-0": joules})
        runs.append(
            run(
                joules / SAMPLES,
                eval_j=0.0,
                seed=None,
                status="done",
                phases=(phase,),
                history=(),
            )
        )
    runs = [replace(made, samples=None, score=None) for made in runs]
    return report(runs, target=None, name="train.py", size=None)


def figures_of(entry: Entry) -> dict[str, Summary]:
    """The estimates of one report in a comparison by their figure's name."""
    return {estimate.figure: estimate for estimate in entry.estimates}


def published() -> list[Path]:
    """Every report under ``results/``; a study's plan beside its cells is none."""
    results = Path(__file__).parent.parent / "results"
    return sorted(path for path in results.rglob("*.json") if path.name != "study.json")
