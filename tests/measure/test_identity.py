"""What identifies a machine, on fake trees, and which reports are of one machine."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from energyprof.measure import machine
from energyprof.report.machines import likeness
from energyprof.report.record import NodeRecord
from fakes import sysfs

UUID, OTHER = "4c4c4544-0042-3510-8052-b4c04f4d3332", "4c4c4544-0042-3510-8052-b4c04f4d3333"
PRODUCT, BOARD = "sys/class/dmi/id/product_uuid", "sys/class/dmi/id/board_serial"
TREE, INSTALLED = "proc/device-tree/serial-number", "etc/machine-id"
BOOT = "proc/sys/kernel/random/boot_id"
A100, TWIN = ({"name": "NVIDIA A100", "uuid": f"GPU-{i}", "memory_bytes": 80 << 30} for i in (1, 2))


def facts(root: Path, gpus: Any = (), named: str = "", **files: str) -> dict[str, Any]:
    """The machine in ``root``, with these files besides what all servers have."""
    sysfs.cpuinfo(root)
    sysfs.write(root / "proc/meminfo", "MemTotal: 65900000 kB\n")
    for place, text in {BOOT: "", **files}.items():
        sysfs.write(root / place, text)
    return machine.describe(root, gpus, named)


def alike(one: dict[str, Any], other: dict[str, Any]) -> str:
    here, away = NodeRecord("", one), NodeRecord("", other)
    there, back = likeness([here], [away]), likeness([away], [here])
    assert there == back
    return there.standing


def two(tmp_path: Path, one: dict[str, Any], other: dict[str, Any]) -> str:
    return alike(facts(tmp_path / "a", **one), facts(tmp_path / "b", **other))


@pytest.mark.parametrize(
    ("one", "other", "standing"),
    [
        ({PRODUCT: UUID}, {PRODUCT: UUID}, "same"),
        ({PRODUCT: UUID}, {PRODUCT: OTHER}, "other"),
        # Of one image: systemd's id is the same, the board is not.
        ({PRODUCT: UUID, INSTALLED: "a" * 32}, {PRODUCT: OTHER, INSTALLED: "a" * 32}, "other"),
        # Installed anew.
        ({PRODUCT: UUID, INSTALLED: "a" * 32}, {PRODUCT: UUID, INSTALLED: "b" * 32}, "same"),
        # Once as root, once not.
        ({PRODUCT: UUID, INSTALLED: "a" * 32}, {INSTALLED: "a" * 32}, "same"),
        ({INSTALLED: "a" * 32}, {INSTALLED: "b" * 32}, "other"),
        # Two Jetsons of one image and host name.
        ({TREE: "1424521012345\0"}, {TREE: "1424521012346\0"}, "other"),
        ({TREE: "1424521012345\0"}, {TREE: "1424521012345\0"}, "same"),
        ({BOARD: "ABC123"}, {BOARD: "ABC123"}, "same"),
        # Two containers of one boot, though their images say different things.
        ({BOOT: UUID, INSTALLED: "a" * 32}, {BOOT: UUID, INSTALLED: "b" * 32}, "same"),
        ({BOOT: UUID}, {BOOT: OTHER}, "unknown"),
        ({"gpus": [A100]}, {"gpus": [A100]}, "same"),
        ({"gpus": [A100], PRODUCT: UUID}, {"gpus": [TWIN], PRODUCT: UUID}, "same"),
        ({"gpus": [A100], BOOT: UUID}, {"gpus": [TWIN], BOOT: OTHER}, "unknown"),
        # Nobody set these.
        ({BOARD: "To be filled by O.E.M.", BOOT: UUID}, {BOARD: "To be filled by O.E.M."}, "unknown"),
        (
            {PRODUCT: "00000000-0000-0000-0000-000000000000", BOOT: UUID},
            {PRODUCT: "00000000-0000-0000-0000-000000000000", BOOT: OTHER},
            "unknown",
        ),
        ({PRODUCT: "ffffffff-ffff-ffff-ffff-ffffffffffff", BOOT: UUID}, {BOOT: OTHER}, "unknown"),
        ({"named": "ci", BOOT: UUID}, {"named": "ci", BOOT: OTHER}, "same"),
        ({"named": "ci", PRODUCT: UUID}, {"named": "desk", PRODUCT: UUID}, "other"),
        ({"named": "ci", PRODUCT: UUID}, {PRODUCT: UUID}, "same"),
    ],
)
def test_one_machine_is_one_board_whatever_it_is_called(
    tmp_path: Path, one: dict[str, Any], other: dict[str, Any], standing: str
) -> None:
    assert two(tmp_path, one, other) == standing


def test_its_host_name_may_change_its_parts_may_not(tmp_path: Path) -> None:
    here = facts(tmp_path, [A100], **{PRODUCT: UUID})
    for changed, standing in (
        ({"host": "9f2c1d"}, "same"),
        ({"kernel": "7.0", "governor": "performance"}, "same"),
        (
            {"memory_bytes": here["memory_bytes"] + (100 << 20)},
            "same",
        ),  # another kernel keeps more for itself
        ({"memory_bytes": 32 << 30}, "other"),
        ({"threads": 99}, "other"),
        ({"cpu": "another"}, "other"),
        ({"gpus": [{**A100, "name": "NVIDIA H100"}]}, "other"),
    ):
        assert alike(here, {**here, **changed}) == standing


def test_in_a_container_systemds_id_is_the_images(tmp_path: Path) -> None:
    image = {INSTALLED: "a" * 32}
    sysfs.write(tmp_path / "a/.dockerenv", "")
    overlay = "1 0 0:5 / / rw - overlay overlay rw,lowerdir=/l\n"
    assert "installation" not in facts(tmp_path / "a", **image)["hardware"]
    disk = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
    for name, mounts, known in (("b", overlay, False), ("c", disk, True)):
        found = facts(tmp_path / name, **image, **{"proc/self/mountinfo": mounts})["hardware"]
        assert ("installation" in found) is known


def test_no_number_of_the_hardware_leaves_the_machine(tmp_path: Path) -> None:
    numbers = {PRODUCT: UUID, BOARD: "S3CR3T", TREE: "1424521012345", INSTALLED: "c" * 32, BOOT: OTHER}
    described = facts(tmp_path, **numbers)
    assert set(described["hardware"]) == {"product", "serial", "board", "installation", "boot"}
    assert all(number.lower() not in str(described).lower() for number in numbers.values())
    assert all(digest.startswith("sha256:") for digest in described["hardware"].values())
    assert described["id"] == described["hardware"]["product"]


def test_a_name_is_its_id_and_stays_readable(tmp_path: Path) -> None:
    one, other = (facts(tmp_path / name, named="ci-7", **{BOOT: name * 8}) for name in "ab")
    assert one["named"] == "ci-7" and one["id"] == other["id"] != ""


def test_where_a_view_of_the_host_lacks_all_the_kernel_of_now_is_the_last_resort(tmp_path: Path) -> None:
    assert set(facts(tmp_path)["hardware"]) <= {"boot"}


def test_reports_of_versions_that_knew_the_description_alone(tmp_path: Path) -> None:
    new = facts(tmp_path, **{PRODUCT: UUID})
    old = {**new, "id": "sha256:8f"}
    del old["hardware"]
    assert alike(old, old) == "same"
    assert likeness([NodeRecord("", old)], [NodeRecord("", old)]).by == "description"
    assert alike(old, {**old, "id": "sha256:90"}) == "other"
    assert alike({**old, "id": ""}, old) == "unknown"
    assert alike(new, old) == "other"
    # What the first versions called this very machine: host, processor, threads, memory in GiB, GPUs.
    text = json.dumps([new["host"], new["cpu"], new["threads"], 63, []])
    assert alike(new, {**old, "id": "sha256:" + hashlib.sha256(text.encode()).hexdigest()}) == "same"


def test_of_machines_that_trained_together_each_has_its_like(tmp_path: Path) -> None:
    a, b, c = (NodeRecord("", facts(tmp_path / n, **{PRODUCT: UUID[:-1] + n})) for n in "abc")
    assert likeness([a, b], [b, a]).standing == "same"
    assert likeness([a, b], [a, c]).standing == "other"
    assert likeness([a, b], [a]).standing == "other"
