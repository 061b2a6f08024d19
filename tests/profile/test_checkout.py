"""Versions of a repository side by side: what is in them, where imports lead, that nothing stays behind."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import energyprof
from energyprof.errors import TrainingError, UsageError
from energyprof.profile.checkout import Checkout, working_tree, worktree
from energyprof.profile.job import program_job, script_job, workload_job
from energyprof.profile.script import Script
from energyprof.workload import Settings


def git(folder: Path, *words: str) -> str:
    names = ("-c", "user.name=n", "-c", "user.email=e@example.org")
    command = ["git", "-C", str(folder), *names, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """We are in the folder work of a repository; its train.py says old in the first commit, then new."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    (tmp_path / "temporary").mkdir()
    top = tmp_path / "things"
    (top / "work").mkdir(parents=True)
    git(top, "init", "--quiet")
    for word in ("old", "new"):
        (top / "work" / "train.py").write_text(f"print('{word}')\n")
        git(top, "add", ".")
        git(top, "commit", "-m", word)
    monkeypatch.chdir(top / "work")
    return top


@contextmanager
def before(revision: str = "HEAD~1") -> Iterator[Checkout]:
    with worktree(revision, working_tree()) as found:
        yield found


def left_behind(repository: Path) -> tuple[int, list[Path]]:
    """Worktrees but for the working tree, and files in the temporary folder."""
    worktrees = git(repository, "worktree", "list").count("\n")
    return worktrees, list((repository.parent / "temporary").iterdir())


def test_before_holds_the_files_of_its_revision_in_folders_of_the_same_names(repository: Path) -> None:
    with before() as old:
        assert old.folder == old.top / "work"
        assert old.top.name == repository.name
        assert (old.folder / "train.py").read_text() == "print('old')\n"
        assert old.about == f"HEAD~1, commit {git(repository, 'rev-parse', '--short', 'HEAD~1')}"
        assert left_behind(repository)[0] == 1
    assert left_behind(repository) == (0, [])


def test_the_working_tree_is_taken_as_it_is(repository: Path) -> None:
    commit = git(repository, "rev-parse", "--short", "HEAD")
    assert working_tree().about == f"the working tree, commit {commit}"
    Path("train.py").write_text("print('newer')\n")
    now = working_tree()
    assert now.about == f"the working tree, commit {commit}, with changes"
    assert (now.folder / "train.py").read_text() == "print('newer')\n"
    assert git(repository, "status", "--porcelain") == "M work/train.py"


def test_what_fails_while_before_is_there_leaves_nothing_behind(repository: Path) -> None:
    with pytest.raises(KeyboardInterrupt), before() as old:
        (old.top / "made by a training").write_text("")
        raise KeyboardInterrupt
    assert left_behind(repository) == (0, [])


