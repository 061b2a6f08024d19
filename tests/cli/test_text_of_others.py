"""Whatever stands in others' files, nothing that energyprof prints controls a terminal or a CI."""

from __future__ import annotations

import ast
import io
import json
import os
import pty
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import energyprof
from energyprof.cli.streams import CleanStream
from energyprof.errors import FileError
from energyprof.formats import COMPARISON_FORMATS, VERDICT_FORMATS
from energyprof.formats.console import Screen
from energyprof.formats.printable import json_escaped
from energyprof.report.file import from_json, to_json
from energyprof.report.record import Report
from fakes.recording import counter, gauge, nvml, recording, shelly
from reports import report, run

PIECES = (
    *("\x1b[35;4m", "\x1b[2J", "\x1b]0;title\x07", "\x1b[8m", "\x9b31m", "\x00", "\x7f", "\x85", "\r", "\b"),
    *("\u202e", "\u2066", "\u200f", "\u2028", "\u2029", "\ufeff", "\U000e0041"),
    *(
        "\n",
        "\n::set-output name=a::b",
        "::error::c",
        "\n \t::stop-commands::d",
        "##[error]e",
        "\n##[group]f",
    ),
    *("##vso[task.setvariable variable=g]h", "##teamcity[i]", "\u3000::notice::", "[bold red]", "[/none]"),
    *(":smile:", "<b>", "`|`", "name", " ", "é", "日本", "😀", '"', "\\", "{}", "%s", "%0A"),
)


def nasty(rng: random.Random) -> str:
    return "".join(rng.choice(PIECES) for _ in range(rng.randint(1, 4)))


def faults(text: str) -> list[str]:
    """What in a text may control a terminal, and the lines that a CI takes for commands."""
    found = [f"{c!r} in {text[max(0, i - 40) : i + 20]!r}" for i, c in enumerate(text) if controls(c)]
    return found + [line for line in text.split("\n") if re.match(r"\s*::|.*##\w*\[", line)]


def controls(character: str) -> bool:
    return character not in "\n\t" and not character.isprintable()


ours = re.compile(r"^::(notice|warning|error) title=energyprof[^\n]*$", re.MULTILINE)


def leaves(node: Any) -> Iterator[tuple[Any, Any]]:
    """Where a text stands in JSON, be it a value or the name of a free field."""
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        if isinstance(value, str) and value != "train":  # without that phase there is nothing to tell
            yield node, key
        elif isinstance(value, dict | list):
            yield from leaves(value)


def planted(content: Report, seed: int) -> str:
    """The report as JSON with a nasty text in each field that may hold one."""
    rng = random.Random(seed)
    data = json.loads(to_json(content))
    count = 0
    for node, key in leaves(data):
        before, node[key] = node[key], nasty(rng)
        try:
            from_json(json.dumps(data), "")
            count += 1
        except FileError:
            node[key] = before
    assert count > 20
    return json.dumps(data)


def filled(seed: int) -> Report:
    """A report that has something in most of its fields."""
    rng = random.Random(seed)
    facts = {nasty(rng): nasty(rng), "torch": "2.0", "device": nasty(rng), "parameters": 1000}
    made = report([run(1.0 + 0.01 * n, seed=n, facts=facts, u_rel=0.02, gain_rel=0.01) for n in range(3)])
    workload = replace(made.workload, config={nasty(rng): nasty(rng), "batch": 3})
    return replace(made, notes=("a note", "another"), workload=workload)


