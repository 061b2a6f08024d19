"""The PMU ``power`` on fake trees, against a fake kernel that child processes have preloaded."""

from __future__ import annotations

import errno
import itertools
import json
import math
import os
import random
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import warm
from energyprof.measure.meters.rapl import perf
from energyprof.meter import MeterInfo
from energyprof.trace.rows import Sample
from fakes import perf as fake
from fakes import sysfs
from fakes.traces import Trace, energy_between
from fakes.waveform import burst, constant, ramp, square

# What `find` says; with TIMES, what each meter then shows at each of them on a simulated clock.
FIND = """
import dataclasses, json, os, sys
from pathlib import Path
from energyprof.errors import MeterError
from energyprof.measure.meters import find
times = json.loads(os.environ.get("TIMES", "[]"))
f = find("rapl", Path(sys.argv[1]))
meters = [source.open() for source in f.sources]
rows = []
for time_s in times:
    Path(os.environ["FAKE_PERF_CLOCK"]).write_text(repr(time_s))
    row = []
    for meter in meters:
        try:
            row.append(meter.read())
        except MeterError as error:
            row.append(str(error))
    rows.append(row)
for meter in meters:
    meter.close()
    meter.close()
infos = [dataclasses.asdict(source.info) for source in f.sources]
print(json.dumps([f.state, infos, f.reason, f.remedy, f.notes, rows]))
"""


class Found(NamedTuple):
    """What a search in a child brought to light."""

    state: str
    infos: dict[str, Any]
    reason: str
    remedy: str
    notes: Sequence[str]
    rows: Sequence[Any]

    @property
    def counted(self) -> list[str]:
        return [name for name, info in self.infos.items() if not info["checks"]]

    @property
    def twins(self) -> dict[str, str]:
        return {name: info["checks"] for name, info in self.infos.items() if info["checks"]}


@pytest.fixture(scope="session")
def library() -> Path:
    """The fake kernel."""
    return fake.build()


def python(script: str, root: Path, environment: dict[str, str]) -> Any:
    """What the script prints as JSON."""
    child = warm.run(["-c", script, str(root)], environment)
    assert child.returncode == 0, child.stderr
    assert child.stderr == ""
    return json.loads(child.stdout)


def found(root: Path, library: Path | None, times: Sequence[float] = (), **settings: object) -> Found:
    """What is found below ``root``, and the readings at ``times``, opened at 0 s."""
    clock = sysfs.write(root.parent / f"{root.name}-clock", "0.0")
    environment = fake.environment(library, clock=clock, **settings)
    state, infos, *rest = python(FIND, root, {**environment, "TIMES": json.dumps(list(times))})
    return Found(state, {info["name"]: info for info in infos}, *rest)


