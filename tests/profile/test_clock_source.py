"""How far a clock is from true time, by what keeps it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from energyprof.profile.clock_source import of_chrony, of_ntpq

# As chrony 4.3 and ntpd 4.2.8 print it.
CHRONY = """Reference ID    : C0000201 (ntp.example.org)
Stratum         : 3
Ref time (UTC)  : Fri Jan 15 08:00:00 2027
System time     : 0.000250000 seconds {0} of NTP time
Last offset     : -0.000012345 seconds
RMS offset      : 0.000098765 seconds
Frequency       : 12.345 ppm slow
Residual freq   : -0.001 ppm
Skew            : 0.045 ppm
Root delay      : 0.004000000 seconds
Root dispersion : 0.001000000 seconds
Update interval : 1030.2 seconds
Leap status     : {1}
"""
NTPQ = """associd=0 status=0615 leap_none, sync_ntp, 1 event, clock_sync,
version="ntpd 4.2.8p15", processor="x86_64", system="Linux", leap=00, stratum={0},
precision=-24, rootdelay=4.000, rootdisp=1.000, refid=192.0.2.1,
offset=-0.250000, frequency=12.345, sys_jitter=0.098765, clk_jitter=0.1, clk_wander=0.01
"""
# Half the delay and the dispersion are 3 ms, the half width of a rectangle.
U_S = 0.003 / 3**0.5


def test_chrony_and_ntpd_say_the_same_of_a_clock_that_is_ahead() -> None:
    fast, ntp = of_chrony(CHRONY.format("fast", "Normal")), of_ntpq(NTPQ.format(2))
    assert fast is not None
    assert ntp is not None
    assert (fast.ahead_s, fast.u_s) == pytest.approx((0.00025, U_S))
    assert (ntp.ahead_s, ntp.u_s) == pytest.approx((0.00025, U_S))
    slow = of_chrony(CHRONY.format("slow", "Normal"))
    assert slow is not None
    assert slow.ahead_s == pytest.approx(-0.00025)


def test_a_clock_that_nothing_keeps_is_not_known() -> None:
    assert of_chrony(CHRONY.format("fast", "Not synchronised")) is None
    assert of_chrony("506 Cannot talk to daemon\n") is None
    assert of_ntpq(NTPQ.format(16)) is None
    assert of_ntpq("ntpq: read: Connection refused\n") is None


@pytest.mark.slow
def test_what_keeps_the_clocks_places_nodes_where_nobody_else_told(command: Any, tmp_path: Path) -> None:
    for node, word in (("n1", "fast"), ("n2", "slow")):
        programs = tmp_path / node
        programs.mkdir()
        (programs / "chronyc").write_text(f"#!/bin/sh\ncat <<'END'\n{CHRONY.format(word, 'Normal')}END\n")
        (programs / "chronyc").chmod(0o755)
        words = ("--idle", "0", "--machine", node, "-o", f"{node}.json", "--", "sleep", "0.3")
        path = os.pathsep.join([str(programs), os.environ["PATH"]])
        assert command("exec", *words, environment={"PATH": path}).returncode == 0
    assert command("join", "n1.json", "n2.json", "-o", "all.json").returncode == 0
    joined = json.loads((command.folder / "all.json").read_text())["joined"]
    assert [node["ahead_s"] for node in joined] == pytest.approx([0.00025, -0.00025])
    assert [node["ahead_u_s"] for node in joined] == pytest.approx([U_S, U_S])
    words = ("--ahead", joined[0]["node"] + "=2:0.1", "-o", "told.json")
    assert command("join", "n1.json", "n2.json", *words).returncode == 0
    assert command.report("told.json")["joined"][0]["ahead_s"] == 2.0
