"""Every block of the README and the docs can be typed as it stands, and there is none that no test looks at.

Other tests run blocks and hold what they print. Here the words of each command are read as the command
itself reads them, names and calls are held against the code, plans and waivers are read, files are there.
"""

from __future__ import annotations

import ast
import re
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import tomllib
import typer
import yaml

from energyprof.cli import quoted
from energyprof.cli.application import application
from energyprof.cli.run import training_request
from energyprof.compare.gate.waivers import read_waivers
from energyprof.study.plan import plan_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # a dependency of energyprof there

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
# Each block: its page and line, its language, its text.
BLOCKS = [
    (f"{path.name}:{text.count(chr(10), 0, found.start()) + 1}", found[1], found[2])
    for path in PAGES
    for text in [path.read_text(encoding="utf-8")]
    for found in FENCE.finditer(text)
]
# Blocks of these are compiled and run, or are what is printed: by which test.
ELSEWHERE = {
    "c": "test_wire_page.py",
    "cpp": "test_wire_page.py",
    "text": "callbacks/test_ipython.py",
}
# Without a language: what is printed.
BARE = {
    "levers.md": "compare/test_inference.py",
    "nodes.md": "compare/test_waiting.py",
    "verdicts.md": "test_docs.py",
}
# Other people's commands on these pages; what stands before a command, and how many words of it.
OTHERS = {"docker", "g++", "nvidia-smi", "python3", "sacct", "sbatch"}
BEFORE = {"sudo": 1, "srun": 1, "mpirun": 3}


def typed(text: str, language: str) -> Iterator[list[str]]:
    """The commands of a block, each in its words; a comment is none of them."""
    for line in text.splitlines():
        prompted = re.match(r"\w*\$ (.*)", line)
        if language == "console" and prompted is None:
            continue
        lexer = shlex.shlex(prompted[1] if prompted else line, posix=True, punctuation_chars="&;|<>")
        lexer.whitespace_split, lexer.commenters = True, "#"
        words: list[str] = []
        tokens = iter([*lexer, ";"])
        for word in tokens:
            if re.fullmatch(r"[<>]+", word):
                next(tokens)  # where it is read from or written to
            elif re.fullmatch(r"[&;|]+", word) is None:
                words.append(word)
            elif words:
                yield words
                words = []


TYPED = [
    pytest.param(words, id=f"{place} {' '.join(words)}"[:80])
    for place, language, text in BLOCKS
    if language in ("console", "sh")
    for words in typed(text, language)
]


# Commands in the midst of a sentence, and words that stand for others there.
INLINE = sorted(
    {
        span.replace("\\|", "|")
        for path in PAGES
        for text in [FENCE.sub("", path.read_text(encoding="utf-8"))]
        for span in re.findall(r"`energyprof ([a-z]+ [^`…\n]*)`", text)
    }
)
STANDS_FOR = {"PID": "4242", "KIND": "slurm", "FORMAT": "csv", "WORKLOAD": "unet"}


def of(language: str) -> list[Any]:
    """The blocks in it."""
    return [pytest.param(text, id=place) for place, kind, text in BLOCKS if kind == language]


def read(words: Sequence[str]) -> Any:
    """What energyprof's own reader makes of the words: the context of the command that they name."""
    command: Any = typer.main.get_command(application(words))
    context = command.make_context("energyprof", list(words))
    while hasattr(command, "resolve_command"):
        left = [*context._protected_args, *context.args]
        name, command, rest = command.resolve_command(context, left)
        context = command.make_context(name, list(rest), parent=context)
    return context


def check_words(words: Sequence[str]) -> None:
    """Raises what a command would raise of its words, and of those of the command that it is given."""
    context = read(words)
    if words[0] == "run":
        training_request(context)
    elif words[0] in ("ab", "aa"):
        for command in quoted.commands(context.params["words"]):
            quoted.asked(command)
    elif words[0] == "tune" and not context.params["workload"].endswith(".json"):
        quoted.asked(["run", context.params["workload"], *context.args])


