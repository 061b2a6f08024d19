"""How to measure is asked alike of every command that measures, and can be passed on as it is typed."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from conftest import Command
from typer.testing import CliRunner

from energyprof.cli.metering import USUAL, Metering
from energyprof.cli.metering_options import with_metering

ALL = ("--meters", "--require-power", "--interval", "--idle", "--calibration", "--meter-test", "--machine")


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    ["run", "exec", "attach", "ab", "aa", "tune", "study run", "study cell"],
    ids=lambda words: words.replace(" ", "-"),
)
def test_every_command_that_trains_takes_all_of_them(command: Command, words: str) -> None:
    told = command(*words.split(), "--help").stdout
    assert [option for option in ALL if f" {option} " not in told] == []


@pytest.mark.parametrize(
    "metering",
    [
        USUAL,
        USUAL._replace(meters="rapl,nvml:0", interval=0.05, idle=0.0),
        USUAL._replace(require_power=True, machine="the one at the window"),
        USUAL._replace(calibration=(Path("/a b.json"), Path("/c.json")), meter_test=Path("/t.json")),
    ],
)
def test_their_words_say_the_same_elsewhere(metering: Metering) -> None:
    heard = []
    application = typer.Typer()

    @application.command()
    @with_metering
    def job(metering: Metering = USUAL) -> None:
        heard.append(metering)

    done = CliRunner().invoke(application, metering.words())
    assert (done.exit_code, heard) == (0, [metering]), done.output


def test_what_is_as_usual_needs_no_words_and_a_file_is_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert USUAL.words() == []
    monkeypatch.chdir(tmp_path)
    words = USUAL._replace(calibration=(Path("plug.json"),)).words()
    assert words == ["--calibration", str(tmp_path / "plug.json")]