# Each machine: its tree, what the kernel lets be opened, and the power of each counter that is due, as the
# fake gives it: k + 10 c times 1 W for event k on CPU c.
MACHINES: dict[str, tuple[Callable[[Path], None], dict[str, object], dict[str, float]]] = {
    "laptop": (sysfs.perf_client, {"events": "1,2,4,5"}, {"rapl:package-0": 2}),
    "two sockets": (
        sysfs.perf_sockets,
        {"events": "1,2,3", "cpus": "0,12"},
        {
            "rapl:package-0": 2,
            "rapl:dram-0": 3,
            "rapl:package-1": 122,
            "rapl:dram-1": 123,
        },
    ),
    "dies": (
        sysfs.perf_server,
        {"events": "1,2,3", "cpus": ",".join(map(str, range(12)))},
        {
            f"rapl:{domain}-{cpu // 6}-die-{cpu % 6}": code + 10 * cpu
            for cpu in range(12)
            for domain, code in (("package", 2), ("dram", 3))
        },
    ),
    "AMD": (sysfs.perf_amd, {"events": "2"}, {"rapl:package-0": 2}),
    "AMD with Linux 6.10": (
        sysfs.perf_amd_of_linux_6_10,
        {"events": "2", "cpus": ",".join(map(str, range(0, 96, 8)))},
        {"rapl:package-0": 2},
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MACHINES)
def test_every_counter_is_read_through_perf_and_counted_once(
    library: Path, tmp_path: Path, name: str
) -> None:
    machine, kernel, powers_w = MACHINES[name]
    root = tmp_path / "root"
    machine(root)
    result = found(root, library, times=[10.0, 70.0], wave=constant(1).spec(), **kernel)
    assert (result.state, result.reason, result.remedy) == ("found", "", "")
    assert result.counted == list(powers_w)
    for name, info in result.infos.items():
        if name in powers_w:
            assert info["part"] == ("dram" if "dram" in name else "cpu")
            assert (info["method"], info["lane"]) == ("perf power PMU", "rapl")
            assert (info["reads"], info["wraps_at_j"], info["refresh_s"]) == ("energy_j", None, 0.001)
            assert info["resolution"] == 2**-32
    first, second = (dict(zip(result.infos, row, strict=True)) for row in result.rows)
    for name, power_w in powers_w.items():
        assert first[name] == pytest.approx(10 * power_w, abs=2**-14)
        assert second[name] == pytest.approx(70 * power_w, abs=2**-14)


def test_what_lies_in_the_package_or_holds_it_is_named_and_left_out(library: Path, tmp_path: Path) -> None:
    sysfs.perf_client(tmp_path)
    result = found(tmp_path, library, events="1,2,4,5")
    assert result.notes == [
        "psys left out: it holds the packages that are counted",
        "core, uncore left out: inside the package",
        "no readable dram domain: the memory is not metered",
    ]


def test_psys_counts_where_there_is_no_package(library: Path, tmp_path: Path) -> None:
    sysfs.cpuinfo(tmp_path)
    sysfs.perf_pmu(tmp_path, ["energy-psys"], {0: (0, 0)})
    result = found(tmp_path, library, times=[2.0], events="5", wave=constant(1).spec())
    assert result.counted == ["rapl:psys"]
    assert result.infos["rapl:psys"]["part"] == "soc"
    assert result.rows == [[pytest.approx(10, abs=2**-14)]]
    assert any("may include the GPU" in note for note in result.notes)


TREES: dict[str, tuple[Callable[[Path], None], Callable[[Path], None], str]] = {
    "laptop": (sysfs.intel_client, sysfs.perf_client, "0"),
    "server": (sysfs.intel_server, sysfs.perf_server, ",".join(map(str, range(12)))),
    "AMD": (sysfs.amd, sysfs.perf_amd, "0"),
}


@pytest.mark.parametrize("name", TREES)
def test_both_views_of_a_counter_have_one_name_and_the_second_is_held_against_the_first(
    library: Path, tmp_path: Path, name: str
) -> None:
    zones, pmu, cpus = TREES[name]
    zones(tmp_path)
    alone = found(tmp_path, library)
    assert not alone.twins
    pmu(tmp_path)
    both = found(tmp_path, library, events="1,2,3,4,5", cpus=cpus)
    assert both.counted == alone.counted
    assert both.twins == {f"{name}:powercap": name for name in both.counted}
    for name, counter in both.twins.items():
        info = both.infos[name]
        assert (info["tolerance"], info["lane"]) == (0.01, "rapl-powercap")
        assert {**info, **dict.fromkeys(("name", "checks", "tolerance", "lane"))} == {
            **alone.infos[counter],
            **dict.fromkeys(("name", "checks", "tolerance", "lane")),
        }


def test_a_counter_that_one_view_lacks_is_read_through_the_other(library: Path, tmp_path: Path) -> None:
    sysfs.cpuinfo(tmp_path, sockets=2)
    sysfs.perf_pmu(tmp_path, ["energy-pkg"], {0: (0, 0)})
    sysfs.zone(tmp_path, "intel-rapl:0", "package-1")
    sysfs.zone(tmp_path, "intel-rapl:0:0", "dram")
    result = found(tmp_path, library, events="2")
    assert {name: info["method"] for name, info in result.infos.items()} == {
        "rapl:package-0": "perf power PMU",
        "rapl:package-1": "powercap energy_uj",
        "rapl:dram-1": "powercap energy_uj",
    }


@pytest.mark.parametrize("by_perf", ["whole", "dies"])
def test_a_package_is_never_counted_both_as_a_whole_and_by_its_dies(
    library: Path, tmp_path: Path, by_perf: str
) -> None:
    sysfs.cpuinfo(tmp_path)
    if by_perf == "whole":
        sysfs.perf_pmu(tmp_path, ["energy-pkg"], {0: (0, 0)})
        sysfs.zone(tmp_path, "intel-rapl:0", "package-0-die-0")
        sysfs.zone(tmp_path, "intel-rapl:1", "package-0-die-1")
    else:
        sysfs.perf_pmu(tmp_path, ["energy-pkg"], {0: (0, 0), 1: (0, 1)})
        sysfs.zone(tmp_path, "intel-rapl:0", "package-0")
    result = found(tmp_path, library, cpus="0,1")
    assert list(result.infos) == ["rapl:package-0"]
    assert "package-0-die-1 left out: package-0 holds it" in result.notes
    if by_perf == "whole":
        assert list(found(tmp_path, library, errno=errno.EACCES).infos) == [
            "rapl:package-0-die-0",
            "rapl:package-0-die-1",
        ]


def test_a_view_that_cannot_be_read_makes_no_twin(library: Path, tmp_path: Path) -> None:
    sysfs.perf_client(tmp_path)
    sysfs.zone(tmp_path, "intel-rapl:0", "package-0", energy_uj=None)
    result = found(tmp_path, library, events="2")
    assert (result.state, list(result.infos)) == ("found", ["rapl:package-0"])
    assert not any("energy_uj" in note for note in result.notes)


def test_a_limit_that_powercap_tells_is_a_setting(library: Path, tmp_path: Path) -> None:
    sysfs.perf_client(tmp_path)
    limit = {"constraint_0_max_power_uw": 165_000_000}
    assert found(tmp_path, library).infos["rapl:package-0"]["max_power_w"] == 2000
    sysfs.zone(tmp_path, "intel-rapl:0", "package-0", None, constraints=limit)
    assert found(tmp_path, library).infos["rapl:package-0"]["max_power_w"] == 2000


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM])
def test_where_perf_is_forbidden_powercap_is_read_without_loss(
    library: Path, tmp_path: Path, code: int
) -> None:
    sysfs.intel_server(tmp_path)
    alone = found(tmp_path, library)
    sysfs.perf_server(tmp_path)
    result = found(tmp_path, library, errno=code)
    assert result.infos == alone.infos
    assert result.remedy == ""
    (note,) = [note for note in result.notes if "perf" in note]
    assert note.startswith("perf may not be used, so powercap is read, without loss")
    assert "sudo sysctl kernel.perf_event_paranoid=0" in note


