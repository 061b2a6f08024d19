"""Intel's discrete GPUs on fake files of the kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from energyprof.measure.meters import intelgpu
from fakes import hwmon as fake


def test_each_card_is_a_counter_that_holds_its_package_and_tiles(tmp_path: Path) -> None:
    card = {"energy1_input": 5_000_001, "energy1_label": "card", "energy2_input": 4, "energy2_label": "pkg"}
    fake.chip(tmp_path, 1, "xe", card, "0000:04:00.0")
    fake.chip(tmp_path, 2, "i915", {"energy1_input": 7_000_000}, "0000:03:00.0")
    fake.chip(tmp_path, 3, "i915_gt0", {"energy1_input": 6_000_000}, "0000:03:00.0")
    found = intelgpu.find(tmp_path)
    read = {}
    for source in found.sources:
        meter: Any = source.open()
        read[source.info.name] = meter.read()
        meter.close()
        assert (source.info.part, source.info.reads) == ("gpu", "energy_j")
        assert source.info.max_interval_s == 60.0
    assert read == {"intelgpu:0": 7.0, "intelgpu:1": 5.000001}
    assert found.notes == ("intelgpu:1: pkg left out: inside card",)


def test_a_card_without_a_reading_is_blocked_and_a_machine_without_cards_absent(tmp_path: Path) -> None:
    assert intelgpu.find(tmp_path).state == "absent"
    fake.chip(tmp_path, 1, "xe", {"energy1_input": "N/A"}, "0000:04:00.0")
    assert intelgpu.find(tmp_path).state == "blocked"
    fake.chip(tmp_path, 2, "xe", {"energy1_input": 1}, "0000:05:00.0")
    found = intelgpu.find(tmp_path)
    assert (found.state, len(found.missing)) == ("found", 1)