def test_a_hook_of_the_repository_is_not_run_and_its_variables_lead_nowhere(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = repository / ".git" / "hooks" / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {repository.parent}/hooked\n")
    hook.chmod(hook.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("GIT_INDEX_FILE", str(repository.parent / "an index"))
    with before():
        pass
    assert not (repository.parent / "hooked").exists()
    assert not (repository.parent / "an index").exists()


def test_a_revision_without_the_working_directory_has_no_before(repository: Path) -> None:
    (repository / "later").mkdir()
    os.chdir(repository / "later")
    with pytest.raises(UsageError, match="HEAD~1: has no folder later"), before():
        pass
    assert left_behind(repository) == (0, [])


def test_a_shallow_clone_names_what_would_help(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--depth=1", f"file://{repository}", "shallow")
    os.chdir(tmp_path / "shallow")
    with (
        pytest.raises(UsageError, match=r"HEAD~1: no such revision.*shallow: git fetch --unshallow"),
        before(),
    ):
        pass


def test_without_git_there_is_one_line(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UsageError, match="git: cannot be started: No such file or directory"):
        working_tree()


@pytest.mark.slow
def test_a_script_runs_in_its_own_checkout_however_it_is_named(repository: Path) -> None:
    for path in (Path("train.py"), Path("./train.py"), repository / "work" / "train.py"):
        with before() as old:
            job = script_job(Script(path, ("--lr", "1"), None), 1, None, old)
            training = job.training(5)
            done = subprocess.run(
                training.command, cwd=training.folder, capture_output=True, text=True, check=True
            )
            assert done.stdout == "old\n"
            assert training.folder == old.folder
            assert training.seed == 5
            now = script_job(Script(path, ("--lr", "1"), None), 1, None, working_tree())
            assert now.work.work != job.work.work
            assert now.work.name == job.work.name


def test_a_script_outside_the_repository_has_no_before(repository: Path, tmp_path: Path) -> None:
    with before() as old, pytest.raises(UsageError, match="lies outside the repository"):
        script_job(Script(tmp_path / "other.py", (), None), 1, None, old)


@pytest.mark.slow
def test_a_program_of_the_repository_is_its_checkouts(repository: Path) -> None:
    for name, word in (("go.sh", "first"), ("go.sh", "second")):
        (repository / "work" / name).write_text(f"#!/bin/sh\necho {word} in $PWD\n")
        (repository / "work" / name).chmod(0o755)
        git(repository, "add", ".")
        git(repository, "commit", "-m", word)
    with before() as old:
        training = program_job(["./go.sh"], None, old).training(0)
        done = subprocess.run(
            training.command, cwd=training.folder, capture_output=True, text=True, check=True
        )
        assert done.stdout == f"first in {old.folder}\n"


PACKAGE = """
import sys, types
finder = types.ModuleType("__editable___things_finder")
finder.MAPPING = {{"things": {package!r}}}
sys.modules[finder.__name__] = finder
"""


@pytest.mark.slow
def test_imports_lead_into_the_checkout_and_not_into_the_working_tree(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "src" / "things").mkdir(parents=True)
    (repository / "lib").mkdir()
    for word in ("old", "new"):
        (repository / "src" / "things" / "__init__.py").write_text(f"word = {word!r}\n")
        (repository / "lib" / "more.py").write_text(f"word = {word!r}\n")
        git(repository, "add", ".")
        git(repository, "commit", "-m", word)
    # As an editable install does it: a finder that knows where the package is, and no folder on the path.
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(PACKAGE.format(package=str(repository / "src" / "things")))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), str(repository / "lib")]))
    with before() as old:
        found = old.environment(sys.executable)["PYTHONPATH"].split(os.pathsep)
        assert found[:2] == [str(old.top / "lib"), str(old.top / "src")]
        assert found[2:] == [str(site)]
        words = "import more, things; print(more.word, things.word)"
        environment = {**os.environ, **old.environment(sys.executable)}
        done = subprocess.run(
            [sys.executable, "-c", words], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout == "old old\n"
        assert old.environment(None)["PYTHONPATH"].split(os.pathsep)[0] == str(old.top / "lib")
    assert working_tree().environment(sys.executable) == {}


@pytest.fixture
def own(repository: Path) -> Path:
    """A repository of energyprof's own, whose last commit changes the training loop."""
    source = Path(energyprof.__file__).parent
    shutil.copytree(source, repository / "energyprof", ignore=shutil.ignore_patterns("__pycache__"))
    git(repository, "add", "--force", ".")
    git(repository, "commit", "-m", "energyprof")
    loop = repository / "energyprof" / "workloads" / "training" / "loop.py"
    loop.write_text(loop.read_text() + "\nWASTE = 1\n")
    git(repository, "commit", "-a", "-m", "hungrier")
    return repository


@pytest.mark.slow
def test_each_version_of_energyprof_plans_and_trains_its_own_workloads(own: Path) -> None:
    settings = Settings(batch_size=2)
    with before() as old:
        a = workload_job("unet", settings, None, old)
        b = workload_job("unet", settings, None, working_tree())
        training = a.training(3)
        assert training.package == old.top / "energyprof"
        assert training.folder == old.folder
    here = workload_job("unet", settings, None)
    assert a.work.work == here.work.work
    assert b.work.work != here.work.work
    assert (a.work.config, a.work.target, a.max_samples) == (
        here.work.config,
        here.work.target,
        here.max_samples,
    )
    assert a.work.config["batch_size"] == 2


@pytest.mark.slow
def test_a_version_that_cannot_plan_the_workload_says_so(own: Path) -> None:
    settings = own / "energyprof" / "settings.py"
    settings.write_text(settings.read_text().replace("    batch_size: ", "    size_of_batch: "))
    with pytest.raises(TrainingError, match=r"cannot plan unet: .*batch_size"):
        workload_job("unet", Settings(batch_size=2), None, working_tree())


def test_no_other_worktree_is_forgotten_though_its_folder_is_away_just_now(
    repository: Path, tmp_path: Path
) -> None:
    git(repository, "worktree", "add", "--detach", str(tmp_path / "disk" / "mine"))
    git(tmp_path / "disk" / "mine", "commit", "--allow-empty", "-m", "on no branch")
    mine = git(tmp_path / "disk" / "mine", "rev-parse", "HEAD")
    (tmp_path / "disk").rename(tmp_path / "unmounted")
    with before():
        pass
    (tmp_path / "unmounted").rename(tmp_path / "disk")
    assert git(tmp_path / "disk" / "mine", "rev-parse", "HEAD") == mine
    assert left_behind(repository)[1] == []
    assert "things" not in git(repository, "worktree", "list", "--porcelain").replace(str(repository), "")


def test_a_revision_that_looks_like_an_option_is_no_revision(repository: Path, tmp_path: Path) -> None:
    run = f"--upload-pack=touch {tmp_path / 'ran'};"
    with pytest.raises(UsageError, match="no such revision"), before(run):
        pass
    assert not (tmp_path / "ran").exists()


@pytest.fixture
def part(repository: Path, tmp_path: Path) -> Path:
    """A submodule of the repository: it says old, then new, and the repository follows."""
    source = tmp_path / "source"
    source.mkdir()
    git(source, "init", "--quiet")
    (source / "part.txt").write_text("old")
    git(source, "add", ".")
    git(source, "commit", "-m", "old")
    git(repository, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(source), "part")
    git(repository, "commit", "-m", "with a part")
    part = repository / "part"
    (part / "part.txt").write_text("new")
    git(part, "commit", "-a", "-m", "new")
    git(repository, "commit", "-a", "-m", "with its next version")
    return part


@pytest.mark.slow
def test_before_has_its_submodules_as_they_were_then(repository: Path, part: Path) -> None:
    with before() as old:
        assert (old.top / "part" / "part.txt").read_text() == "old"
        assert git(old.top, "status", "--porcelain") == ""
    assert left_behind(repository) == (0, [])
    assert git(part, "worktree", "list").count("\n") == 0
    assert (part / "part.txt").read_text() == "new"


@pytest.mark.slow
def test_a_submodule_that_neither_side_has_is_not_missed(repository: Path, part: Path) -> None:
    git(repository, "submodule", "--quiet", "deinit", "--force", "part")
    with before() as old:
        assert list((old.top / "part").iterdir()) == []


@pytest.mark.slow
def test_a_submodule_without_the_commit_that_before_needs_is_refused(repository: Path, part: Path) -> None:
    git(repository, "update-index", "--cacheinfo", f"160000,{'1' * 40},part")
    git(repository, "commit", "-m", "with a commit that is nowhere")
    git(repository, "commit", "--allow-empty", "-m", "and now")
    with (
        pytest.raises(UsageError, match=r"part: this submodule's commit 1+, .*git -C part fetch origin 1+"),
        before(),
    ):
        pass
    assert left_behind(repository) == (0, [])


def test_what_git_lfs_keeps_and_is_not_here_is_refused(repository: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    (repository / ".gitattributes").write_text("*.bin filter=lfs\n")
    (repository / "data.bin").write_text(pointer)
    git(repository, "add", ".")
    git(repository, "commit", "-m", "a pointer")
    git(repository, "commit", "--allow-empty", "-m", "and now")
    with before() as old:  # it is a pointer in the working tree as well
        assert (old.top / "data.bin").read_text() == pointer
    (repository / "data.bin").write_text("the content")
    with (
        pytest.raises(UsageError, match=r"HEAD~1: data.bin: kept by Git LFS and not here: git lfs install"),
        before(),
    ):
        pass
    assert left_behind(repository) == (0, [])


def test_a_folder_of_imports_that_before_lacks_is_not_the_changes(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "new").mkdir()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(repository / "new"), "/elsewhere"]))
    with before() as old:
        assert old.environment(None) == {"PYTHONPATH": "/elsewhere"}
    monkeypatch.setenv("PYTHONPATH", str(repository / "new"))
    with before() as old:
        assert old.environment(None) == {"PYTHONPATH": ""}
