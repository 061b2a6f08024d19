"""Labelled text whose classes a word gives away, and a BERT so small that it learns them in a second."""

from __future__ import annotations

import random
from pathlib import Path

WORDS = {"good": ("fine", "lovely"), "bad": ("awful", "nasty")}
FILLER = ("the", "day", "was", "here", "and", "there", "we", "saw", "it", "all")


def rows(n: int, seed: int = 0) -> list[tuple[str, str]]:
    """Texts of six words with their labels, no two alike."""
    rng = random.Random(seed)
    found: dict[str, str] = {}
    while len(found) < n:
        label = rng.choice(sorted(WORDS))
        words = [*rng.choices(FILLER, k=5), rng.choice(WORDS[label])]
        rng.shuffle(words)
        found[" ".join(words)] = label
    return list(found.items())


def write_csv(path: Path, n: int = 400, seed: int = 0) -> Path:
    """A file of ``rows``."""
    lines = ["label,text", *(f"{label},{text}" for text, label in rows(n, seed))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_model(folder: Path, seed: int = 0) -> Path:
    """A folder with a BERT of 2 layers, its weights random, and a tokenizer that knows the words."""
    import tokenizers
    import torch
    import transformers

    words = ["[PAD]", "[UNK]", *FILLER, *(word for both in WORDS.values() for word in both)]
    known = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]")
    )
    known.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=known, pad_token="[PAD]", unk_token="[UNK]"
    ).save_pretrained(folder)
    torch.manual_seed(seed)
    config = transformers.BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    transformers.BertModel(config).save_pretrained(folder)
    return folder
