"""What people see of a training while it goes on: with a target and without, in a terminal and in a log."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from rich.console import Console

from energyprof.cli.screen import PlainLines, Subject, live_display
from energyprof.compare.bank import Bank
from energyprof.profile.live import Snapshot
from energyprof.workload import Target

START = Snapshot(0, 1, 3, "startup", 1.0, None, None, None, None, None, False)
TRAINS = Snapshot(1, 2, 4, "train", 9.0, 5.0, 4096, 0.485, 60.0, 300.0, True)
UNET = Subject("unet tiny", Target("dice", 0.97, "max"), 16384)
SCRIPT = Subject("train.py", Target("loss", 0.2, "min"), None)
AIMLESS = Subject("train.py", None, None)


def drawn(subject: Subject, now: Snapshot) -> str:
    console = Console(force_terminal=True, width=80, color_system=None)
    with console.capture() as capture, live_display(console, subject) as watch:
        watch(now)
    return capture.get()


def line(subject: Subject, now: Snapshot, capsys: pytest.CaptureFixture[str]) -> str:
    PlainLines(subject).watch(now)
    return str(capsys.readouterr().err)


def test_a_workload_is_drawn_with_its_target_and_its_limit(capsys: pytest.CaptureFixture[str]) -> None:
    picture = drawn(UNET, TRAINS)
    assert "unet tiny, run 2 of 2, seed 4: train" in picture
    assert "━ 0.485, target 0.97 dice" in picture
    assert "4,096 of at most 16,384" in picture
    assert "estimated, not measured" in picture
    assert line(UNET, TRAINS, capsys) == (
        "unet tiny seed 4: train, 5.0 s training, 9.0 s in all, 4,096 samples, score 0.485 (target 0.97), "
        "60.0 W (estimate), 300 J\n"
    )


def test_a_script_has_no_limit_and_may_never_mark_a_phase(capsys: pytest.CaptureFixture[str]) -> None:
    assert "samples  4,096 " in drawn(SCRIPT, TRAINS)
    assert "none yet, target 0.2 loss" in drawn(SCRIPT, START)
    assert line(SCRIPT, START, capsys) == "train.py seed 3: running, no phase marked yet, 1.0 s\n"
    assert line(UNET, START, capsys) == "unet tiny seed 3: starting up, 1.0 s\n"


def test_without_a_target_a_score_stands_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert "score" not in drawn(AIMLESS, START)
    picture = drawn(AIMLESS, TRAINS)
    assert "0.485" in picture and "target" not in picture
    assert "score 0.485, 60.0 W" in line(AIMLESS, TRAINS, capsys)


def test_a_line_is_printed_only_for_news(capsys: pytest.CaptureFixture[str]) -> None:
    lines = PlainLines(UNET)
    for now in (TRAINS, replace(TRAINS, samples=8192), replace(TRAINS, score=0.5)):
        lines.watch(now)
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_where_a_bank_knows_the_work_a_bar_says_how_far_it_is_and_how_long_it_takes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # Hundreds of seeds that needed 8,192 samples, within a few: 4,096 in 5 s leave 5 s.
    known = replace(UNET, bank=Bank(math.log(8192), 1e-3, 400, 400))
    picture = drawn(known, TRAINS)
    assert f"{'━' * 24} 4,096; reference runs: 8,192 (8,176 … 8,208)" in picture
    assert "about 5.0 s, at most 5.0 s at this pace" in picture
    assert "4,096 samples, about 5.0 s left, score" in line(known, TRAINS, capsys)
    late = drawn(known, replace(TRAINS, samples=9000))
    assert "longer than reference runs took" in late
    assert " left" not in line(known, replace(TRAINS, samples=9000), capsys)
    assert "left" not in drawn(known, START) and "left" not in drawn(known, replace(TRAINS, samples=16))
