"""wav2vec 2.0 with a head for CTC (Baevski et al., 2020, arXiv:2006.11477), by transformers.

Random weights, or the user's: then with the letters of its vocabulary, if it has one, and its first layers,
which hear the wave itself, are not trained, as in the paper. Nothing is masked and no layer dropped: each
step costs the same, and clips may be short.
"""

import json
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from energyprof.workload import WorkloadError
from energyprof.workloads import ctc
from energyprof.workloads.data import hub, rooms
from energyprof.workloads.training.device import library

# What the published config.json of wav2vec2-base says, where it matters.
BASE: Dict[str, Any] = {
    "model_type": "wav2vec2",
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "conv_dim": [512, 512, 512, 512, 512, 512, 512],
    "conv_kernel": [10, 3, 3, 3, 3, 2, 2],
    "conv_stride": [5, 2, 2, 2, 2, 2, 2],
    "num_conv_pos_embeddings": 128,
    "num_conv_pos_embedding_groups": 16,
}
STEADY: Dict[str, Any] = {"mask_time_prob": 0.0, "mask_feature_prob": 0.0, "layerdrop": 0.0}
SPACE = "|"  # between words, in the vocabularies of its kin
HEAD = "lm_head."


def recogniser(config: Mapping[str, Any], model: Optional[str], texts: Sequence[str]) -> "Wav2Vec2":
    """The recogniser of a plan's ``config``, or of the user's ``model``, a folder or a name on the hub.

    Raises:
        WorkloadError: its config or its vocabulary cannot be loaded.
    """
    transformers = library("transformers")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    if model is None:
        symbols = ctc.alphabet(texts)
        described = {name: value for name, value in config["model"].items() if name != "model_type"}
        kind = transformers.Wav2Vec2Config(
            **described, **STEADY, vocab_size=len(symbols), pad_token_id=ctc.BLANK
        )
        return Wav2Vec2(kind, None, symbols)
    with hub.one_line(model):
        online = hub.named(model)
        kind = transformers.Wav2Vec2Config.from_pretrained(model, local_files_only=not online, **STEADY)
    if kind.add_adapter:
        raise WorkloadError(f"{model} has an adapter behind its encoder: use a model without")
    found = vocabulary(model, kind.pad_token_id)
    if found is None:
        kind.pad_token_id = ctc.BLANK
        found = ctc.alphabet(texts)
    kind.vocab_size = len(found)
    return Wav2Vec2(kind, model, found)


def vocabulary(model: str, blank: int) -> Optional[Tuple[str, ...]]:
    """The letters of the model's vocab.json by their numbers, in lower case; ``None``: it has none.

    Raises:
        WorkloadError: it is no vocabulary.
    """
    path: Any = Path(model) / "vocab.json"
    if hub.named(model):
        with hub.one_line(model):
            hubs = library("transformers.utils.hub")
            path = hubs.cached_file(model, "vocab.json", _raise_exceptions_for_missing_entries=False)
    if path is None or not Path(path).is_file():
        return None
    try:
        known = json.loads(Path(path).read_text(encoding="utf-8"))
        places = {int(place): str(word) for word, place in known.items()}
        words = [places[place] for place in range(len(places))]
    except (OSError, ValueError, AttributeError, TypeError, KeyError) as error:
        raise WorkloadError(f"{path} is no vocabulary ({type(error).__name__}): check it") from error
    if not 0 <= blank < len(words):
        raise WorkloadError(f"{model}: its vocabulary has no symbol {blank}, its padding: check it")
    letters = [" " if word == SPACE else word.lower() if len(word) == 1 else "" for word in words]
    letters[blank] = ""
    return tuple(letters)


class Wav2Vec2:
    """Hears the wave itself and writes letters."""

    rate_hz = 16000

    def __init__(self, kind: Any, model: Optional[str], symbols: Tuple[str, ...]) -> None:
        self.symbols, self._kind, self._model = symbols, kind, model
        self._steps = list(zip(kind.conv_kernel, kind.conv_stride))
        # Where the first layers are normalised over time, padding was never masked in training.
        self._masked = kind.feat_extract_norm == "layer"

    def network(self) -> Any:
        """The model; its head is drawn anew where the letters are others than the checkpoint's.

        Raises:
            WorkloadError: the weights cannot be loaded, or lack some.
        """
        kind = library("transformers").Wav2Vec2ForCTC
        if self._model is None:
            return kind(self._kind).train()
        with hub.one_line(self._model):
            model, report = kind.from_pretrained(
                self._model,
                config=self._kind,
                local_files_only=not hub.named(self._model),
                ignore_mismatched_sizes=True,  # a head for other letters is replaced
                output_loading_info=True,
            )
        missing = [name for name in report["missing_keys"] if not name.startswith(HEAD)]
        if missing:
            raise WorkloadError(
                f"{self._model} lacks {len(missing)} of its weights ({missing[0]}): replace it"
            )
        model.freeze_feature_encoder()
        return model.float().train()

    def frames(self, samples: Any) -> Any:
        """How many frames so many samples have: a whole number, or a tensor of them."""
        for kernel, stride in self._steps:
            samples = (samples - kernel) // stride + 1
        return samples

    def fits(self, samples: int, text: str) -> bool:
        """Whether there are frames enough for the letters."""
        return bool(self.frames(samples) >= max(1, ctc.least_frames(ctc.spelled([text], self.symbols)[0])))

    def heard(self, waves: Any, lengths: Any) -> Tuple[Any, Any]:
        """Waves (n, samples), each with mean 0 and deviation 1, and their lengths on the device."""
        inside = rooms.within(lengths, waves)
        counts = lengths.to(waves.device, non_blocking=True)
        centred = (waves - waves.sum(dim=1, keepdim=True) / counts[:, None]) * inside
        power = centred.pow(2).sum(dim=1, keepdim=True) / counts[:, None]
        return centred / (power + 1e-7).sqrt(), counts  # 1e-7: as Wav2Vec2FeatureExtractor does

    def taught(self, texts: Sequence[str]) -> Tuple[Any, Any]:
        """Symbols (n, most) and how many each text has (n,)."""
        return ctc.padded(ctc.spelled(texts, self.symbols))

    def loss(self, model: Any, batch: Tuple[Any, Any, Any, Any]) -> Any:
        """The mean loss over all alignments."""
        waves, lengths, symbols, counts = batch
        logits = self._logits(model, waves, lengths)
        return ctc.loss(logits, self.frames(lengths), symbols, counts, self._kind.pad_token_id)

    def said(self, model: Any, heard: Tuple[Any, Any]) -> List[str]:
        """The letters that are most probable frame by frame."""
        logits = self._logits(model, *heard)
        return ctc.read(logits, self.frames(heard[1]), self.symbols, self._kind.pad_token_id)

    def _logits(self, model: Any, waves: Any, lengths: Any) -> Any:
        mask = rooms.within(lengths, waves).to(library("torch").int64) if self._masked else None
        return model(waves, attention_mask=mask).logits