@pytest.mark.parametrize(
    ("code", "words"),
    [(errno.EINVAL, "Invalid argument"), (errno.ENODEV, "No such device"), (errno.ENOSYS, "not implemented")],
)
def test_where_perf_fails_powercap_is_read_and_the_error_told(
    library: Path, tmp_path: Path, code: int, words: str
) -> None:
    sysfs.intel_client(tmp_path)
    sysfs.perf_client(tmp_path)
    result = found(tmp_path, library, errno=code)
    assert result.infos["rapl:package-0"]["method"] == "powercap energy_uj"
    (note,) = [note for note in result.notes if "perf" in note]
    assert words in note
    assert note.endswith(", so powercap is read")


def test_the_real_kernel_knows_no_such_pmu_and_powercap_is_read(tmp_path: Path) -> None:
    sysfs.intel_client(tmp_path)
    sysfs.perf_client(tmp_path)
    assert found(tmp_path, None).infos["rapl:package-0"]["method"] == "powercap energy_uj"


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM])
def test_perf_alone_and_forbidden_is_blocked_with_the_ways_to_open_it(
    library: Path, tmp_path: Path, code: int
) -> None:
    sysfs.perf_sockets(tmp_path)
    result = found(tmp_path, library, errno=code)
    assert result.state == "blocked"
    # One reason for the whole PMU, not one for each of its events.
    assert result.reason == f"rapl:package-0: perf power/event=0x2/ on CPU 0: {os.strerror(code)}"
    assert result.remedy.startswith("sudo sysctl kernel.perf_event_paranoid=0  # ")
    assert f"sudo setcap cap_perfmon+ep {os.path.realpath(sys.executable)}" in result.remedy
    assert "chmod" not in result.remedy


