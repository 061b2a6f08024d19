"""A `run …` or `exec …` that stands in another command's words, read without running it."""

from __future__ import annotations

from pathlib import Path

import pytest

from energyprof.cli.quoted import asked, commands
from energyprof.errors import UsageError
from energyprof.profile.request import ProgramRequest, ScriptRequest, TrainingRequest, WorkloadRequest
from energyprof.profile.script import Script
from energyprof.settings import Settings
from energyprof.workload import Target


@pytest.mark.parametrize(
    ("words", "request_", "label"),
    [
        ("run unet", WorkloadRequest("unet", Settings()), "unet-tiny"),
        (
            "run transformer --size base --lora 8 --compile --target 0.6 --python python3",
            WorkloadRequest(
                "transformer", Settings(size="base", lora=8, compile=True, target=0.6), "python3"
            ),
            "transformer-base",
        ),
        (
            "run ./train.py --nproc 2 --target loss<=0.2 -- --lr 3",
            ScriptRequest(Script(Path("train.py"), ("--lr", "3"), Target("loss", 0.2, "min")), 2),
            "train",
        ),
        ("exec --name sleepy sleep 1 -h", ProgramRequest(("sleep", "1", "-h"), "sleepy"), "sleepy"),
        ("exec -- /bin/sleep 1", ProgramRequest(("/bin/sleep", "1")), "sleep"),
    ],
)
def test_a_command_is_what_it_asks_to_train(words: str, request_: TrainingRequest, label: str) -> None:
    found = asked(words.split())
    assert (found, found.label) == (request_, label)


def test_nothing_that_is_asked_need_be_here() -> None:
    assert asked(["run", "/no/train.py", "--python", "/no/python"]).label == "train"
    assert asked(["exec", "no-such-program"]).label == "no-such-program"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("run unet --seeds 1,2 --breakdown 3 -o x", "--seeds, --breakdown, --output: is the same for both"),
        ("run unet --resume r.json", "--resume: is the same for both sides"),
        ("exec --meters none true", "--meters: is the same for both sides; give it to ab or aa, before exec"),
        ("run unet --ema", "unet has no --ema: leave it out, or train diffusion, which has"),
        ("run train.py --ema", "--ema: only for standard workloads"),
        ("run unet fast", "fast: only a script takes arguments"),
        ("run gpt", "unknown workload 'gpt'"),
    ],
)
def test_what_makes_no_sense_is_one_line(words: str, says: str) -> None:
    with pytest.raises(UsageError) as error:
        asked(words.split())
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_one_command_may_stand_without_quotes_and_others_in_them() -> None:
    assert commands(["run", "./my train.py", "--", "1"]) == [["run", "./my train.py", "--", "1"]]
    assert commands(["run unet", "run './my train.py' -- 1"]) == [
        ["run", "unet"],
        ["run", "./my train.py", "--", "1"],
    ]
