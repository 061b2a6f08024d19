"""An encoder from transformers with a head that tells classes apart, and its tokenizer."""

import warnings
from pathlib import Path
from typing import Any, Callable, Mapping, Optional, Sequence, Tuple

from energyprof.workload import WorkloadError
from energyprof.workloads import minilm
from energyprof.workloads.data import hub
from energyprof.workloads.data.fingerprint import fingerprint
from energyprof.workloads.training.device import library

MULTIPLE = 8  # of tokens: what matrix units like
CHUNK = 10_000  # texts tokenised at a time
# No head has more tensors: a checkpoint that lacks more is of another architecture than its config says.
HEAD_TENSORS = 8
NO_LIMIT = 1_000_000  # tokens
ALPHA = 2  # LoRA's scale, in ranks


def described(model: str) -> str:
    """What stands in a plan for the user's ``model``: a fingerprint of the folder, or the name on the hub.

    Raises:
        WorkloadError: there is no such folder, and it is not a name on the hub either.
    """
    name = hub.name(model, "a folder with a model, or a model's name")
    if name is None and not (Path(model) / "config.json").is_file():
        raise WorkloadError(f"{model} has no model: give a folder with config.json, or a model's name")
    return fingerprint(Path(model)) if name is None else "hub:" + name


class Classifier:
    """Where a model comes from: packaged, the user's, or drawn at random; made anew for each seed."""

    def __init__(self, config: Mapping[str, Any], model: Optional[str], classes: int) -> None:
        """``config`` holds model, lora and tokens; ``model`` is the user's folder or name.

        Raises:
            WorkloadError: a package or the weights are not there.
        """
        self.config, self._classes = config, classes
        self._random = isinstance(config["model"], dict)
        self._named = hub.named(model)
        self._transformers = library("transformers")
        self._transformers.logging.set_verbosity_error()
        self._transformers.logging.disable_progress_bar()
        if config["lora"] is not None:
            library("peft")
        self._where = "" if self._random else model or str(minilm.folder())
        self._tokenizer: Any = self._own_tokenizer() if model else None
        self._most = min(config["tokens"], self._positions() if model else config["tokens"])

    def tokenised(self, texts: Sequence[str]) -> Tuple[Any, Any]:
        """Tokens (n, length) int32 and which of them are no padding (n, length) bool.

        Every text is cut at ``tokens`` or what the model can take, and padded to that or to the longest text.
        """
        import torch

        most, own = self._most, self._tokenizer
        encode = _packaged_encoder(most) if own is None else _encoder(own, most)
        ids, lengths = [], []
        for at in range(0, len(texts), CHUNK):
            rows = encode(texts[at : at + CHUNK])
            ids.append(torch.tensor([token for row in rows for token in row], dtype=torch.int32))
            lengths.append(torch.tensor([len(row) for row in rows]))
        each = torch.cat(lengths)
        length = min(most, -(-int(each.max()) // MULTIPLE) * MULTIPLE)
        mask = torch.arange(length) < each[:, None]
        padding = minilm.PADDING if own is None else own.pad_token_id
        tokens = torch.full(mask.shape, padding, dtype=torch.int32)
        tokens[mask] = torch.cat(ids)
        return tokens, mask

    def network(self) -> Any:
        """The model, in float32; what no checkpoint holds is drawn from torch's global generator.

        Raises:
            WorkloadError: the weights cannot be loaded, are another architecture's, or LoRA does not know it.
        """
        auto = self._transformers.AutoModelForSequenceClassification
        if self._random:
            kind = self._transformers.BertConfig(**self.config["model"], num_labels=self._classes)
            model = auto.from_config(kind)
        else:
            with hub.one_line(self._where):
                model, report = auto.from_pretrained(
                    self._where,
                    num_labels=self._classes,
                    local_files_only=not self._named,
                    ignore_mismatched_sizes=True,  # a head for other classes is replaced
                    output_loading_info=True,
                )
            drawn = [*report["missing_keys"], *report["mismatched_keys"]]
            if len(drawn) > HEAD_TENSORS:
                raise WorkloadError(
                    f"{self._where} lacks {len(drawn)} of the weights that its config asks for: check it"
                )
        if self._tokenizer is not None:
            model.config.pad_token_id = self._tokenizer.pad_token_id
        model = model.float().train()
        return model if self.config["lora"] is None else self._adapted(model)

    def _adapted(self, model: Any) -> Any:
        peft = library("peft")
        rank = self.config["lora"]
        asked = peft.LoraConfig(
            task_type="SEQ_CLS", r=rank, lora_alpha=ALPHA * rank, target_modules="all-linear"
        )
        with hub.one_line("LoRA"), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers 5 what it asked 4
            return peft.get_peft_model(model, asked)

    def _own_tokenizer(self) -> Any:
        with hub.one_line(self._where):
            found = self._transformers.AutoTokenizer.from_pretrained(
                self._where, local_files_only=not self._named
            )
        if found.pad_token is None:
            found.pad_token = found.eos_token
        if found.pad_token is None:
            raise WorkloadError(f"{self._where}: its tokenizer has no padding: use another model")
        return found

    def _positions(self) -> int:
        """The most tokens that the model can take."""
        with hub.one_line(self._where):
            found = self._transformers.AutoConfig.from_pretrained(
                self._where, local_files_only=not self._named
            )
        # RoBERTa and its kin count two more in their config; what the tokenizer says is right, if it does.
        known = (self._tokenizer.model_max_length, getattr(found, "max_position_embeddings", NO_LIMIT))
        return int(min(known))

    def attention(self, model: Any) -> Callable[[Any], Any]:
        """What makes of a mask (n, length) that which ``model`` takes."""
        return _attention(model.config, self._transformers.__version__)


def logits(model: Any, tokens: Any, mask: Any) -> Any:
    """Scores of the classes (n, classes)."""
    return model(input_ids=tokens, attention_mask=mask).logits


def _attention(config: Any, version: str) -> Callable[[Any], Any]:
    """The form of a mask in which the model uses it as it is; here alone transformers' versions differ.

    Given a mask (n, length) the model asks the device whether it masks anything, and waits for the answer in
    every step. transformers 5 takes one of four dimensions as it is, BERT before that one of three.
    """
    if config.model_type != "bert" or getattr(config, "_attn_implementation", "") != "sdpa":
        return lambda mask: mask.long()
    if int(version.split(".")[0]) >= 5:
        return lambda mask: mask[:, None, None, :].expand(-1, -1, mask.shape[1], -1)
    return lambda mask: mask[:, None, :].expand(-1, mask.shape[1], -1)


def _packaged_encoder(most: int) -> Callable[[Sequence[str]], Any]:
    # transformers' own tokenizers take three seconds to import
    tokenizer = library("tokenizers").Tokenizer.from_file(str(minilm.tokenizer()))
    tokenizer.no_padding()
    tokenizer.enable_truncation(most)
    return lambda texts: [found.ids for found in tokenizer.encode_batch(list(texts))]


def _encoder(tokenizer: Any, most: int) -> Callable[[Sequence[str]], Any]:
    return lambda texts: tokenizer(list(texts), truncation=True, max_length=most)["input_ids"]
