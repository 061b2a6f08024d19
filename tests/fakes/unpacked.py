"""Packaged data, unpacked once for all the trainings of a test process."""

from __future__ import annotations

from functools import cache

import pytest

from energyprof.workloads.data import clips, mni

_volume, _clips = cache(mni.volume), cache(clips.packaged)


def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a workload that is prepared again take the volumes and sounds that are unpacked already."""
    monkeypatch.setattr(mni, "volume", _volume)
    monkeypatch.setattr(clips, "packaged", _clips)
