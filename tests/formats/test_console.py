"""What is drawn for a terminal: whatever is to be copied stands there whole."""

from __future__ import annotations

import io

import pytest
from rich.console import Group

from energyprof.formats.console import Screen
from energyprof.formats.diagnosis import diagnosis
from energyprof.measure.selection import Selection
from energyprof.meter import Finding

REMEDY = "sudo chmod a+r " + " ".join(f"/sys/class/hwmon/hwmon{n}/energy1_input" for n in range(5))
REASON = "hwmon:xe:energy1: /" + "a" * 90 + "/energy1_input: Permission denied"
FACTS = {"host": "h", "system": "s", "kernel": "k", "arch": "a"}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("out", [io.StringIO, Terminal])
def test_a_remedy_is_one_line_to_paste_and_a_reason_loses_nothing_on_a_narrow_screen(
    monkeypatch: pytest.MonkeyPatch, out: type[io.StringIO]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("NO_COLOR", "1")
    found = Finding("intelgpu", "real", "blocked", reason=REASON, remedy=REMEDY)
    screen = Screen(written := out())
    screen.print(Group(diagnosis(FACTS, [found], Selection(), None, [])))
    assert f"try: {REMEDY}" in [line.strip() for line in written.getvalue().splitlines()]
    assert "".join(REASON.split()) in "".join(written.getvalue().split())


@pytest.mark.parametrize(("user", "advised"), [(0, False), (1000, True)])
def test_nobody_who_is_root_is_told_to_be(user: int, advised: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: user)
    facts = {**FACTS, "hardware": {"boot": "sha256:0"}}
    Screen(written := io.StringIO()).print(diagnosis(facts, [], Selection(), None, []))
    words = " ".join(written.getvalue().split())
    assert "name it with --machine when you measure" in words
    assert ("or run as root" in words) == advised
