"""The parts of Stable Diffusion: autoencoder, text encoder, U-Net, noise schedule and tokenizer.

They come from the user's folder, in diffusers' layout, or from published configurations with random weights.
Random frozen parts are the same in every run, so that all runs learn the same task.
"""

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterable, Mapping, Optional, Sequence, Tuple

from energyprof.workload import WorkloadError
from energyprof.workloads import stable_diffusion
from energyprof.workloads.data import hub
from energyprof.workloads.data.fingerprint import fingerprint
from energyprof.workloads.training import tensors
from energyprof.workloads.training.device import library

FOLDERS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
PREDICTIONS = ("epsilon", "v_prediction")
FROZEN_SEED = 0
# How trained autoencoders differ from random ones: latents that look like the image made small, and hardly
# any spread around them.
RESIDUAL_GAIN = 0.2
BLUR = (0.25, 0.5, 0.25)  # what strided convolutions see of their neighbourhood
LOG_VARIANCE = -20.0


def described(model: str) -> Any:
    """What stands in a plan for the user's ``model``: a fingerprint of each part, or the name on the hub.

    Raises:
        WorkloadError: a part is not there, or it is not a name on the hub either.
    """
    name = hub.name(model, "a folder with a model in diffusers' layout, or a model's name")
    if name is not None:
        return "hub:" + name
    missing = [part for part in FOLDERS if not (Path(model) / part).is_dir()]
    if missing:
        raise WorkloadError(f"{model} has no folder {missing[0]}: give a model in diffusers' layout")
    return {part: fingerprint(Path(model) / part) for part in FOLDERS}


@dataclass(frozen=True)
class Models:
    """The parts that are not trained, and what makes the one that is."""

    vae: Any
    text_encoder: Any
    schedule: Any  # a diffusers.DDPMScheduler
    tokens: Callable[[Sequence[str]], Any]  # captions → (n, length) int64
    unet: Callable[[], Any]  # fresh weights from torch's global generator, or the user's

    def freeze(self, device: Any) -> None:
        """Move what is not trained to the device, where it will only compute."""
        for part in (self.vae, self.text_encoder):
            part.eval().requires_grad_(False).to(device)

    def centre(self, batches: Iterable[Any]) -> None:
        """Give these batches' latents, once scaled, mean 0 in each channel and deviation 1 over all.

        So are a trained autoencoder's: Rombach et al., 2022, CVPR, appendix G.
        """
        torch = library("torch")
        with torch.no_grad():
            latents = torch.cat([self.vae.encode(_pixels(images)).latent_dist.mode() for images in batches])
            gain = 1 / (latents.std() * self.vae.config.scaling_factor)
            self.vae.quant_conv.weight.mul_(gain)
            self.vae.quant_conv.bias.chunk(2)[0].copy_(-latents.mean(dim=(0, 2, 3)) * gain)

    def lower(self, precision: str, channels_last: bool) -> None:
        """Keep what is not trained in the low precision itself, as diffusers' scripts do."""
        torch = library("torch")
        kind = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision, torch.float32)
        for part in (self.vae, self.text_encoder):
            part.to(dtype=kind, memory_format=tensors.memory_format(part, channels_last))

    def encoded(self, images: Any, tokens: Any, rng: Any) -> Tuple[Any, Any]:
        """Scaled latents (n, c, h, w), drawn by ``rng`` or the most probable, and text (n, length, width).

        Args:
            images: (n, 1 or 3, side, side) uint8.
            tokens: (n, length).
            chance: a ``torch.Generator`` on their device, or ``None``.
        """
        torch = library("torch")
        with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
            found = self.vae.encode(_pixels(images).to(self.vae.dtype)).latent_dist
            latents = found.mode() if rng is None else found.sample(rng)
            return latents * self.vae.config.scaling_factor, self.text_encoder(tokens)[0]


def drawn(config: Mapping[str, Any], prediction: str) -> Models:
    """Stable Diffusion with random weights, from the configurations of its parts."""
    diffusers, transformers = _libraries(offline=True)
    vae = diffusers.AutoencoderKL(**config["vae"])
    text = transformers.CLIPTextModel(
        transformers.CLIPTextConfig(**config["text_encoder"], bos_token_id=0, eos_token_id=2)
    )
    _draw(vae)
    _like_trained(vae)
    _draw(text)
    length, vocabulary = (config["text_encoder"][key] for key in ("max_position_embeddings", "vocab_size"))
    return Models(
        vae,
        text,
        diffusers.DDPMScheduler(**stable_diffusion.SCHEDULE, prediction_type=prediction),
        lambda captions: byte_tokens(captions, length, vocabulary),
        lambda: diffusers.UNet2DConditionModel(**config["unet"]),
    )


