"""The configurations of Stable Diffusion's parts: as published, and a small model of the same make."""

from typing import Any, Dict, Sequence

# The noise schedule of all models up to 2.1.
SCHEDULE: Dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
}
SCALING = 0.18215  # of latents, as published: Rombach et al., 2022, CVPR, appendix G


def _vae(channels: Sequence[int], layers: int, groups: int) -> Dict[str, Any]:
    return {
        "in_channels": 3,
        "out_channels": 3,
        "latent_channels": 4,
        "block_out_channels": list(channels),
        "down_block_types": ["DownEncoderBlock2D"] * len(channels),
        "up_block_types": ["UpDecoderBlock2D"] * len(channels),
        "layers_per_block": layers,
        "norm_num_groups": groups,
        "scaling_factor": SCALING,
    }


def _unet(channels: Sequence[int], attention: Sequence[bool], **rest: Any) -> Dict[str, Any]:
    """A U-Net whose levels attend to the caption where ``attention`` says so."""
    down = ["CrossAttnDownBlock2D" if attends else "DownBlock2D" for attends in attention]
    up = ["CrossAttnUpBlock2D" if attends else "UpBlock2D" for attends in reversed(attention)]
    widths = {"in_channels": 4, "out_channels": 4, "block_out_channels": list(channels)}
    return {**widths, "down_block_types": down, "up_block_types": up, **rest}


TINY: Dict[str, Any] = {
    "unet": _unet(
        (32, 64),
        (False, True),
        layers_per_block=1,
        attention_head_dim=4,
        cross_attention_dim=64,
        norm_num_groups=8,
    ),
    "vae": _vae((16, 32, 32), layers=1, groups=8),
    "text_encoder": {
        "vocab_size": 258,
        "hidden_size": 64,
        "intermediate_size": 256,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 40,
        "hidden_act": "quick_gelu",
    },
}
# What the published config.json of stable-diffusion-v1-5 and stable-diffusion-2-1 say, where it matters.
SD15: Dict[str, Any] = {
    "unet": _unet(
        (320, 640, 1280, 1280),
        (True, True, True, False),
        layers_per_block=2,
        attention_head_dim=8,
        cross_attention_dim=768,
    ),
    "vae": _vae((128, 256, 512, 512), layers=2, groups=32),
    "text_encoder": {  # CLIP ViT-L/14
        "vocab_size": 49408,
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "max_position_embeddings": 77,
        "hidden_act": "quick_gelu",
    },
}
SD21: Dict[str, Any] = {
    "unet": _unet(
        (320, 640, 1280, 1280),
        (True, True, True, False),
        layers_per_block=2,
        attention_head_dim=[5, 10, 20, 20],
        cross_attention_dim=1024,
        use_linear_projection=True,
        upcast_attention=True,
    ),
    "vae": _vae((128, 256, 512, 512), layers=2, groups=32),
    "text_encoder": {  # OpenCLIP ViT-H/14, less its last layer
        "vocab_size": 49408,
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "num_hidden_layers": 23,
        "num_attention_heads": 16,
        "max_position_embeddings": 77,
        "hidden_act": "gelu",
    },
}
