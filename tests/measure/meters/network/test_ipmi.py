"""IPMI through a fake ipmitool that is a real child process: readings, refusals, and children that hang."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from energyprof.errors import MeterError, UsageError
from energyprof.measure.meters.network import ipmi
from energyprof.meter import Finding
from energyprof.trace.gains import BMC
from fakes.ipmi import Ipmitool


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ipmitool:
    fake = Ipmitool(tmp_path)
    monkeypatch.setenv("PATH", str(fake.path), prepend=os.pathsep)
    for name in ("ENERGYPROF_IPMI_USER", "ENERGYPROF_IPMI_PASSWORD", "IPMI_PASSWORD", "IPMITOOL_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    return fake


def opened(finding: Finding) -> Any:
    assert finding.state == "found", finding.reason
    return finding.sources[0].open()


def gone(pid: int) -> bool:
    """Whether the process has ended and was waited for."""
    deadline_s = time.monotonic() + 20
    while time.monotonic() < deadline_s:
        if not Path(f"/proc/{pid}").exists():
            return True
        time.sleep(0.01)
    return False


def test_the_board_answers_in_watts(tool: Ipmitool) -> None:
    finding = ipmi.find_at("local", {})
    meter = opened(finding)
    assert meter.read() == 342.0
    tool.shows(355)
    assert meter.read() == 355.0
    meter.close()
    meter.close()
    assert set(tool.calls) == {"dcmi power reading"}
    info = finding.sources[0].info
    assert (info.name, info.part, info.boundary, info.reads) == (
        "ipmi:local",
        "machine",
        "wall_ac",
        "power_w",
    )
    assert (info.resolution, info.min_interval_s, info.refresh_s) == (1.0, 1.0, 1.0)
    assert (info.gain_below, info.gain_above, info.offset_a_w) == (BMC.below, BMC.above, 10.0)
    assert "ENERGY STAR" in info.gain_source


def test_the_options_describe_the_meter(tool: Ipmitool) -> None:
    info = ipmi.find_at("local", {"boundary": "node_dc", "gain": "0.01", "name": "rack"}).sources[0].info
    assert (info.name, info.boundary, info.gain_a, info.offset_a_w) == ("ipmi:rack", "node_dc", 0.01, 0.0)
    assert (info.gain_below, info.gain_above) == (None, None)


@pytest.mark.parametrize("variable", ["ENERGYPROF_IPMI_PASSWORD", "IPMI_PASSWORD", "IPMITOOL_PASSWORD"])
def test_a_password_travels_in_the_environment_and_on_no_command_line(
    tool: Ipmitool, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv("ENERGYPROF_IPMI_USER", "operator")
    monkeypatch.setenv(variable, "s3cret")
    meter = opened(ipmi.find_at("bmc.example", {}))
    assert meter.read() == 342.0
    meter.close()
    assert set(tool.calls) == {"-I lanplus -H bmc.example -U operator -E dcmi power reading"}
    assert tool.password == "s3cret s3cret"
    assert os.environ[variable] == "s3cret"


def test_a_host_without_credentials_is_blocked(tool: Ipmitool) -> None:
    finding = ipmi.find_at("bmc.example", {})
    assert (finding.state, finding.reason) == ("blocked", "bmc.example asks for a user and a password")
    assert finding.remedy == "export ENERGYPROF_IPMI_USER=… ENERGYPROF_IPMI_PASSWORD=…"


def test_without_ipmitool_its_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    finding = ipmi.find_at("local", {})
    assert (finding.state, finding.remedy) == ("blocked", "sudo apt install ipmitool")


NO_DEVICE = "Could not open device at /dev/ipmi0 or /dev/ipmi/0 or /dev/ipmidev/0: No such file or directory"
FORBIDDEN = "Could not open device at /dev/ipmi0: Permission denied"
NO_SESSION = "Error: Unable to establish IPMI v2 / RMCP+ session"
NO_DCMI = "DCMI request failed because: Invalid command (c1)"


@pytest.mark.parametrize(
    ("stdout", "stderr", "code", "reason", "remedy"),
    [
        ("", NO_DEVICE, 1, "ipmitool: Could not open device", "sudo modprobe -a ipmi_si ipmi_devintf"),
        ("", FORBIDDEN, 1, "ipmitool: Could not open device", "run as root"),
        (
            "",
            NO_SESSION,
            1,
            "ipmitool: Error: Unable to establish",
            "check the host, the user and the password",
        ),
        ("", NO_DCMI, 1, "ipmitool: DCMI request failed", "this BMC has no DCMI power reading"),
        ("", "", 3, "ipmitool: exit code 3", ""),
        ("", "", 0, "no DCMI power reading in ipmitool's output: nothing", "this BMC has no"),
        (
            "<html>\nbusy",
            "",
            0,
            "no DCMI power reading in ipmitool's output: <html> busy",
            "this BMC has no",
        ),
    ],
)
def test_what_ipmitool_complains_of_is_told_in_one_line_with_a_remedy(
    tool: Ipmitool, stdout: str, stderr: str, code: int, reason: str, remedy: str
) -> None:
    tool.says(stdout, stderr, code)
    finding = ipmi.find_at("local", {})
    assert (finding.state, finding.sources) == ("blocked", ())
    assert finding.reason.startswith(reason) and "\n" not in finding.reason
    assert finding.remedy.startswith(remedy) and bool(finding.remedy) == bool(remedy)


def test_zero_watts_is_no_reading(tool: Ipmitool) -> None:
    meter = opened(ipmi.find_at("local", {}))
    tool.shows(0)
    with pytest.raises(
        MeterError, match="ipmi:local: the BMC shows 0 W: it does not fill in its DCMI power reading"
    ):
        meter.read()
    assert ipmi.find_at("local", {}).state == "blocked"
    tool.shows(340)
    assert meter.read() == 340.0


def test_a_bmc_that_calls_its_readings_deactivated_is_believed_with_a_note(tool: Ipmitool) -> None:
    assert ipmi.find_at("local", {}).notes == ()
    tool.shows(319, state="deactivated")
    finding = ipmi.find_at("local", {})
    assert opened(finding).read() == 319.0
    assert "deactivated: see that the power moves" in finding.notes[0]


@pytest.mark.parametrize("address", ["-x", "a b", "bmc;reboot", "u:p@bmc"])
def test_an_address_that_is_no_host_is_refused(tool: Ipmitool, address: str) -> None:
    with pytest.raises(UsageError):
        ipmi.find_at(address, {})


@pytest.mark.slow
def test_a_read_that_hangs_is_given_up_and_its_child_ended(
    tool: Ipmitool, monkeypatch: pytest.MonkeyPatch
) -> None:
    meter = opened(ipmi.find_at("local", {}))
    tool.hangs()
    started_s = time.monotonic()
    with pytest.raises(MeterError, match=r"ipmi:local: no answer within 1\.5 s"):
        meter.read()
    assert time.monotonic() - started_s < 60  # the child would sleep for ten minutes
    assert gone(tool.pid)
    tool.shows(341)
    assert meter.read() == 341.0


def test_closing_ends_a_read_that_is_under_way(tool: Ipmitool) -> None:
    meter = opened(ipmi.find_at("local", {}))
    tool.hangs()
    before = len(tool.calls)
    errors: list[str] = []

    def read() -> None:
        try:
            meter.ask(500.0)
        except MeterError as error:
            errors.append(str(error))

    thread = threading.Thread(target=read)
    thread.start()
    deadline_s = time.monotonic() + 20
    while (len(tool.calls) == before or gone_already(tool)) and time.monotonic() < deadline_s:
        time.sleep(0.01)
    meter.close()
    thread.join(timeout=20)
    assert not thread.is_alive()
    assert errors and gone(tool.pid)


def gone_already(tool: Ipmitool) -> bool:
    """Whether the last process that wrote its id has ended: the new one has not written its own yet."""
    return not Path(f"/proc/{tool.pid}").exists()
