"""What a program that is judged must not have: the ways to talk to the continuous integration that judges it.

A step of a runner tells it more by appending to files that variables name: the step's outputs, the
environment and the PATH of all later steps, the job's summary. Other variables hold tokens and addresses. A
program under judgement gets none of them, and what appears in those files while it runs is taken out again.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path

# All variables of these services; `CI` itself, by which programs know that nobody watches, is none of them.
# docs.github.com "Variables reference", docs.gitlab.com "Predefined CI/CD variables", jenkins.io "Pipeline:
# environment", learn.microsoft.com "Predefined variables", buildkite.com, circleci.com, docs.travis-ci.com,
# support.atlassian.com (Bitbucket), docs.drone.io, cirrus-ci.org; forgejo.org and gitea.com as GitHub.
FAMILIES = (
    *("GITHUB_", "ACTIONS_", "RUNNER_", "GITEA_", "FORGEJO_", "CI_", "GITLAB_", "JENKINS_", "HUDSON_"),
    *("BUILDKITE_", "CIRCLE_", "TRAVIS_", "BITBUCKET_", "DRONE_", "PLUGIN_", "CIRRUS_", "APPVEYOR_"),
    *("TEAMCITY_", "CODEBUILD_", "GATE_"),
)
# Names that only mean something else elsewhere: Azure's, where TF_BUILD says that it is Azure.
_AZURE = ("SYSTEM_", "AGENT_", "BUILD_", "ENDPOINT_", "SECRET_", "VSS_", "PIPELINE_", "TF_")
# The shell of a later step reads these first.
_NAMES = ("BASH_ENV", "ENV")
# What names a file that a runner reads when the step has ended.
FILES = (
    *("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"),
    *("BUILDKITE_ENV_FILE", "BASH_ENV", "DRONE_OUTPUT", "CIRRUS_ENV"),
)
_PR_SET_DUMPABLE = 4  # linux/prctl.h
_prctl = ctypes.CDLL(None, use_errno=True).prctl


def withheld(environment: Mapping[str, str]) -> list[str]:
    """The names of the variables that a judged program does not get."""
    families = FAMILIES + (_AZURE if environment.get("TF_BUILD") else ())
    return [name for name in environment if name.startswith(families) or name in _NAMES]


class Channels:
    """The files by which a step talks to its runner, as they were before anything was judged."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._before = {
            name: (Path(path), _content(Path(path))) for name in FILES if (path := environment.get(name))
        }

    def restore(self) -> list[str]:
        """Give each file its content back; the names of those that had changed."""
        changed = []
        for name, (path, before) in self._before.items():
            if _content(path) != before:
                changed.append(name)
                _put(path, before)
        return changed


@contextlib.contextmanager
def closed(environment: MutableMapping[str, str] = os.environ) -> Iterator[Channels]:
    """For as long as it lasts nothing that we start has what is `withheld`, or can look into this process.

    Who is not dumpable (prctl(2)) has no memory, environment or open file that others of the same user
    could read; root can.
    """
    channels = Channels(environment)
    names = withheld(environment)
    kept = {name: environment.pop(name) for name in names}
    _prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    try:
        yield channels
    finally:
        _prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
        environment.update(kept)


def _content(path: Path) -> bytes | None:
    """What the file holds; ``None``: it is none."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return None
        return path.read_bytes()
    except OSError:
        return None


def _put(path: Path, content: bytes | None) -> None:
    with contextlib.suppress(OSError):
        # What lies there now may be a link to anywhere.
        path.unlink(missing_ok=True)
        if content is not None:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
            with open(file, "wb") as opened:
                opened.write(content)