def seen(done: subprocess.CompletedProcess[str], *, json_out: bool = False) -> None:
    """Nothing of what it printed controls anything; as JSON it is whole."""
    assert "Traceback" not in done.stderr, done.stderr
    assert not faults(done.stdout), done.stdout
    assert not faults(done.stderr), done.stderr
    if json_out:
        json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_no_field_of_a_report_controls_anything(command: Any, seed: int) -> None:
    for name in ("a", "b"):
        (command.folder / f"{name}.json").write_text(planted(filled(seed), seed))
    for words in (("show", "a.json"), ("show", "--budget", "a.json")):
        seen(command(*words))
        seen(command(*words, "--json"), json_out=True)
    assert json.loads(command("show", "a.json", "--json").stdout) == json.loads(
        to_json(from_json((command.folder / "a.json").read_text(), ""))
    )
    for form in COMPARISON_FORMATS:
        done = command("compare", "a.json", "b.json", "--format", form)
        seen(done, json_out=form in ("json", "bmf"))
    for form in VERDICT_FORMATS:
        done = command("check", "a.json", "--baseline", "b.json", "--format", form)
        own = ours.findall(done.stdout)
        assert len(own) == (1 if form == "github" else 0)
        done.stdout = ours.sub("", done.stdout)
        seen(done, json_out=form == "json")
    seen(command("estimate", "unet", "--size", "base", "--from", "a.json"))
    seen(command("compare", "a.json", "--html", "page.html"))
    page = (command.folder / "page.html").read_text()
    assert not [c for c in page if controls(c)]


