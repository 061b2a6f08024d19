"""torch's compiler is loaded by what compiles, and is then what it would have been."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# What of torch meets its compiler, as torch's own code does.
TORCH = {
    "torch": """
def deterministic(mode):
    import torch._inductor.config as config
    config.deterministic = mode
def asked(function):
    kept = getattr(function, "__dynamo_disable", None)
    if kept is None:
        import torch._dynamo
        kept = torch._dynamo.disable(function, True, wrapping=False)
        function.__dynamo_disable = kept
    return kept
def step():
    import torch._dynamo
    torch._dynamo.graph_break()
""",
    "torch._dynamo": """
import torch._inductor
from torch._dynamo import utils
def disable(function=None, recursive=True, *, reason=None, wrapping=True):
    return ("disabled", function, recursive, wrapping)
def graph_break(msg=""):
    return "drawn"
def optimize():
    return "optimised"
""",
    "torch._dynamo.utils": "count = []",
    "torch._dynamo.other": "from torch._dynamo import optimize",
    "torch._inductor": "from torch._inductor import config",
    "torch._inductor.config": "deterministic = False",
    "torch._inductor.custom_graph_pass": "",
}
INSTALL = "from energyprof.workloads import compiler_later; compiler_later.install()"
MET = """
import torch
def function(): pass
torch.deterministic(True); torch.asked(function); torch.step()
"""
IS_THERE = "print('torch._dynamo.utils' in sys.modules)"


def run(folder: Path, *lines: str) -> list[str]:
    """What a Python prints that has these packages first."""
    code = "\n".join(("import sys", f"sys.path.insert(0, {str(folder)!r})", *lines))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    for name, text in TORCH.items():
        folder = tmp_path.joinpath(*name.split("."))
        folder.mkdir()
        (folder / "__init__.py").write_text(text)
    return tmp_path


@pytest.mark.slow
def test_what_only_keeps_out_of_it_does_not_load_it(packages: Path) -> None:
    assert run(packages, INSTALL, MET, IS_THERE) == ["False"]
    assert run(packages, MET, IS_THERE) == ["True"]


@pytest.mark.parametrize(
    ("use", "said"),
    [
        ("import torch._dynamo; print(torch._dynamo.optimize())", "optimised"),
        ("from torch._dynamo import optimize; print(optimize())", "optimised"),
        ("import torch._dynamo.other as other; print(other.optimize())", "optimised"),
        (
            "import torch._dynamo; print(torch._dynamo.disable(len))",
            "('disabled', <built-in function len>, True, True)",
        ),
        (
            "import torch._dynamo; print(torch._dynamo.disable(recursive=False))",
            "('disabled', None, False, True)",
        ),
    ],
)
def test_any_other_use_loads_it_and_gets_what_it_asked_for(packages: Path, use: str, said: str) -> None:
    assert run(packages, INSTALL, MET, use, IS_THERE) == [said, "True"]


@pytest.mark.slow
def test_then_it_is_what_it_would_have_been(packages: Path) -> None:
    look = "print(type(torch._dynamo), sorted(vars(torch._dynamo)), torch._inductor.config.deterministic)"
    again = "print(torch.asked(function)[0], torch._dynamo.graph_break())"
    later = run(packages, INSTALL, MET, "torch._dynamo.optimize", look, again)
    assert later == run(packages, MET, "torch._dynamo.optimize", look, again)
    assert later[1] == "disabled drawn"


def test_a_module_of_it_is_loaded_once(packages: Path) -> None:
    use = "import torch._dynamo.utils as one, torch._dynamo"
    same = "print(one is torch._dynamo.utils is sys.modules[one.__name__], one.__spec__.origin)"
    (said,) = run(packages, INSTALL, MET, use, same)
    assert said == f"True {packages / 'torch' / '_dynamo' / 'utils' / '__init__.py'}"


def test_one_that_does_not_load_says_so_each_time(packages: Path) -> None:
    (packages / "torch" / "_dynamo" / "__init__.py").write_text("raise ImportError('broken')")
    use = "try: torch._dynamo.optimize", "except ImportError as e: print(e)"
    assert run(packages, INSTALL, MET, *use, *use, "torch.step()") == ["broken", "broken"]


@pytest.mark.slow
def test_torch_trains_without_its_compiler_and_compiles_with_it(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    said = run(
        tmp_path,
        INSTALL,
        "import torch",
        "from energyprof.workloads.training import device",
        "device.set_up(torch.device('cpu'), 'fp32')",
        "model = torch.nn.Linear(2, 1)",
        "optimiser = device.adamw(model.parameters(), 1e-3, torch.device('cpu'))",
        "model(torch.ones(4, 2)).sum().backward()",
        "optimiser.step(); optimiser.zero_grad()",
        IS_THERE,
        "twice = torch.compile(lambda x: 2 * x, backend='eager')",
        "print(twice(torch.ones(2)).tolist(), torch._inductor.config.deterministic)",
        "optimiser.step(); optimiser.zero_grad()",
        IS_THERE,
    )
    assert said == ["False", "[2.0, 2.0] True", "True"]
