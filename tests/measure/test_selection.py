"""Which meters are opened and which of them add up."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from energyprof.errors import MissingPart, UsageError
from energyprof.measure import meters
from energyprof.measure import selection as choice
from energyprof.meter import Boundary, Finding, Meter, MeterInfo, Part, Role, Source
from fakes import sysfs


def never() -> Meter:
    """Choosing among meters opens none of them."""
    raise AssertionError


def finding(
    kind: str,
    role: Role,
    *names: str,
    part: Part = "cpu",
    boundary: Boundary = "component",
    notes: tuple[str, ...] = (),
) -> Finding:
    sources = tuple(
        Source(
            MeterInfo(
                name=name,
                kind=kind,
                part="dram" if name.endswith("dram-0") else part,
                boundary=boundary,
                reads="energy_j",
                method="fake",
                resolution=0.001,
                refresh_s=0.1,
                gain_a=0.05,
                gain_source="fake",
                max_power_w=1000.0,
                origin="modelled" if role == "estimate" else "measured",
            ),
            never,
        )
        for name in names
    )
    return Finding(kind, role, "found", sources, notes=notes)


RAPL = finding("rapl", "real", "rapl:package-0", "rapl:dram-0", notes=("core left out",))
NVML = finding("nvml", "real", "nvml:0", "nvml:1", part="gpu")
SHELLY = finding("shelly", "real", "shelly", part="machine", boundary="wall_ac")
CODECARBON = finding("codecarbon", "cross-check", "codecarbon:cpu")
MODEL = finding("cpu-model", "estimate", "cpu-model")
NO_RAPL = Finding("rapl", "real", "blocked", reason="may not be read", remedy="sudo chmod a+r x")
NO_NVML = Finding("nvml", "real", "absent", reason="no NVIDIA driver")
NO_MODEL = Finding("cpu-model", "estimate", "absent", reason="no /proc/stat")

PSYS = finding("rapl", "real", "rapl:psys", part="soc")

SERVER = (RAPL, NVML, CODECARBON, MODEL)


@pytest.mark.parametrize(
    ("findings", "asked", "selected", "counted", "boundary", "estimated"),
    [
        # auto: every real meter
        (SERVER, "auto", "rapl:package-0 rapl:dram-0 nvml:0 nvml:1", "all", "component", False),
        ((NO_RAPL, NVML, MODEL), "auto", "nvml:0 nvml:1", "all", "component", False),
        # auto: the estimate only where nothing is real, a cross-check never
        ((NO_RAPL, NO_NVML, CODECARBON, MODEL), "auto", "cpu-model", "all", "component", True),
        ((NO_RAPL, NO_NVML, CODECARBON, NO_MODEL), "auto", "", "all", None, False),
        # auto: the widest boundary is the total's
        (
            (RAPL, SHELLY),
            "auto",
            "shelly rapl:package-0 rapl:dram-0",
            "shelly",
            "wall_ac",
            False,
        ),
        # no meter
        (SERVER, "none", "", "all", None, False),
        # by kind and by name, in the order asked
        (SERVER, "rapl", "rapl:package-0 rapl:dram-0", "all", "component", False),
        (SERVER, "nvml:1", "nvml:1", "all", "component", False),
        (SERVER, "nvml:1 nvml", "nvml:1 nvml:0", "all", "component", False),
        # the first boundary asked for is the total's
        ((RAPL, SHELLY), "shelly rapl:dram-0", "shelly rapl:dram-0", "shelly", "wall_ac", False),
        ((RAPL, SHELLY), "rapl:dram-0 shelly", "rapl:dram-0 shelly", "rapl:dram-0", "component", False),
        # a cross-check counts only for a part that no meter covers
        (SERVER, "codecarbon", "codecarbon:cpu", "all", "component", False),
        (SERVER, "codecarbon nvml:0", "codecarbon:cpu nvml:0", "all", "component", False),
        (SERVER, "auto codecarbon", "rapl:package-0 rapl:dram-0 nvml:0 nvml:1 codecarbon:cpu",
         "rapl:package-0 rapl:dram-0 nvml:0 nvml:1", "component", False),
        # an estimate counts only for a part that nothing else covers
        (SERVER, "cpu-model rapl:package-0", "cpu-model rapl:package-0", "rapl:package-0",
         "component", False),
        ((PSYS, MODEL), "cpu-model rapl", "cpu-model rapl:psys", "rapl:psys", "component", False),
        (SERVER, "cpu-model nvml:0", "cpu-model nvml:0", "all", "component", True),
        (SERVER, "cpu-model codecarbon", "cpu-model codecarbon:cpu", "codecarbon:cpu",
         "component", False),
    ],
)  # fmt: skip
def test_each_joule_is_counted_once_within_one_boundary(
    findings: tuple[Finding, ...],
    asked: str,
    selected: str,
    counted: str,
    boundary: Boundary | None,
    estimated: bool,
) -> None:
    selection = choice.select(findings, asked.split())
    names = [source.info.name for source in selection.sources]
    assert names == selected.split()
    assert list(selection.counted) == (names if counted == "all" else counted.split())
    assert selection.boundary == boundary
    assert (selection.origin == "modelled") == estimated
    left = [name for name in names if name not in selection.counted]
    for name in left:
        assert any(name in n and "recorded, not counted: " in n for n in selection.notes)


def with_twin(finding: Finding) -> Finding:
    """Each meter of ``finding``, and a second one of the same joules."""
    twins = [
        replace(s, info=replace(s.info, name=f"{s.info.name}:power", checks=s.info.name))
        for s in finding.sources
    ]
    return replace(finding, sources=(*finding.sources, *twins))


@pytest.mark.parametrize(
    ("asked", "counted"),
    [
        ("nvml", "nvml:0 nvml:1"),
        ("nvml:0 nvml:0:power", "nvml:0"),
        ("nvml:0:power", "nvml:0:power"),
        ("nvml:0 nvml:1:power", "nvml:0 nvml:1:power"),
    ],
)
def test_a_meter_that_checks_another_counts_only_without_it(asked: str, counted: str) -> None:
    assert list(choice.select((with_twin(NVML),), asked.split()).counted) == counted.split()


def test_of_many_meters_beside_the_total_the_note_names_the_first_and_the_last() -> None:
    many = with_twin(finding("nvml", "real", *(f"nvml:{n}" for n in range(8)), part="gpu"))
    (note,) = choice.select((many,), ["nvml"]).notes
    assert note == (
        "nvml:0:power … nvml:7:power (8) recorded, not counted: read to check the meter of the same joules"
    )


def test_a_whole_of_a_kind_is_not_added_to_its_parts() -> None:
    total = finding("codecarbon", "cross-check", "codecarbon:total", part="machine")
    both = replace(CODECARBON, sources=(*CODECARBON.sources, *total.sources))
    assert choice.select((both,), ["codecarbon"]).counted == ("codecarbon:cpu",)


def plug(address: str, options: str = "") -> Finding:
    found = finding("shelly", "real", f"shelly:{address}", part="machine", boundary="wall_ac")
    return replace(found, asked=f"shelly={address}{options}")


def test_two_wholes_are_refused_with_the_words_that_join_them() -> None:
    plugs = (plug("192.0.2.7"), plug("192.0.2.8", "?channel=1"))
    with pytest.raises(UsageError) as raised:
        choice.select(plugs, [plug.asked for plug in plugs])
    joined = "shelly=192.0.2.7+shelly=192.0.2.8?channel=1"
    assert str(raised.value).startswith("shelly:192.0.2.7, shelly:192.0.2.8 each measure a whole machine")
    assert str(raised.value).endswith(f"--meters '{joined}'")
    selection = choice.select(plugs, [joined])
    assert selection.counted == ("shelly:192.0.2.7", "shelly:192.0.2.8")
    assert any("are added up: correct only if" in note for note in selection.notes)
    assert choice.select(plugs, [joined, "shelly=192.0.2.7"]).counted == selection.counted


def logged(name: str, part: Part = "gpu") -> Finding:
    found = finding("csv", "real", f"csv:{name}", part=part)
    return replace(found, asked=f"csv={name}?boundary=component&part={part}")


def test_two_views_of_one_part_are_never_summed() -> None:
    live = finding("nvml", "real", "nvml:0", part="gpu")
    log = logged("gpu.csv")
    for asked in (["nvml", log.asked], [log.asked, "nvml"]):
        selection = choice.select((live, log), asked)
        assert selection.counted == ("nvml:0",)
        assert "csv:gpu.csv recorded, not counted: another view of the gpu" in selection.notes[0]
    other = logged("cpu.csv", "cpu")
    assert choice.select((live, other), ["nvml", other.asked]).counted == ("nvml:0", "csv:cpu.csv")


def test_two_logs_of_one_part_are_added_only_where_they_are_joined() -> None:
    logs = (logged("a.csv"), logged("b.csv"))
    words = [log.asked for log in logs]
    with pytest.raises(UsageError, match=r"csv:a\.csv, csv:b\.csv each measure a gpu: name one of them, or"):
        choice.select(logs, words)
    assert choice.select(logs, ["+".join(words)]).counted == ("csv:a.csv", "csv:b.csv")


def test_two_wholes_that_a_kind_found_by_itself_are_refused_too() -> None:
    found = finding("hwmon", "cross-check", "hwmon:a", "hwmon:b", part="machine", boundary="node_dc")
    with pytest.raises(UsageError, match=r"name one of them, or, .* --meters 'hwmon:a\+hwmon:b'"):
        choice.select((found,), ["hwmon"])
    assert choice.select((found,), ["hwmon:a"]).counted == ("hwmon:a",)
    assert choice.select((found,), ["hwmon:a+hwmon:b"]).counted == ("hwmon:a", "hwmon:b")


def test_a_cross_check_of_another_card_counts_and_of_the_same_one_does_not() -> None:
    found = finding("hwmon", "cross-check", "hwmon:a", "hwmon:b", part="gpu")
    sensors = tuple(replace(s, address=s.info.name[-1]) for s in found.sources)
    cards = finding("amdgpu", "real", "amdgpu:0", part="gpu")
    cards = replace(cards, sources=(replace(cards.sources[0], address="b"),))
    counted = choice.select((cards, replace(found, sources=sensors)), ["amdgpu", "hwmon"]).counted
    assert counted == ("amdgpu:0", "hwmon:a")


def test_what_one_address_offers_is_one_total() -> None:
    pdu = finding("kwollect", "real", "kwollect:a", "kwollect:b", part="machine", boundary="wall_ac")
    assert choice.select((pdu,), ["kwollect"]).counted == ("kwollect:a", "kwollect:b")


def test_two_batteries_feed_one_machine() -> None:
    found = finding(
        "battery", "cross-check", "battery:BAT0", "battery:BAT1", part="machine", boundary="node_dc"
    )
    assert choice.select((found,), ["battery"]).counted == ("battery:BAT0", "battery:BAT1")


def test_a_plus_within_an_address_joins_nothing() -> None:
    assert meters.parts_of("csv=/a+b/wall+rapl-2.csv?tz=+01:00") == ["csv=/a+b/wall+rapl-2.csv?tz=+01:00"]
    assert meters.parts_of("csv=/a+b/wall.csv?tz=+01:00+shelly=A") == [
        "csv=/a+b/wall.csv?tz=+01:00",
        "shelly=A",
    ]


def test_a_kind_that_is_asked_for_and_not_whole_is_refused_and_its_rest_can_be_named() -> None:
    torn = replace(RAPL, missing=("package-1: no reading",), remedy="sudo chmod a+r x")
    with pytest.raises(MissingPart) as raised:
        choice.select((torn,), ["rapl"])
    assert str(raised.value) == (
        "rapl is not whole: package-1: no reading; try: sudo chmod a+r x;"
        " or name those to measure: --meters rapl:package-0,rapl:dram-0"
    )
    assert choice.select((torn,), ["rapl:package-0"]).counted == ("rapl:package-0",)
    assert choice.select((torn,), ["auto"]).counted == ("rapl:package-0", "rapl:dram-0")


@pytest.mark.parametrize("words", ["shelly=192.0.2.7", "shelly:192.0.2.7"])
def test_an_addressed_meter_is_chosen_by_the_words_that_asked_for_it(words: str) -> None:
    plug = replace(finding("shelly", "real", "shelly:192.0.2.7", boundary="wall_ac"), asked=words)
    assert choice.select((plug, NVML), [words, "nvml"]).counted == ("shelly:192.0.2.7",)
    gone = Finding("shelly", "real", "blocked", reason="timed out", remedy="plug it in", asked=words)
    with pytest.raises(
        MissingPart, match=f"{words} is not here: {words} blocked: timed out; try: plug it in"
    ):
        choice.select((gone,), [words])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("shelly", "a shelly meter needs an address, such as --meters shelly=192.0.2.7"),
        ("shelly=", "a shelly meter needs an address"),
        ("csv=/nowhere/wall.csv?colour=red", "colour"),
    ],
)
def test_words_that_make_no_sense_are_refused_before_anything_is_asked(words: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        meters.find_at(words)


def test_only_the_kinds_that_are_asked_for_are_searched(tmp_path: Path) -> None:
    sysfs.intel_client(tmp_path)
    assert [found.kind for found in meters.find_asked(tmp_path, ["rapl:package-0"])] == ["rapl"]
    assert [found.kind for found in meters.find_asked(tmp_path, ["auto"])] == list(meters.KINDS)
    assert meters.find_asked(tmp_path, ["none"]) == []


def test_asking_for_nothing_is_auto() -> None:
    assert choice.select(SERVER, []) == choice.select(SERVER, ["auto"])


def test_what_auto_could_not_find_is_told_with_its_remedy() -> None:
    notes = choice.select((NO_RAPL, NO_NVML, NO_MODEL), ["auto"]).notes
    assert notes == (
        "rapl blocked: may not be read; try: sudo chmod a+r x",
        "nvml absent: no NVIDIA driver",
        "cpu-model absent: no /proc/stat",
    )


def test_the_notes_of_the_chosen_come_along() -> None:
    assert "rapl: core left out" in choice.select(SERVER, ["rapl:dram-0"]).notes


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ("rapl", MissingPart, "rapl is not here: rapl blocked: may not be read; try: sudo chmod a+r x"),
        ("rapl:package-0", MissingPart, "rapl:package-0 is not here: rapl blocked"),
        ("nvml:7", MissingPart, "nvml:7 is not here: available are nvml:0, nvml:1"),
        ("toaster", UsageError, "no meter 'toaster': choose from auto, none, rapl, nvml, amdgpu"),
        ("nvml none", UsageError, "none cannot be combined"),
    ],
)  # fmt: skip
def test_a_meter_that_is_not_here_is_refused_in_one_line(
    asked: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error) as raised:
        choice.select((NO_RAPL, NVML), asked.split())
    assert str(raised.value).startswith(words)
    assert "\n" not in str(raised.value)


def test_a_search_finds_each_kind_in_its_order(tmp_path: Path) -> None:
    sysfs.intel_client(tmp_path)
    sysfs.stat(tmp_path, 1, 1)
    found = meters.find_all(tmp_path)
    assert [finding.kind for finding in found] == list(meters.KINDS)
    states = {finding.kind: finding.state for finding in found}
    assert (states["rapl"], states["cpu-model"]) == ("found", "found")


def test_a_library_that_breaks_is_a_blocked_meter_with_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.py").write_text(
        "ROLE = 'real'\ndef find(root): raise RuntimeError('the driver\\nsays no')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(meters.KINDS, "broken", "broken")
    found = meters.find("broken", tmp_path)
    assert (found.kind, found.role, found.state) == ("broken", "real", "blocked")
    assert found.reason == "the search failed: RuntimeError: the driver says no"
    sys.modules.pop("broken")


def test_the_root_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENERGYPROF_SYSFS_ROOT", raising=False)
    assert meters.sysfs_root() == Path("/")
    monkeypatch.setenv("ENERGYPROF_SYSFS_ROOT", "/host")
    assert meters.sysfs_root() == Path("/host")
