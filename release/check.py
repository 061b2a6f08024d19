"""What `make dist` checks before anybody gets a wheel: python release/check.py dist

Its files are those of the repository and no others, it installs into an empty environment of every Python
that we support and finds here, and works there as it is, without the checkout. What a check needs and this
machine lacks (a Python, a network) is named in one line; only what is wrong ends it, with exit code 1.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")

# In a wheel beside the package: what the packager writes, and the manual.
BESIDE = re.compile(r"energyprof-[^/]+\.(dist-info/.*|data/data/share/man/man1/energyprof\.1)")
# In an sdist beside the package: what it is built from, and what people read.
SOURCE = re.compile(
    r"(energyprof/.+|man/energyprof\.1|docs/.+|examples/.+|energyprof\.egg-info/.+"
    r"|PKG-INFO|setup\.cfg|pyproject\.toml|MANIFEST\.in|README\.md|LICENSE|CHANGELOG\.md|constraints\.txt)"
)

# What an installed energyprof does without a meter, a checkout or an extra.
TRIED = (
    ("--version",),
    ("--help",),
    ("--man",),
    ("study", "--help"),
    ("doctor", "--seconds", "0"),
    ("workloads", "--json"),
    ("schema",),
    ("factors", "--json"),
    ("template", "slurm"),
    ("exec", "--idle", "0", "--meters", "none", "--", sys.executable, "-c", "pass"),
)


class Unfit(Exception):
    """What must not be given to anybody, and why, in one line."""


def tracked(root: Path) -> set[str]:
    """The files of the package, as git has them."""
    words = ["git", "-C", str(root), "ls-files", "-z", "energyprof"]
    listed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return {name for name in listed.split("\0") if name}


def one_of_each(folder: Path) -> tuple[Path, Path]:
    """The wheel and the sdist in ``folder``. Raises Unfit: there are more, or fewer."""
    wheels, sdists = sorted(folder.glob("*.whl")), sorted(folder.glob("*.tar.gz"))
    if len(wheels) != 1 or len(sdists) != 1:
        raise Unfit(
            f"{folder}: {len(wheels)} wheels and {len(sdists)} sdists: empty it and build one of each"
        )
    return wheels[0], sdists[0]


def check_contents(wheel: Path, sdist: Path, package: set[str]) -> None:
    """Raises Unfit: a file of the package is not in them, or one that is none of it is."""
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if not name.endswith("/")}
    _same(wheel.name, package, {name for name in inside if not BESIDE.fullmatch(name)})
    if not any(name.endswith("share/man/man1/energyprof.1") for name in inside):
        raise Unfit(f"{wheel.name}: no manual: build with `make dist`")
    with tarfile.open(sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    _same(sdist.name, package, {name for name in names if name.startswith("energyprof/")})
    if strange := sorted(name for name in names if not SOURCE.fullmatch(name)):
        raise Unfit(f"{sdist.name}: holds what is no part of it: {_few(strange)}")


def _same(name: str, wanted: set[str], found: set[str]) -> None:
    if missing := sorted(wanted - found):
        raise Unfit(f"{name}: lacks {_few(missing)}: name them under package-data in pyproject.toml")
    if strange := sorted(found - wanted):
        raise Unfit(f"{name}: holds what git does not: {_few(strange)}")


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def interpreters(versions: Iterable[str] = PYTHONS) -> dict[str, str | None]:
    """An interpreter of each version that runs and can make environments; ``None``: there is none here."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = {}
    for version in versions:
        tag = "cp" + version.replace(".", "")
        places = [
            shutil.which(f"python{version}"),
            *sorted(map(str, pyenv.glob(f"{version}.*/bin/python"))),
            f"/opt/python/{tag}-{tag}/bin/python",
        ]
        found[version] = next((place for place in places if place and _is(place, version)), None)
    return found


