"""Trained networks kept for later (``--keep FOLDER``): a folder each, with the weights and what they are of.

``seed-N/weights.pt`` has the weights that were scored, ``seed-N/model.json`` the work that they are of. A
later training may learn from them (``--distil FOLDER``); what they took to train it finds in the report that
lies beside them: ``run unet --keep teacher --output teacher/report.json``.
"""

import hashlib
import json
import math
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional

from energyprof.workload import Plan, Workload, WorkloadError
from energyprof.workloads.training import ranks
from energyprof.workloads.training.device import library

SCHEMA = "energyprof.model/1"
REPORT = "energyprof.report/"
FINGERPRINT = "sha256:"  # no size is called so
WEIGHTS, MODEL = "weights.pt", "model.json"
# Levers after which a network is no longer the one that its size describes.
OTHERWISE = ("prune", "sparsity", "qat", "lora")


class Teacher(NamedTuple):
    """A kept network, and what it took to train."""

    weights: Path
    size: str
    config: Mapping[str, Any]
    samples: int
    score: float
    fingerprint: str
    energy_j: Optional[float]  # None: there was no meter
    energy_u_j: Optional[float]
    energy_low_j: Optional[float]  # None: the interval lies evenly around it
    energy_high_j: Optional[float]
    cpu_s: Optional[float]  # None: it was not read


def keep(workload: Workload, plan: Plan, seed: int, samples: int, score: Optional[float]) -> None:
    """Write what the training left, if it is asked for; only the first process does.

    Raises:
        WorkloadError: the disk does not take it.
    """
    trained = workload.trained()
    if plan.settings.keep is None or trained is None or ranks.rank() != 0:
        return
    folder = Path(plan.settings.keep) / f"seed-{seed}"
    about = {
        "schema": SCHEMA,
        "name": plan.name,
        "size": plan.size,
        "work": plan.work(),
        "seed": seed,
        "samples": samples,
        "score": score,
        "reached": plan.target.reached(score),
        "config": dict(plan.config),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / (WEIGHTS + ".part")
        library("torch").save(trained.model.state_dict(), str(unfinished))
        unfinished.replace(folder / WEIGHTS)
        (folder / MODEL).write_text(json.dumps(about, indent=1), encoding="utf-8")
    except (OSError, RuntimeError) as error:  # torch's writer turns a full disk into a RuntimeError
        said = (str(error).splitlines() or ["?"])[0][:100]
        raise WorkloadError(
            f"{folder} cannot keep the network ({said}): make room, or leave --keep out"
        ) from error


def teacher(name: str, folder: str) -> Teacher:
    """The network of workload ``name`` kept in ``folder``: of the lowest seed that reached the target.

    Raises:
        WorkloadError: there is none, it cannot teach, or no report beside it says what it took.
    """
    seeds = sorted(_models(Path(folder)), key=lambda one: one[1]["seed"])
    if not seeds:
        raise WorkloadError(
            f"--distil {folder}: neither a size nor a folder that --keep has written: give one of these"
        )
    reached = [one for one in seeds if one[1]["reached"]]
    if not reached:
        raise WorkloadError(f"--distil {folder}: no network in it reached its target: give another")
    where, about = reached[0]
    if about["name"] != name:
        raise WorkloadError(f"--distil {folder}: a network of {about['name']} cannot teach {name}")
    config = about["config"]
    changed = [f"--{key}" for key in OTHERWISE if config.get(key) is not None]
    if config["precision"] == "fp8":
        changed.append("--precision fp8")
    if changed:
        raise WorkloadError(
            f"--distil {folder}: {', '.join(changed)} made it another network than its size: give one without"
        )
    run = _run(where, about)
    return Teacher(
        where / WEIGHTS,
        about["size"],
        config,
        about["samples"],
        about["score"],
        FINGERPRINT + hashlib.sha256((where / WEIGHTS).read_bytes()).hexdigest(),
        _amount(run, "energy_j"),
        _amount(run, "energy_u_j"),
        _amount(run, "energy_low_j"),
        _amount(run, "energy_high_j"),
        _amount(run, "cpu_s"),
    )


def _models(folder: Path) -> Iterator[Any]:
    """Folder and description of each kept network: the folder itself, or those in it."""
    for file in (folder / MODEL, *folder.glob(f"seed-*/{MODEL}")):
        about = _json(file)
        if about.get("schema") == SCHEMA and (file.parent / WEIGHTS).is_file():
            yield file.parent, about


def _run(folder: Path, about: Mapping[str, Any]) -> Mapping[str, Any]:
    """The run of that seed in the report of that work, which lies in the folder or in the one around it."""
    files: List[Path] = [*sorted(folder.glob("*.json")), *sorted(folder.parent.glob("*.json"))]
    for file in files:
        report = _json(file)
        workload = report.get("workload") or {}
        if str(report.get("schema")).startswith(REPORT) and workload.get("work") == about["work"]:
            for run in report.get("runs") or []:
                if run.get("seed") == about["seed"]:
                    return dict(run)
    raise WorkloadError(
        f"{folder.parent} has no report of what this teacher took to train: run it with --keep DIR "
        "--output DIR/report.json, or move its report there"
    )


def _json(file: Path) -> Dict[str, Any]:
    """What a file holds; of one that is not there, or no JSON object, nothing."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _amount(run: Mapping[str, Any], key: str) -> Optional[float]:
    value = run.get(key)
    plain = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if plain else None  # type: ignore[arg-type]