@pytest.mark.slow
def test_no_field_of_a_trace_controls_anything(command: Any) -> None:
    rng = random.Random(5)
    recording(command.folder / "r.json", [(nvml(), counter(1 / 1.06)), (shelly(), gauge(1.06))], each_s=20.0)
    marks = "".join(
        f"  energyprof.mark({nasty(rng)!r})\n  energyprof.progress({n}, 0.5)\n" for n in range(30)
    )
    program = f"import energyprof\nfor _ in range(1):\n{marks}"
    done = command(
        "exec", "--idle", "0", "-o", "marks.json", "--name", nasty(rng), "--", sys.executable, "-c", program
    )
    seen(done)
    for words in (("show", "marks.json"), ("recompute", "marks.json"), ("compare", "marks.json")):
        seen(command(*words))
    seen(command("recompute", "marks.json", "--json"), json_out=True)
    (command.folder / "r.json").write_text(planted(from_json((command.folder / "r.json").read_text(), ""), 1))
    seen(command("calibrate", "r.json", "--meter", nasty(rng), "--reference", "shelly:192.0.2.7"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_no_word_of_a_command_controls_anything(command: Any, seed: int) -> None:
    rng = random.Random(seed)
    word = (nasty(rng) + nasty(rng)).replace("\0", "") + "\x1b[31m\n::error::x"
    for words in (
        *(("show", word), ("compare", word), ("check", word, "--baseline", word), ("import", word)),
        *((word,), ("show", f"--{word}"), ("run", word), ("exec", "--idle", "0", "--", word), ("aa", word)),
        *(
            ("run", "unet", "--meters", word),
            ("doctor", "--meters", f"csv={word}?{word}=1"),
            ("recompute", word),
        ),
        *(("run", "unet", "--epochs", word), ("doctor", "--seconds", word), ("calibrate", word)),
        ("compare", "a", "--format", word),
    ):
        done = command(*words)
        assert done.returncode not in (0, 1), done.stdout
        seen(done)


@pytest.mark.slow
def test_what_a_failed_training_said_controls_nothing_and_its_own_output_passes(command: Any) -> None:
    (command.folder / "train.py").write_text(
        "import sys, energyprof\nenergyprof.mark('train')\n"
        "print('\\x1b[31m::notice::mine', flush=True)\nraise SystemExit('\\x1b[2Jworse\\n::error::y')\n"
    )
    done = command("exec", "--idle", "0", "--", sys.executable, "train.py")
    assert done.stdout == "\x1b[31m::notice::mine\n"
    assert done.stderr.startswith("\x1b[2Jworse\n::error::y\n")
    done.stdout, done.stderr = "", done.stderr.partition("::error::y\n")[2]
    assert done.stderr
    seen(done)


def test_imported_names_control_nothing(command: Any) -> None:
    rng = random.Random(9)
    head = "timestamp,project_name,run_id,duration,emissions,energy_consumed,cpu_energy,gpu_energy,ram_energy"
    rows = [f'2026-01-01T00:00:0{n},"{nasty(rng)}",{n},10,0.1,0.001,0.001,0,0' for n in range(5)]
    (command.folder / "emissions.csv").write_text("\n".join([head, *rows, ""]).replace("\0", ""))
    seen(command("import", "emissions.csv"))
    seen(command("import", "emissions.csv", "--only", nasty(rng).replace("\0", "")))


def on_a_terminal(command: Any, *words: str) -> str:
    """What a command writes on a terminal."""
    ours, its = pty.openpty()
    environment = {**command.environment(), "TERM": "xterm-256color", "COLUMNS": "120"}
    with subprocess.Popen(
        command.arguments(*words), cwd=command.folder, env=environment, stdout=its, stderr=its, stdin=its
    ):
        os.close(its)
        said = b""
        while True:
            try:
                data = os.read(ours, 4096)
            except OSError:
                break
            said += data
    os.close(ours)
    return said.decode().replace("\r\n", "\n")


@pytest.mark.slow
def test_on_a_terminal_there_are_our_own_styles_and_no_others(command: Any) -> None:
    styled = on_a_terminal(command, "doctor", "--seconds", "0")
    assert "\x1b[" in styled
    (command.folder / "a.json").write_text(planted(filled(1), 1))
    for words in (("show", "a.json"), ("compare", "a.json", "a.json"), ("show", "--\x1b[8mx\x1b[2J")):
        said = on_a_terminal(command, *words)
        assert not set(re.findall(r"\x1b\[([0-9;]*)m", said)) & {"8", "35;4"}
        assert not faults(re.sub(r"\x1b\[[0-9;]*m", "", said))
        assert "title\x07" not in said


@pytest.mark.slow
def test_a_training_is_drawn_over_itself_on_a_terminal(command: Any) -> None:
    program = "import sys, time, energyprof\nenergyprof.mark('\\x1b[35;4m\\n::error::x')\ntime.sleep(0.3)\n"
    (command.folder / "train.py").write_text(program)
    said = on_a_terminal(command, "run", "train.py", "--idle", "0.3")
    assert "\x1b[2K" in said and "\x1b[?25h" in said
    assert "35;4m" not in said.replace("?[35;4m", "")
    assert not faults(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", said))


def test_only_one_file_makes_a_screen() -> None:
    package = Path(energyprof.__file__).parent
    makers = [
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        for text in [path.read_text()]
        if "Console" in text  # to read all as code takes seconds
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ClassDef | ast.Call)
        for name in (node.bases if isinstance(node, ast.ClassDef) else [node.func])
        if isinstance(name, ast.Name) and name.id == "Console"
    ]
    assert makers == ["formats/console.py"]


@pytest.mark.slow
@given(st.lists(st.text() | st.sampled_from(PIECES), max_size=8))
def test_a_stream_lets_nothing_pass_however_it_comes_in_parts(parts: list[str]) -> None:
    raw = io.BytesIO()
    stream = CleanStream(io.BufferedWriter(raw), encoding="utf-8", errors="replace")  # type: ignore[arg-type]
    for part in parts:
        stream.write(part)
    Screen(stream).print(*parts)
    stream.flush()
    assert not faults(raw.getvalue().decode())


@pytest.mark.slow
@given(st.text() | st.lists(st.sampled_from(PIECES)).map("".join))
def test_json_keeps_its_data(text: str) -> None:
    shown = json_escaped(json.dumps({text: [text]}, ensure_ascii=False, indent=1), "utf-8")
    assert json.loads(shown) == {text: [text]}
    assert not faults(shown)
    json_escaped(json.dumps(text, ensure_ascii=False)).encode("ascii")