def _is(interpreter: str, version: str) -> bool:
    code = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([interpreter, "-c", code], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return done.returncode == 0 and done.stdout.strip() == version


def check_installed(wheel: Path, interpreter: str, folder: Path, constraints: Path | None) -> Path:
    """The Python of an environment that has the wheel and what it asks for, and in which all of it works.

    ``constraints``: the releases that were tested; ``None``: the newest, which is what people get.

    Raises:
        Unfit: it cannot be installed there, or does not work.
    """
    _do([interpreter, "-m", "venv", str(folder)], folder.parent, "no environment can be made")
    python = folder / "bin/python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    tested = [] if constraints is None else ["--constraint", str(constraints)]
    _do([*install, *tested, str(wheel)], folder.parent, f"{wheel.name}: does not install")
    empty = folder / "empty"
    empty.mkdir()
    for words in TRIED:
        _do([str(folder / "bin/energyprof"), *words], empty, f"energyprof {' '.join(words)}")
    _do([str(python), "-m", "pip", "check", "--disable-pip-version-check"], empty, "pip check")
    return python


def _do(words: Sequence[str], folder: Path, what: str) -> str:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "ENERGYPROF_", "VIRTUAL_ENV"))}
    done = subprocess.run(words, cwd=folder, env=kept, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise Unfit(f"{what}: {said[-1] if said else f'exit code {done.returncode}'}")
    return done.stdout


# Of this release an advisory is known (CVE-2020-28493): an index that tells of none has no advisories.
KNOWN = "jinja2==2.11.2"


def audit(python: Path) -> str:
    """What pip-audit says of an environment, in a line. Raises Unfit: of a known vulnerability."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as known:
        known.write(KNOWN + "\n")
        known.flush()
        code, said, _ = _audited("--no-deps", "--disable-pip", "--requirement", known.name)
    if code == 0:
        return f"not audited: this index has no advisories, of {KNOWN} it knows none"
    if not _is_found(said):
        return "not audited: the advisories cannot be reached from here"
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = _do([str(python), "-c", where], ROOT, "python")
    code, said, table = _audited("--path", site.strip())
    if code != 0:
        raise Unfit(f"pip-audit: {said}\n{table}" if _is_found(said) else f"pip-audit: {said}")
    return said


def _audited(*words: str) -> tuple[int, str, str]:
    """Exit code, last line and table of pip-audit."""
    command = [sys.executable, "-m", "pip_audit", "--progress-spinner", "off", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (
        done.returncode,
        (done.stderr.strip().splitlines() or ["it said nothing"])[-1],
        done.stdout.rstrip(),
    )


def _is_found(said: str) -> bool:
    return re.match(r"Found \d+ known vulnerabilit", said) is not None


def bill(python: Path, output: Path) -> None:
    """Write the environment's packages as CycloneDX. Raises Unfit: that fails."""
    words = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible", "--pyproject"]
    more = [str(ROOT / "pyproject.toml"), "--output-file", str(output), str(python)]
    _do([*words, *more], ROOT, "cyclonedx-py")


def main() -> None:
    """Check all, and say what was seen."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder.resolve()
    try:
        wheel, sdist = one_of_each(folder)
        _do([sys.executable, "-m", "twine", "check", "--strict", str(wheel), str(sdist)], ROOT, "twine")
        print("twine: the description can be shown")
        package = tracked(ROOT)
        check_contents(wheel, sdist, package)
        print(f"contents: the {len(package)} files of the package, the manual, and nothing else")
        _install_everywhere(wheel, folder)
    except Unfit as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None


def _install_everywhere(wheel: Path, folder: Path) -> None:
    found = interpreters()
    if absent := [version for version, place in found.items() if place is None]:
        print(f"not tried: Python {', '.join(absent)}: not on this machine")
    if len(absent) == len(found):
        raise Unfit(f"no Python of {', '.join(found)} here")
    with tempfile.TemporaryDirectory(prefix="energyprof-dist-") as rooms:
        python = None
        for version, place in found.items():
            if place is not None:
                python = check_installed(wheel, place, Path(rooms) / version, ROOT / "constraints.txt")
                print(
                    f"Python {version}: installs into an empty environment, {len(TRIED)} commands work there"
                )
        assert python is not None
        newest = [place for place in found.values() if place is not None][-1]
        check_installed(wheel, newest, Path(rooms) / "newest", None)
        print("with the newest releases of what it asks for: the same commands work")
        print(f"pip-audit: {audit(python)}")
        bill(python, folder / f"{'-'.join(wheel.name.split('-')[:2])}.cdx.json")
        print(f"bill of materials: {folder.name}/{'-'.join(wheel.name.split('-')[:2])}.cdx.json")


if __name__ == "__main__":
    main()
