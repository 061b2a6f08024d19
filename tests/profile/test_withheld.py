"""What a judged program does not get, whichever service judges it."""

from __future__ import annotations

from pathlib import Path

from energyprof.profile.withheld import Channels, closed, withheld


def test_the_ways_to_a_runner_are_withheld_and_nothing_else() -> None:
    kept = {
        "PATH": "",
        "HOME": "",
        "CI": "true",
        "CUDA_VISIBLE_DEVICES": "0",
        "BUILD_TYPE": "x",
        "SYSTEM_X": "",
    }
    for name in (
        *(
            "GITHUB_OUTPUT",
            "GITHUB_TOKEN",
            "ACTIONS_RUNTIME_TOKEN",
            "RUNNER_TEMP",
            "CI_JOB_TOKEN",
            "GITLAB_CI",
        ),
        *("JENKINS_URL", "BUILDKITE_ENV_FILE", "CIRCLE_TOKEN", "BASH_ENV", "GATE_BASE", "DRONE_OUTPUT"),
    ):
        assert withheld({**kept, name: ""}) == [name]
    assert sorted(withheld({**kept, "TF_BUILD": "True", "SYSTEM_ACCESSTOKEN": "s"})) == [
        *("BUILD_TYPE", "SYSTEM_ACCESSTOKEN", "SYSTEM_X", "TF_BUILD"),
    ]


def test_they_come_back_when_nothing_is_judged_any_more(tmp_path: Path) -> None:
    environment = {"GITHUB_OUTPUT": str(tmp_path / "output"), "PATH": "p"}
    with closed(environment):
        assert environment == {"PATH": "p"}
    assert environment == {"GITHUB_OUTPUT": str(tmp_path / "output"), "PATH": "p"}


def test_a_channel_is_what_it_was_whatever_was_put_in_its_place(tmp_path: Path) -> None:
    names = ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE")
    files = {name: tmp_path / name for name in names}
    for name in names[:3]:
        files[name].write_text("before\n")
    channels = Channels({name: str(path) for name, path in files.items()})
    assert channels.restore() == []
    (tmp_path / "secret").write_text("secret")
    files["GITHUB_OUTPUT"].write_text("more\n")
    files["GITHUB_ENV"].unlink()
    files["GITHUB_ENV"].symlink_to(tmp_path / "secret")
    files["GITHUB_PATH"].unlink()
    files["GITHUB_STATE"].write_text("new\n")
    assert channels.restore() == list(names)
    assert [path.read_text() for path in list(files.values())[:3]] == ["before\n"] * 3
    assert not files["GITHUB_STATE"].exists()
    assert (tmp_path / "secret").read_text() == "secret"
