"""Whisper (Radford et al., 2022, arXiv:2212.04356), by transformers: an encoder of sound, a decoder of text.

Random weights write bytes, the user's the tokens of their own tokenizer. Every clip is padded to the length
that the encoder takes (30 s, as published).
"""

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from energyprof.workload import WorkloadError
from energyprof.workloads.data import hub
from energyprof.workloads.training.device import library

# What the published config.json of whisper-small says, where it matters.
SMALL: Dict[str, Any] = {
    "model_type": "whisper",
    "vocab_size": 51865,
    "num_mel_bins": 80,
    "d_model": 768,
    "encoder_layers": 12,
    "encoder_attention_heads": 12,
    "encoder_ffn_dim": 3072,
    "decoder_layers": 12,
    "decoder_attention_heads": 12,
    "decoder_ffn_dim": 3072,
    "max_source_positions": 1500,
    "max_target_positions": 448,
}
# No vocabulary is packaged: a text is its bytes, between two tokens more. The head costs the same.
END, START = 256, 257
FFT, HOP = 400, 160  # samples, as the paper has it
HALVED = 2  # frames that the encoder makes one of
ROOM = 2  # times as many tokens as the longest text that is taught may be said


def recogniser(config: Mapping[str, Any], model: Optional[str], texts: Sequence[str]) -> "Whisper":
    """The recogniser of a plan's ``config``, or of the user's ``model``, a folder or a name on the hub.

    Raises:
        WorkloadError: its config or its tokenizer cannot be loaded.
    """
    transformers = library("transformers")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    if model is None:
        described = {name: value for name, value in config["model"].items() if name != "model_type"}
        ends = {
            "pad_token_id": END,
            "bos_token_id": END,
            "eos_token_id": END,
            "decoder_start_token_id": START,
        }
        kind = transformers.WhisperConfig(
            **described, **ends, suppress_tokens=None, begin_suppress_tokens=None
        )
        return Whisper(kind, None, _bytes, _from_bytes, (START,), END, texts)
    online = hub.named(model)
    with hub.one_line(model):
        kind = transformers.WhisperConfig.from_pretrained(model, local_files_only=not online)
        tokenizer = transformers.AutoTokenizer.from_pretrained(model, local_files_only=not online)
        before = tuple(tokenizer.prefix_tokens)

    def tokens(text: str) -> List[int]:
        return [*before, *tokenizer(text, add_special_tokens=False).input_ids, tokenizer.eos_token_id]

    def written(found: Sequence[int]) -> str:
        return str(tokenizer.decode(list(found), skip_special_tokens=True))

    return Whisper(kind, model, tokens, written, before, tokenizer.eos_token_id, texts)


def _bytes(text: str) -> List[int]:
    return [START, *text.encode("utf-8", "replace"), END]


def _from_bytes(tokens: Sequence[int]) -> str:
    return bytes(token for token in tokens if token < END).decode("utf-8", "replace")