WITHOUT_ROOT = """
import ctypes, json, os, sys
from pathlib import Path
from energyprof.measure.meters.rapl import rapl
if os.getuid() == 0:  # the interpreter's files may be closed to other users: no import follows
    os.setuid(65534)
f = rapl.find(Path(sys.argv[1]))
print(json.dumps([f.state, f.reason, f.remedy]))
"""


def test_where_both_views_are_forbidden_the_remedy_offers_both(library: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to other users
        root = Path(folder)
        root.chmod(0o755)
        sysfs.intel_client(root)
        sysfs.perf_client(root)
        for counter in root.glob("sys/class/powercap/*/energy_uj"):
            counter.chmod(0o400 if os.getuid() == 0 else 0)
        environment = fake.environment(library, errno=errno.EACCES)
        state, reason, remedy = python(WITHOUT_ROOT, root, environment)
    assert state == "blocked"
    assert reason.count("Permission denied") == 2  # perf, and powercap, of whose two views one is enough
    assert remedy.startswith("sudo sysctl kernel.perf_event_paranoid=0  # ")
    assert "; or: sudo chmod a+r /sys/class/powercap/intel-rapl*/energy_uj" in remedy


@pytest.mark.slow
def test_in_a_container_the_remedy_is_the_capability(library: Path, tmp_path: Path) -> None:
    sysfs.intel_client(tmp_path)
    sysfs.perf_client(tmp_path)
    sysfs.mask_powercap(tmp_path)
    sysfs.write(tmp_path / ".dockerenv", "")
    result = found(tmp_path, library, errno=errno.EPERM)
    assert result.state == "blocked"
    assert "Operation not permitted; " in result.reason
    assert result.reason.endswith("sys/class/powercap is masked")
    assert result.remedy.startswith("docker run --cap-add PERFMON")
    assert found(tmp_path, library).counted == ["rapl:package-0"]


def test_a_virtual_machine_has_the_pmu_without_its_events(library: Path, tmp_path: Path) -> None:
    sysfs.perf_virtual(tmp_path)
    result = found(tmp_path, library)
    assert result.state == "absent"
    assert "virtual machine" in result.reason


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("type", "power\n"),
        ("cpumask", "\n"),
        ("cpumask", "0,x\n"),
        ("events/energy-pkg", "config=2\n"),
        ("events/energy-pkg.scale", "one\n"),
        ("events/energy-pkg.scale", "nan\n"),
        ("events/energy-pkg.scale", "-1e-9\n"),
        ("events/energy-pkg.unit", "Watts\n"),
        ("events/energy-pkg.unit", None),
        ("../../../../devices/system/cpu/cpu0/topology/physical_package_id", None),
    ],
)
def test_a_pmu_that_is_not_described_as_known_is_not_read(
    library: Path, tmp_path: Path, file: str, text: str | None
) -> None:
    sysfs.cpuinfo(tmp_path)
    pmu = sysfs.perf_pmu(tmp_path, ["energy-pkg"], {0: (0, 0)})
    assert found(tmp_path, library).state == "found"
    if text is None:
        (pmu / file).unlink()
    else:
        (pmu / file).write_text(text)
    result = found(tmp_path, library)
    assert result.state == "blocked"
    assert result.reason.startswith("perf: ")
    sysfs.zone(tmp_path, "intel-rapl:0", "package-0")
    result = found(tmp_path, library)
    assert result.infos["rapl:package-0"]["method"] == "powercap energy_uj"
    assert any(note.startswith("perf: ") for note in result.notes)