def loaded(model: str, prediction: Optional[str]) -> Models:
    """The user's model, from a folder or the hub; ``None`` predicts what its scheduler says.

    Raises:
        WorkloadError: a part cannot be loaded, lacks weights, or is another kind of model.
    """
    named = hub.name(model, "a model") is not None
    diffusers, transformers = _libraries(offline=not named)

    def part(kind: Any, folder: str, **options: Any) -> Any:
        with hub.one_line(f"{model}, {folder},"):
            return kind.from_pretrained(model, subfolder=folder, local_files_only=not named, **options)

    def network(kind: Any, folder: str, **options: Any) -> Any:
        found, report = part(kind, folder, output_loading_info=True, use_safetensors=True, **options)
        if report["missing_keys"]:
            raise WorkloadError(f"{model}: {folder} lacks {len(report['missing_keys'])} weights: replace it")
        return found.float()

    schedule = part(diffusers.DDPMScheduler, "scheduler")
    if prediction is not None:
        schedule.register_to_config(prediction_type=prediction)
    if schedule.config.prediction_type not in PREDICTIONS:
        raise WorkloadError(f"{model} predicts {schedule.config.prediction_type}: give --prediction")
    tokenizer = part(transformers.CLIPTokenizer, "tokenizer")
    vae = network(diffusers.AutoencoderKL, "vae", low_cpu_mem_usage=False)
    text = network(transformers.CLIPTextModel, "text_encoder")

    def unet() -> Any:
        found = network(diffusers.UNet2DConditionModel, "unet", low_cpu_mem_usage=False)
        takes = (found.config.in_channels, found.config.cross_attention_dim, found.config.addition_embed_type)
        if takes != (vae.config.latent_channels, text.config.hidden_size, None):
            raise WorkloadError(f"{model}: its unet takes more or else than noisy latents and a caption")
        return found

    def tokens(captions: Sequence[str]) -> Any:
        length = tokenizer.model_max_length
        options = {"max_length": length, "padding": "max_length", "truncation": True, "return_tensors": "pt"}
        return tokenizer(list(captions), **options).input_ids

    return Models(vae, text, schedule, tokens, unet)


def byte_tokens(captions: Sequence[str], length: int, vocabulary: int) -> Any:
    """Captions as CLIP has them, (n, length) int64, but byte by byte: no vocabulary is packaged for CLIP.

    Its 256 first tokens are the bytes and its last two begin and end a text, which is padded with ends, as
    Stable Diffusion 1 does; a text encoder costs the same whatever its tokens.
    """
    torch = library("torch")
    rows = torch.full((len(captions), length), vocabulary - 1)
    for row, caption in zip(rows, captions):
        content = caption.encode("utf-8", "replace")[: length - 2]
        row[: len(content) + 1] = torch.tensor([vocabulary - 2, *content])
    return rows


def _pixels(images: Any) -> Any:
    """Bytes as the autoencoder takes them, (n, 3, h, w) in -1…1."""
    return images.float().div_(127.5).sub_(1).expand(-1, 3, -1, -1)


def _libraries(offline: bool) -> Any:
    """diffusers and transformers, told to be quiet."""
    hub.quiet(offline)
    diffusers, transformers = library("diffusers"), library("transformers")
    with hub.one_line("diffusers"):  # it imports a class when it is first named: then versions may not fit
        for name in ("AutoencoderKL", "UNet2DConditionModel", "DDPMScheduler"):
            getattr(diffusers, name)
    diffusers.logging.set_verbosity_error()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return diffusers, transformers


def _draw(module: Any) -> None:
    """Give each weight values of its own name's making: no version's order or habits of drawing matter."""
    torch = library("torch")
    for name, weight in module.named_parameters():
        name = name.replace("text_model.", "")  # which transformers 5 does without
        rng = torch.Generator().manual_seed(FROZEN_SEED + zlib.crc32(name.encode()))
        with torch.no_grad():
            if weight.dim() > 1:
                weight.copy_(torch.randn(weight.shape, generator=rng) / weight[0].numel() ** 0.5)
            else:
                weight.fill_(float(name.endswith("weight")))


def _like_trained(vae: Any) -> None:
    """Make a random autoencoder's latents behave as a trained one's."""
    torch = library("torch")
    line = torch.tensor(BLUR)
    blur = torch.outer(line, line)
    with torch.no_grad():
        for name, weight in vae.encoder.named_parameters():
            if name.endswith(("conv2.weight", "to_out.0.weight")):
                weight.mul_(RESIDUAL_GAIN)
            elif "downsamplers" in name and weight.dim() == 4:
                weight.copy_(weight.sum(dim=(2, 3), keepdim=True) * blur)
        vae.quant_conv.weight.chunk(2)[1].zero_()
        vae.quant_conv.bias.chunk(2)[1].fill_(LOG_VARIANCE)
