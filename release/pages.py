"""Pages that are made from others: python release/pages.py

docs/schema.md from the schema of reports; docs/start.md, the README for those who read the site; llms.txt and
skills/energyprof/SKILL.md, for coding agents, from README and docs, whose blocks tests run or check.
`make pages` writes them; a test holds that they are new.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from energyprof.report.record import SCHEMA
from energyprof.report.schema import schema

ROOT = Path(__file__).parent.parent


def schema_page() -> str:
    """What a report may hold: a table a record, in the order in which a reader meets them."""
    definitions = schema()["$defs"]
    lines = [
        "# What a report holds",
        "",
        f"`{SCHEMA}`, as [JSON Schema](../energyprof/report/report-2.schema.json):",
        "`energyprof schema` prints it, and this page is made from it. A field that is `null` is not known;",
        "a field in **bold** is always there.",
        "Suffixes are units: `_j` joules, `_w` watts, `_s` seconds, `_u` an uncertainty.",
    ]
    for name in _met("Report", definitions, []):
        record = definitions[name]
        lines += [
            "",
            f"## {name}",
            "",
            _plain(record["description"]),
            "",
            "| field | holds |",
            "| --- | --- |",
        ]
        for field, kind in record["properties"].items():
            shown = f"**`{field}`**" if field in record.get("required", []) else f"`{field}`"
            lines.append(f"| {shown} | {_kind(kind)} |")
    return "\n".join(lines) + "\n"


def _met(name: str, definitions: dict[str, Any], seen: list[str]) -> list[str]:
    if name not in seen and "properties" in definitions[name]:
        seen.append(name)
        for found in re.findall(r"#/\$defs/(\w+)", repr(definitions[name])):
            _met(found, definitions, seen)
    return seen


def _kind(kind: dict[str, Any]) -> str:
    """A field's type in words, with its limits."""
    if "anyOf" in kind:
        return " or ".join(_kind(one) for one in kind["anyOf"])
    if "enum" in kind or "const" in kind:
        return ", ".join(f"`{value}`" for value in kind.get("enum", [kind.get("const")]))
    if "$ref" in kind:
        name = kind["$ref"].rpartition("/")[2]
        linked = name if name[0].islower() else f"[{name}](#{name.lower()})"
        return linked.replace("json", "any JSON") + _limits(kind)
    if kind.get("type") == "array" and "prefixItems" in kind:
        return f"[{', '.join(_kind(one) for one in kind['prefixItems'])}]"
    if kind.get("type") == "array":
        return f"a list of {_kind(kind['items'])}"
    if kind.get("type") == "object":
        return f"an object of {_kind(kind.get('additionalProperties', {}))}"
    return str(kind.get("type", "any JSON")) + _limits(kind)


def _limits(kind: dict[str, Any]) -> str:
    if "minimum" in kind and kind.get("maximum", 1e30) < 1e18:
        return f" from {kind['minimum']:g} to {kind['maximum']:g}"
    return f" ≥ {kind['minimum']:g}" if kind.get("minimum", -1) >= 0 else ""


def _plain(text: str) -> str:
    return " ".join(text.replace("``", "`").split())


def start_page() -> str:
    """The README between its question and its list of pages, with links from where this page lies."""
    readme = _read("README.md")
    body = readme[readme.index("## Five minutes") : readme.index("## Where it is written")]
    body = re.sub(r"\[docs/[\w-]+\.md\]\((docs/[\w-]+\.md)\)", _by_title, body)
    body = re.sub(r"\]\((?!https?://|#)([^)]+)\)", lambda found: f"]({_from_docs(found[1])})", body)
    intro = "Five minutes, every command, and one example of each kind of use: the README, as a page."
    return f"# Start\n\n{intro}\n\n{body.rstrip()}\n"


def _by_title(found: re.Match[str]) -> str:
    """A page of docs/ by its title: where people read this it has no file name."""
    return f"[{_title(_read(found[1]))}]({found[1]})"


def _from_docs(link: str) -> str:
    return link.removeprefix("docs/") if link.startswith("docs/") else f"../{link}"


