"""Claims about large studies:

* `energyprof study show` of 10,000 reports takes at most 15 s and 500 MB;
* the page of 1,000 cells is on the screen at most 2 s after a browser was asked for it.

    python benchmarks/study_show.py [--keep FOLDER] [--browser chromium]

The reports are of trainings with twenty evaluations. The median of three whole processes; the browser's time
is that of the page less that of an empty one, each with a start of its own.
"""

from __future__ import annotations

import argparse
import dataclasses
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from many_reports import cost

from energyprof.report.file import write
from energyprof.report.record import Point
from energyprof.study.folder import cells, opened, path_of
from energyprof.study.plan import plan_of
from reports import report, run

SHOW_S, SHOW_BYTES, PAGE_S = 15.0, 500e6, 2.0
# Settings and blocks.
SHOWN, PAGE = (1000, 10), (100, 10)


def main() -> int:
    """Print times and memory; 1 if a claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where the studies are, or shall stay")
    parser.add_argument("--browser", default="chromium")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.keep or Path(temporary)
        for name, (settings, blocks) in (("shown", SHOWN), ("page", PAGE)):
            if not (folder / name).exists():
                made(folder / name, settings, blocks)
        wall_s, cpu_s, rss = cost(["study", "show", str(folder / "shown")])
        reports = SHOWN[0] * SHOWN[1]
        print(f"study show, {reports:,} reports: {wall_s:.1f} s, {cpu_s:.1f} s CPU, {rss / 1e6:.0f} MB")
        held = wall_s <= SHOW_S and rss <= SHOW_BYTES
        browser = shutil.which(asked.browser)
        if browser is None:
            print(f"{asked.browser} is not here: the page is not opened")
            return 0 if held else 1
        page, empty = folder / "page.html", folder / "empty.html"
        command = [
            sys.executable,
            "-m",
            "energyprof",
            "study",
            "show",
            str(folder / "page"),
            "--html",
            str(page),
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        empty.write_text("<!doctype html><title>empty</title>")
        opened_s = opens(browser, page) - opens(browser, empty)
        size = page.stat().st_size / 1e6
        print(f"page of {PAGE[0] * PAGE[1]:,} cells, {size:.1f} MB: {opened_s:.2f} s more than an empty one")
        return 0 if held and opened_s <= PAGE_S else 1


def made(folder: Path, settings: int, blocks: int) -> None:
    """A study of so many settings of two factors, each trained in so many blocks."""
    side = settings // 10
    plan = plan_of(
        {
            "command": "run unet",
            "design": "grid",
            "repeats": blocks,
            "factors": {"batch_size": list(range(1, side + 1)), "workers": list(range(10))},
        },
        "plan.toml",
        "many",
    )
    opened(folder, plan)
    rng = random.Random(0)
    points = tuple(Point(50 * i, i / 25, 0.5 * i, 50.0 * i) for i in range(1, 21))
    for cell in cells(plan):
        batch, workers = (int(value) for _, value in cell.setting.values)
        factor = (1 + batch / side) * (1 + workers / 50) * rng.gauss(1, 0.01)
        trained = run(factor, seed=cell.block)
        facts = {**trained.facts, "parameters": 1000 * batch, "flops_per_sample": 2000 * batch + workers}
        write(report([replaced(trained, history=points, facts=facts)]), path_of(folder, cell))


def replaced(of_run, **fields):  # type: ignore[no-untyped-def]
    """The run with other fields."""
    return dataclasses.replace(of_run, **fields)


def opens(browser: str, page: Path) -> float:
    """Median seconds of a browser that opens the page, draws it and ends."""
    taken = []
    with tempfile.TemporaryDirectory() as profile:
        for _ in range(3):
            start_s = time.monotonic()
            how = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1200,900"]
            places = [f"--user-data-dir={profile}", f"--screenshot={profile}/page.png", page.as_uri()]
            subprocess.run([browser, *how, *places], check=True, capture_output=True)
            taken.append(time.monotonic() - start_s)
    return statistics.median(taken)


if __name__ == "__main__":
    sys.exit(main())