@pytest.mark.parametrize(
    ("cpumask", "cpus"),
    [("0", [0]), ("0,24", [0, 24]), ("0-2", [0, 1, 2]), ("1,4-5,7", [1, 4, 5, 7])],
)
def test_the_cpus_are_those_of_the_kernels_list(tmp_path: Path, cpumask: str, cpus: list[int]) -> None:
    sysfs.perf_pmu(tmp_path, ["energy-pkg"], {cpu: (cpu, 0) for cpu in cpus}, cpumask)
    events, inside, problems = perf.read_events(tmp_path)
    assert [(event.cpu, event.name) for event in events] == [(cpu, f"package-{cpu}") for cpu in cpus]
    assert (inside, problems) == (set(), [])


def test_before_linux_5_2_a_cpu_has_no_die(tmp_path: Path) -> None:
    sysfs.perf_sockets(tmp_path)
    for die in tmp_path.glob("sys/devices/system/cpu/cpu*/topology/die_id"):
        die.unlink()
    events, _, _ = perf.read_events(tmp_path)
    assert [event.name for event in events] == ["package-0", "package-1", "dram-0", "dram-1"]


@pytest.mark.parametrize(
    ("settings", "reading"),
    [
        ({"count": 2**32}, 1.0),
        ({"count": 2**62}, float(2**30)),
        ({"count": 2**64 - 1}, "ffffffffffffffff is not an energy count"),
        ({"fail": f"{errno.EIO}:5:15"}, "Input/output error"),
        ({"fail": "0:5:15"}, "nothing is not an energy count"),
    ],
)
def test_a_reading_is_energy_or_an_error_of_one_line_and_the_meter_recovers(
    library: Path, tmp_path: Path, settings: dict[str, object], reading: float | str
) -> None:
    root = tmp_path / "root"
    sysfs.perf_amd(root)
    (during,), (after,) = found(root, library, times=[10.0, 20.0], **settings).rows
    if isinstance(reading, float):
        assert during == reading
        return
    assert during.startswith("rapl:package-0: perf power/event=0x2/ on CPU 0: ")
    assert during.endswith(reading)
    assert "\n" not in during
    if "fail" in settings:
        assert after == pytest.approx(20 * 2 * 10, abs=2**-14)


CLOSED = """
import json, os, sys
from pathlib import Path
from energyprof.errors import MeterError
from energyprof.measure.meters.rapl import rapl
source, = rapl.find(Path(sys.argv[1])).sources
before = sorted(os.listdir("/proc/self/fd"))
meter = source.open()
file = meter._file
inherited = os.get_inheritable(file)
meter.close()
try:
    answer = meter.read()
except MeterError as error:
    answer = str(error)
print(json.dumps([inherited, answer, before == sorted(os.listdir("/proc/self/fd"))]))
"""


def test_an_event_is_closed_with_its_meter_and_no_child_inherits_it(library: Path, tmp_path: Path) -> None:
    sysfs.perf_amd(tmp_path)
    inherited, answer, as_before = python(CLOSED, tmp_path, fake.environment(library))
    assert not inherited
    assert "Bad file descriptor" in answer
    assert as_before


WAVES = {
    "constant": constant(30),
    "1 Hz square": square(10, 50, 1.0),
    "burst": burst(5, 100, 2.0, 0.1),
    "ramp": ramp(5, 45, 3.0),
}
INTERVAL_S = 0.097