class Whisper:
    """Hears log-mel spectra of a fixed length and writes tokens one after the other."""

    rate_hz = 16000

    def __init__(
        self,
        kind: Any,
        model: Optional[str],
        tokens: Callable[[str], List[int]],
        written: Callable[[Sequence[int]], str],
        before: Tuple[int, ...],
        end: int,
        texts: Sequence[str],
    ) -> None:
        self._kind, self._model, self._tokens, self._written = kind, model, tokens, written
        self._before, self._end = before, end
        self._samples = kind.max_source_positions * HALVED * HOP
        self._most = min(kind.max_target_positions, ROOM * max(len(tokens(text)) for text in texts))
        extractor = library("transformers").WhisperFeatureExtractor(feature_size=kind.num_mel_bins)
        self._filters = library("torch").as_tensor(extractor.mel_filters).float()  # (FFT / 2 + 1, bands)

    def network(self) -> Any:
        """The model.

        Raises:
            WorkloadError: the weights cannot be loaded, or lack some.
        """
        kind = library("transformers").WhisperForConditionalGeneration
        if self._model is None:
            return kind(self._kind).train()
        with hub.one_line(self._model):
            model, report = kind.from_pretrained(
                self._model, local_files_only=not hub.named(self._model), output_loading_info=True
            )
        # The head is the embedding of tokens once more.
        missing = [name for name in report["missing_keys"] if name != "proj_out.weight"]
        if missing:
            raise WorkloadError(
                f"{self._model} lacks {len(missing)} of its weights ({missing[0]}): replace it"
            )
        return model.float().train()

    def fits(self, samples: int, text: str) -> bool:
        """Whether the encoder takes so much sound, and the decoder so many tokens."""
        few = len(self._tokens(text)) <= self._kind.max_target_positions
        return bool(0 < samples <= self._samples and few)

    def heard(self, waves: Any, lengths: Any) -> Tuple[Any, Any]:
        """Log-mel spectra (n, bands, frames) of the padded waves, as WhisperFeatureExtractor makes them."""
        import torch

        padded = torch.nn.functional.pad(waves, (0, self._samples - waves.shape[1]))
        window = torch.hann_window(FFT, device=waves.device)
        spectrum = torch.stft(padded, FFT, HOP, window=window, return_complex=True)[..., :-1]
        power = spectrum.real**2 + spectrum.imag**2
        found = (self._filters.T.to(waves.device) @ power).clamp(min=1e-10).log10()
        found = torch.maximum(found, found.amax(dim=(1, 2), keepdim=True) - 8.0)
        return (found + 4.0) / 4.0, lengths.to(waves.device, non_blocking=True)

    def taught(self, texts: Sequence[str]) -> Tuple[Any, Any]:
        """Tokens (n, most) and how many each text has (n,)."""
        import torch

        rows = [torch.tensor(self._tokens(text)) for text in texts]
        counts = torch.tensor([len(row) for row in rows])
        return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=self._end), counts

    def loss(self, model: Any, batch: Tuple[Any, Any, Any, Any]) -> Any:
        """The mean loss of each token after those before it."""
        import torch

        spectra, _, tokens, counts = batch
        logits = model(input_features=spectra, decoder_input_ids=tokens[:, :-1], use_cache=False).logits
        # The first token is given; of the padding, which is an end as well, nothing is learnt.
        behind = torch.arange(1, tokens.shape[1], device=tokens.device)[None, :] >= counts[:, None]
        wanted = tokens[:, 1:].masked_fill(behind, IGNORED)
        return torch.nn.functional.cross_entropy(
            logits.flatten(0, 1).float(), wanted.flatten(), ignore_index=IGNORED
        )

    def said(self, model: Any, heard: Tuple[Any, Any]) -> List[str]:
        """The most probable token each time, to the end or to twice as many as any text taught has."""
        import torch

        spectra = heard[0]
        encoded = model.get_encoder()(spectra)
        tokens = torch.tensor([self._before] * len(spectra), device=spectra.device)
        said, past = tokens, None
        ended = torch.zeros(len(spectra), dtype=torch.bool, device=spectra.device)
        while said.shape[1] < self._most and not bool(ended.all()):
            found = model(
                encoder_outputs=encoded, decoder_input_ids=tokens, past_key_values=past, use_cache=True
            )
            past = found.past_key_values
            tokens = found.logits[:, -1].argmax(dim=1, keepdim=True).masked_fill(ended[:, None], self._end)
            ended = ended | (tokens[:, 0] == self._end)
            said = torch.cat([said, tokens], dim=1)
        return [self._written(_until(row[len(self._before) :], self._end)) for row in said.tolist()]


IGNORED = -100  # cross_entropy's own word for it


def _until(tokens: List[int], end: int) -> List[int]:
    return tokens[: tokens.index(end)] if end in tokens else tokens
