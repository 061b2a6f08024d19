"""A Stable Diffusion of a few thousand weights, as a configuration and as a folder in diffusers' layout."""

from __future__ import annotations

import json
from pathlib import Path

from energyprof.workloads import stable_diffusion

MICRO = {
    "unet": {
        **stable_diffusion.TINY["unet"],
        "block_out_channels": [8, 16],
        "layers_per_block": 1,
        "cross_attention_dim": 16,
        "attention_head_dim": 2,
        "norm_num_groups": 4,
    },
    "vae": {
        **stable_diffusion.TINY["vae"],
        "block_out_channels": [4, 8],
        "layers_per_block": 1,
        "down_block_types": ["DownEncoderBlock2D"] * 2,
        "up_block_types": ["UpDecoderBlock2D"] * 2,
        "norm_num_groups": 4,
    },
    "text_encoder": {
        **stable_diffusion.TINY["text_encoder"],
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "max_position_embeddings": 24,
    },
}
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def write(folder: Path, prediction: str = "v_prediction") -> Path:
    """The micro model, its tokenizer (letters, and nothing else) and its schedule; the folder."""
    import diffusers
    import torch
    import transformers

    torch.manual_seed(0)
    vocabulary = [*LETTERS, *(letter + "</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
    text = {**MICRO["text_encoder"], "vocab_size": len(vocabulary), "bos_token_id": 52, "eos_token_id": 53}
    transformers.utils.logging.disable_progress_bar()
    diffusers.UNet2DConditionModel(**MICRO["unet"]).save_pretrained(folder / "unet")
    diffusers.AutoencoderKL(**MICRO["vae"]).save_pretrained(folder / "vae")
    transformers.CLIPTextModel(transformers.CLIPTextConfig(**text)).save_pretrained(folder / "text_encoder")
    schedule = diffusers.DDPMScheduler(**stable_diffusion.SCHEDULE, prediction_type=prediction)
    schedule.save_pretrained(folder / "scheduler")
    tokenizer = folder / "tokenizer"
    tokenizer.mkdir()
    ids = {word: number for number, word in enumerate(vocabulary)}
    (tokenizer / "vocab.json").write_text(json.dumps(ids))
    (tokenizer / "merges.txt").write_text("#version: 0.2\n")
    options = {"model_max_length": 24, "pad_token": "<|endoftext|>"}
    (tokenizer / "tokenizer_config.json").write_text(json.dumps(options))
    return folder