@pytest.mark.slow
@pytest.mark.parametrize("name", WAVES)
def test_a_waveform_comes_out_within_0_3_percent(library: Path, tmp_path: Path, name: str) -> None:
    wave, rng = WAVES[name], random.Random(name)
    root = tmp_path / "root"
    sysfs.perf_amd(root)
    phase_s = rng.uniform(0, 10)
    times = [step * INTERVAL_S for step in range(round(20 / INTERVAL_S))]
    result = found(root, library, times=[phase_s + time_s for time_s in times], wave=wave.spec())
    info = MeterInfo(**result.infos["rapl:package-0"])
    samples = [
        Sample(time_s - 1e-5, time_s + 1e-5, value)
        for time_s, (value,) in zip(times, result.rows, strict=True)
    ]
    # The window's edges have a reading, as they do in a run: every phase begins with one.
    start_s = math.floor(rng.uniform(10, 50)) * INTERVAL_S
    end_s = start_s + 103 * INTERVAL_S
    energy = energy_between([Trace(info, INTERVAL_S, samples)], start_s, end_s)
    truth_j = 2 * wave.energy_j(start_s + phase_s, end_s + phase_s)  # the package is event 2
    assert energy.joules == pytest.approx(truth_j, rel=0.003)
    assert energy.joules is not None and energy.u_j is not None
    assert abs(energy.joules - truth_j) <= energy.u_j
    assert (energy.coverage, energy.flags) == (1, ())


LIVE = """
import json, sys, time
from pathlib import Path
from energyprof.measure.meters.rapl import rapl
source, = rapl.find(Path(sys.argv[1])).sources
meter = source.open()
rows = []
for pause_s in (0, 0.05, 0.2):
    time.sleep(pause_s)
    rows.append((time.monotonic(), meter.read(), time.monotonic()))
meter.close()
print(json.dumps(rows))
"""


def between(rows: Any, energy_j: Callable[[float, float], float], slack_j: float) -> None:
    """Each step of the counter lies between what the stamps around the two reads allow."""
    for (start_s, first_j, begun_s), (ended_s, second_j, end_s) in itertools.pairwise(rows):
        low_j, high_j = energy_j(begun_s, ended_s), energy_j(start_s, end_s)
        assert low_j - slack_j <= second_j - first_j <= high_j + slack_j


def test_in_real_time_the_counter_follows_the_waveform(library: Path, tmp_path: Path) -> None:
    wave = square(100, 500, 0.1)
    sysfs.perf_amd(tmp_path)
    rows = python(LIVE, tmp_path, fake.environment(library, wave=wave.spec()))
    between(rows, lambda start_s, end_s: 2 * wave.energy_j(start_s, end_s), slack_j=0.01)


def test_the_real_kernel_opens_and_counts_what_it_is_asked_to(tmp_path: Path) -> None:
    # RAPL cannot be had everywhere; the clock of a CPU can, which counts ns: PERF_TYPE_SOFTWARE (1) and
    # PERF_COUNT_SW_CPU_CLOCK (0) of include/uapi/linux/perf_event.h.
    sysfs.cpuinfo(tmp_path)
    cpu = min(os.sched_getaffinity(0))
    pmu = sysfs.perf_pmu(tmp_path, ["energy-pkg"], {cpu: (0, 0)}, scale="1e-9")
    (pmu / "type").write_text("1\n")
    (pmu / "events/energy-pkg").write_text("event=0x00\n")
    result = found(tmp_path, None)
    if "ermi" in result.reason or "not implemented" in result.reason:
        pytest.skip(f"this kernel or container does not let perf be used: {result.reason}")
    rows = python(LIVE, tmp_path, fake.environment(None))
    # That clock is not steered by NTP, which moves the other one by 0.05 % at most.
    between(rows, lambda start_s, end_s: end_s - start_s, slack_j=0.002)
