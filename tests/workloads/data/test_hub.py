"""What is a path here and what a name on the hub, and when the network may be used."""

import os

import pytest

from energyprof.workload import WorkloadError
from energyprof.workloads.data import hub


def test_what_lies_here_is_a_path_even_if_it_looks_like_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "imdb").mkdir()
    assert hub.name("imdb", "") is None
    assert not hub.named("imdb")


@pytest.mark.parametrize("wanted", ["imdb", "someone/model", "google-bert/bert-base-uncased", "a_b/c.d-v1.5"])
def test_what_does_not_lie_here_and_looks_like_a_name_is_one(wanted):
    assert hub.name(wanted, "") == wanted
    assert hub.named(wanted)


@pytest.mark.parametrize(
    "wanted", ["", "./imdb", "/imdb", "a/b/c", "~/x", "rows.csv", "a/rows.parquet", "a b", "ä"]
)
def test_anything_else_is_one_line_that_says_what_to_give(wanted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WorkloadError, match=r"is not there: give a cat$"):
        hub.name(wanted, "a cat")


@pytest.mark.parametrize(("offline", "expected"), [(True, "1"), (False, None)])
def test_the_network_stays_off_unless_the_user_named_something(monkeypatch, offline, expected):
    for name in ("HF_HUB_OFFLINE", "HF_HUB_DISABLE_PROGRESS_BARS", "HF_HUB_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "put back afterwards")
        monkeypatch.delenv(name)
    hub.quiet(offline)
    assert os.environ.get("HF_HUB_OFFLINE") == expected
    assert os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] == "1"
    for name in ("HF_HUB_OFFLINE", "HF_HUB_DISABLE_PROGRESS_BARS", "HF_HUB_DISABLE_TELEMETRY"):
        os.environ.pop(name, None)


def test_what_the_libraries_raise_becomes_one_line():
    said = r"imdb cannot be loaded \(RuntimeError: first\)"
    with pytest.raises(WorkloadError, match=said) as error, hub.one_line("imdb"):
        raise RuntimeError("first\nsecond")
    assert "\n" not in str(error.value)
