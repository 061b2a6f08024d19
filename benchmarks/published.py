"""Numbers that others published, as reports under results/published/: to lay one's own beside.

    .venv/bin/python benchmarks/published.py

What a publication does not tell is null in its report, and its notes say so. There are no traces.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from energyprof import __version__
from energyprof.meter import Boundary, Part
from energyprof.report.file import write
from energyprof.report.importers.totals import total_meter
from energyprof.report.record import SCHEMA, Clock, Phase, Report, Run, Status, WorkloadRecord, node_record
from energyprof.workload import Target, content_id, task_id

FOLDER = Path(__file__).parent.parent / "results" / "published"
CREATED = "2026-11-29T00:00:00.000Z"  # of these files; the measurements are older
J_PER_KWH = 3.6e6

MJAY = "github.com/mjay42/Assessing-the-electricity-consumption-of-ML-training (CC BY-SA 4.0)"
FEDERATED = "github.com/tuananhngh/FL-G5K-EnergyConsumption"
A100_NODE = {"host": "8 × A100 (name not kept)", "gpus": [{"name": "NVIDIA A100"}] * 8}
UNKNOWN = "not known here: uncertainty, conditions, power over time; coverage is claimed by the publication"


@dataclass(frozen=True)
class Trained:
    """One training, or the mean of several, as published."""

    energy_j: float
    samples: int | None = None
    score: float | None = None
    time_s: float | None = None


def report(
    name: str,
    trained: Sequence[Trained],
    *,
    size: str | None = None,
    config: dict[str, object],
    target: Target | None = None,
    task_keys: tuple[str, ...] = (),
    sample_keys: tuple[str, ...] = (),
    machine: dict[str, object],
    meter: str,
    part: Part,
    boundary: Boundary = "component",
    mean_w: float | None = None,
    notes: Sequence[str],
) -> Report:
    """The report of what was published."""
    record = total_meter("published:energy", "published", part, meter, origin="measured", counted=True)
    info = dataclasses.replace(record.info, boundary=boundary)
    record = dataclasses.replace(record, boundary=boundary, info=info)
    runs = tuple(_run(one, seed, target is not None, mean_w) for seed, one in enumerate(trained))
    work = content_id({"published": name, "config": config})
    task = task_id(name, config, task_keys, target) if target is not None else ""
    return Report(
        schema=SCHEMA,
        created=CREATED,
        energyprof=__version__,
        workload=WorkloadRecord(name, size, task, work, config, target, task_keys, sample_keys),
        nodes=(node_record({"id": "", **machine}),),
        boundary=boundary,
        origin="measured",
        meters=(record,),
        runs=runs,
        notes=(*notes, UNKNOWN),
    )


def _run(one: Trained, seed: int, aimed: bool, mean_w: float | None) -> Run:
    """The train phase lasts what its mean power makes of its energy where no time is published."""
    status: Status = "reached" if aimed else "done"
    span_s = one.time_s if one.time_s is not None else one.energy_j / mean_w if mean_w else None
    phases: tuple[Phase, ...] = ()
    if span_s is not None and one.samples is not None:
        by_meter = {"published:energy": one.energy_j}
        phases = (Phase("train", 0.0, span_s, one.samples, one.energy_j, None, by_meter, coverage=1.0),)
    return Run(
        seed=seed,
        status=status,
        samples=one.samples,
        score=one.score,
        clock=Clock(0.0, ""),
        energy_j=one.energy_j,
        energy_u_j=None,
        time_s=one.time_s,
        total_energy_j=None,
        total_energy_u_j=None,
        total_time_s=None,
        coverage=1.0,
        exit_code=None,
        phases=phases,
        history=(),
        facts={},
        profiler=None,
        flags=(),
    )


# U-Net3D on KiTS19 to a mean Dice of 0.908 (MLPerf Training v1 to v3), one seed each.
KWH = (1.374, 1.157, 2.431, 1.414, 0.988, 2.927, 1.277, 1.552, 2.156, 1.758, 1.019, 1.468, 3.101)
EPOCHS = (2140, 1820, 3680, 2200, 1580, 4400, 2000, 2400, 3280, 2700, 1620, 2280, 4660)
KITS19_TRAINING_CASES = 168  # of MLPerf's split; an epoch takes one patch of each
UNET_MEAN_W = 3276.0  # NVML + RAPL, as published


def unet() -> Report:
    """Thirteen seeds to one target."""
    made = [
        Trained(kwh * J_PER_KWH, epochs * KITS19_TRAINING_CASES)
        for kwh, epochs in zip(KWH, EPOCHS, strict=True)
    ]
    return report(
        "unet",
        made,
        size="full",
        config={
            "data": "KITS19",
            "model": "MLPerf Training's U-Net3D",
            "patch": [128, 128, 128],
            "training_cases": KITS19_TRAINING_CASES,
        },
        target=Target("dice", 0.908, "max"),
        task_keys=("data",),
        sample_keys=("patch",),
        machine=A100_NODE,
        meter="NVML and RAPL, summed by the authors",
        part="machine",
        mean_w=UNET_MEAN_W,
        notes=(
            MJAY,
            f"a sample is one patch: epochs × {KITS19_TRAINING_CASES} cases of MLPerf's split",
            f"not known here: times (train phases last what {UNET_MEAN_W:.0f} W on average make of them), "
            "the scores reached, how much of the energy is evaluation (it is in that of the samples)",
        ),
    )


def others() -> dict[str, Report]:
    """The same node's other trainings, each the mean of its runs, and other studies' numbers."""
    found = {}
    for name, kwh, minutes, note in (
        ("bert", 1.147, 20.8, "mean of 8 runs from one seed, CV 0.06 %"),
        ("resnet", 1.639, None, "mean of runs from one seed, CV 0.16 %"),
        ("mask-rcnn", 2.157, None, "how many runs is not kept"),
        ("rnn-t", 1.974, None, "how many runs is not kept"),
        ("dlrm", 0.136, None, "how many runs is not kept"),
    ):
        found[f"{name}-8xa100"] = report(
            name,
            [Trained(kwh * J_PER_KWH, time_s=None if minutes is None else 60 * minutes)],
            config={"suite": "MLPerf Training", "target": "MLPerf's; its value is not in these files"},
            machine=A100_NODE,
            meter="NVML and RAPL, summed by the authors",
            part="machine",
            notes=(MJAY, note),
        )
    sd = {"data": "800 images", "epochs": 500, "pixels": 512}
    for where, kwh, boundary in (("wall", 11.674, "wall_ac"), ("sensors", 8.779, "component")):
        found[f"stable-diffusion-8xa100-{where}"] = report(
            "diffusion",
            [Trained(kwh * J_PER_KWH, 500 * 800)],
            config=sd,
            machine={"host": "8 × A100 SXM4 40 GB", "gpus": [{"name": "NVIDIA A100-SXM4-40GB"}] * 8},
            meter="a wattmeter at the wall" if where == "wall" else "NVML and RAPL, summed by the authors",
            part="machine",
            boundary=boundary,  # type: ignore[arg-type]
            notes=(MJAY, "fine-tuning; one run; its time is not kept"),
        )
    found["resnet50-xavier"] = report(
        "resnet50",
        [Trained(10.2e6, score=0.551)],
        config={"batch_size": 192, "power_mode": "MODE_30W_ALL"},
        machine={"host": "Jetson AGX Xavier", "jetson": "AGX Xavier", "power_mode": "MODE_30W_ALL"},
        meter="the module's INA3221 rails",
        part="soc",
        boundary="module",
        notes=(FEDERATED, "37.04 W on average (GPU 20.85 W, CPU 2.76 W), 6.5 W idle; its time is not kept"),
    )
    return found


def main() -> None:
    """Writes every report."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, made in {"unet3d-kits19-8xa100": unet(), **others()}.items():
        write(made, FOLDER / f"{name}.json")


if __name__ == "__main__":
    main()