def test_there_are_blocks_and_each_is_of_a_kind_that_is_looked_at() -> None:
    assert len(BLOCKS) > 60
    kinds = {kind for _, kind, _ in BLOCKS}
    assert kinds == {"", "console", "sh", "python", "toml", "yaml", *ELSEWHERE}
    for place, kind, text in BLOCKS:
        if kind in ("console", "sh") and place.split(":")[0] != "comparing.md":
            assert list(typed(text, kind)), f"{place}: no command"
        if kind == "":
            assert place.split(":")[0] in BARE, place


def test_no_block_is_one_by_its_indent_alone() -> None:
    for path in PAGES:
        outside = FENCE.sub("", path.read_text(encoding="utf-8"))
        assert re.findall(r"\n\n {4}\S.*", outside) == [], path.name


@pytest.mark.parametrize("words", TYPED)
def test_a_command_is_one_that_can_be_typed(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    while words and (words[0] in BEFORE or re.match(r"\w+=", words[0])):
        words = words[BEFORE.get(words[0], 1) :]
    if not words or words[0] in ("export", "echo"):
        return
    for word in words:
        assert not word.startswith(("examples/", "results/")) or (ROOT / word).exists(), word
    if words[0] == "energyprof":
        for name in ("train.py", "my_training.py"):
            shutil.copyfile(ROOT / "examples/my_training.py", tmp_path / name)
        monkeypatch.chdir(tmp_path)
        check_words(words[1:])
    elif words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), words
    else:
        assert words[0] in OTHERS, words


@pytest.mark.parametrize("span", INLINE)
def test_a_command_in_a_sentence_has_the_options_that_there_are(
    span: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copyfile(ROOT / "examples/my_training.py", tmp_path / "my_training.py")
    monkeypatch.chdir(tmp_path)
    try:
        check_words([STANDS_FOR.get(word, word) for word in shlex.split(span)])
    except typer.BadParameter as error:
        assert type(error).__name__ == "MissingParameter", error  # of a sentence about an option


@pytest.mark.parametrize("text", of("python"))
def test_python_has_the_names_and_the_arguments_that_there_are(text: str) -> None:
    code = ast.parse(text)
    known: dict[str, Path] = {}
    for node in ast.walk(code):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("energyprof"):
            path = ROOT / f"{str(node.module).replace('.', '/')}.py"
            known |= {name.name: path for name in node.names}
    for name, path in known.items():
        assert parameters(path, name) is not None, f"{name} of {path}"
    for node in ast.walk(code):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in known:
            taken = parameters(known[node.func.id], node.func.id)
            assert taken is not None and len(node.args) <= len(taken)
            assert {word.arg for word in node.keywords} <= set(taken), ast.unparse(node)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "energyprof":
            assert node.attr in exported(), node.attr


def parameters(path: Path, name: str) -> list[str] | None:
    """What a class or function of a module takes; ``None``: there is none. Its library need not be here."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef) and node.name == name:
            return next((_names(made) for made in node.body if getattr(made, "name", "") == "__init__"), [])
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return _names(node)
    return None


def _names(function: Any) -> list[str]:
    given = function.args
    return [one.arg for one in (*given.args, *given.kwonlyargs) if one.arg != "self"]


def exported() -> set[str]:
    """The names that `import energyprof` gives."""
    import energyprof

    return set(dir(energyprof))


@pytest.mark.parametrize("text", of("toml"))
def test_toml_is_a_plan_or_a_waiver(text: str, tmp_path: Path) -> None:
    data = tomllib.loads(text)
    if "waiver" in data:
        (tmp_path / "waivers.toml").write_text(text)
        assert read_waivers(tmp_path / "waivers.toml", "2026-01-01").holding
        return
    whole = tomllib.loads(PLAN) if "command" not in data else {}
    plan = plan_of({**whole, **data}, "the page", "plan")
    assert plan.command[0] in ("run", "simulate")


# The page's first plan, which a line alone is part of.
PLAN = next(text for place, kind, text in BLOCKS if kind == "toml" and place.startswith("studies.md"))


@pytest.mark.parametrize("text", of("yaml"))
def test_a_step_has_the_inputs_of_the_action(text: str) -> None:
    (step,) = yaml.safe_load(text)
    inputs: Mapping[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())["inputs"]
    assert "@v" in step["uses"] and set(step["with"]) <= set(inputs)