def llms_txt() -> str:
    """The index for language models (llmstxt.org): a title, a summary, lists of links."""
    readme, mkdocs = _read("README.md"), _read("mkdocs.yml")
    lines = ["# energyprof", "", f"> {_question(readme)}", "", _summary(readme), ""]
    for title, pages in re.findall(r"^  - ([\w ]+): \[(.+)\]$", mkdocs, re.MULTILINE):
        lines += [f"## {title}", ""]
        for page in pages.split(", "):
            text = _read(f"docs/{page}")
            lines.append(f"- [{_title(text)}](docs/{page}): {_first_sentence(text)}")
        lines.append("")
    others = (
        ("README", "five minutes, all commands"),
        ("CONTRIBUTING", "the house"),
        ("CHANGELOG", "what is new"),
    )
    lines += ["## Optional", "", *(f"- [{name}]({name}.md): {told}" for name, told in others)]
    return "\n".join(lines) + "\n"


def skill() -> str:
    """What a coding agent needs to measure, compare and gate, in one page."""
    readme = _read("README.md")
    commands = re.findall(r"^\| (`energyprof [^|]*) \| (.*) \|$", readme, re.MULTILINE)
    names = {re.findall(r"energyprof (\w+)", words)[0] for words, _ in commands}
    wanted = ("run", "exec", "doctor", "compare", "ab", "check", "show", "recompute", "template")
    assert names >= set(wanted), names
    return "\n".join(
        [
            "---",
            "name: energyprof",
            "description: Measures the energy of trainings and programs, with error bars;"
            " gates builds on it.",
            "---",
            "",
            "# energyprof",
            "",
            _summary(readme),
            "",
            "Never pass an estimate off as a measurement (`origin` in the report says which it is).",
            "Quote every energy with its ±. `null` means not known, never 0. An INCONCLUSIVE verdict is no",
            "difference, and no equality either.",
            "",
            "## Commands",
            "",
            "| command | does |",
            "| --- | --- |",
            *(
                f"| {words} | {_unlinked(told)} |"
                for words, told in commands
                if re.findall(r"energyprof (\w+)", words)[0] in wanted
            ),
            "",
            "Every command takes `--help`; with `--json` only JSON is on stdout. `energyprof doctor`",
            "says which meters there are, and how to open those that are blocked.",
            "",
            "## Train, compare, gate",
            "",
            *_blocks("README.md", "console", "energyprof run transformer", "energyprof compare before.json"),
            "## A training of one's own",
            "",
            *_blocks("docs/own-code.md", "python", "callbacks.transformers import"),
            *_blocks("docs/own-code.md", "python", "energyprof.reached"),
            "## A stretch of a program",
            "",
            *_blocks("docs/program.md", "python", 'with energyprof.measure("fine-tune")'),
            "## A job, a container",
            "",
            *_blocks("docs/clusters.md", "console", "energyprof template slurm"),
            "## Exit codes",
            "",
            re.search(r"^\| code .*?(?=\n\n)", _read("docs/running.md"), re.MULTILINE | re.DOTALL)[0],  # type: ignore[index]
            "",
        ]
    )


def _blocks(page: str, language: str, *holding: str) -> list[str]:
    """The page's blocks that hold these words, each of them once."""
    blocks = re.findall(rf"```{language}\n.*?```", _read(page), re.DOTALL)
    found = [block for words in holding for block in blocks if words in block]
    assert len(found) == len(holding), f"{page}: {holding}"
    return [line for block in found for line in (block, "")]


def _question(readme: str) -> str:
    return re.findall(r"^\*\*(.+?)\*\*$", readme, re.MULTILINE)[0]


def _summary(readme: str) -> str:
    """The README's paragraph below the question."""
    return readme.split("\n\n")[2].strip()


def _title(text: str) -> str:
    return text.partition("\n")[0].removeprefix("# ")


def _first_sentence(text: str) -> str:
    """Of the first paragraph that is one."""
    parts = [part for part in text.split("\n\n")[1:] if re.match(r"(?!```)[A-Za-z`*\[]", part)]
    plain = _unlinked(" ".join(parts[0].split())).removeprefix("* ").replace("**", "")
    return re.split(r"(?<=[a-z`)])[.:](?: |$)", plain)[0] + "."


def _unlinked(text: str) -> str:
    return re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text)


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def pages() -> dict[str, str]:
    """Each page's path in the repository, and its text."""
    made = {"docs/schema.md": schema_page(), "docs/start.md": start_page()}
    return {**made, "llms.txt": llms_txt(), "skills/energyprof/SKILL.md": skill()}


if __name__ == "__main__":
    # What is listed must be there to be read.
    (ROOT / "docs/schema.md").write_text(schema_page(), encoding="utf-8")
    (ROOT / "docs/start.md").write_text(start_page(), encoding="utf-8")
    for name, text in pages().items():
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(text, encoding="utf-8")
