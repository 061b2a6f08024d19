"""The table of training settings: one row an option, for the command line, files, plans and their rules.

Valid on Python 3.8 and light to import. Below the workloads, since plans hold settings and levers turn them.
"""

import math
from dataclasses import field, fields
from typing import Any, Literal, Optional, Tuple, Type, Union, get_args, get_type_hints

from energyprof.storable.frozen import dataclass

# The panels of `run --help`.
WHAT, WHERE, PARADIGM, MEASURING = "What is trained", "Where and how", "Paradigm", "Measuring"
# The paradigm without clients: one training, by one program, on all the data.
CENTRAL = "central"


@dataclass(frozen=True)
class Range:
    """The numbers that a setting may be; ``words`` end the line that refuses any other."""

    words: str
    at_least: float = -math.inf
    above: float = -math.inf
    at_most: float = math.inf

    def holds(self, value: float) -> bool:
        """Whether ``value`` is one of them; NaN never is."""
        return self.at_least <= value <= self.at_most and value > self.above


@dataclass(frozen=True)
class Setting:
    """A row of the table."""

    name: str  # in Python and in files
    kind: Type[Any]  # str, int, float or bool
    default: Any  # None: the size's own value, or nothing
    metavar: Optional[str]
    help: str
    panel: str  # WHAT, WHERE, PARADIGM or MEASURING
    # What another value makes: another task, other work at the same task, or neither: where and how.
    part: Literal["task", "work", "how"]
    accepts: Union[Range, Tuple[str, ...], None] = None  # None: whatever is of its kind
    workloads: Tuple[str, ...] = ()  # the only ones that offer it; empty: all do
    paradigms: Tuple[str, ...] = ()  # the same of paradigms
    scripts: Optional[Type[Any]] = None  # what a script takes in its place, or it has none
    path: bool = False  # or a name on the hub: what lies there counts, not how it is called
    word: str = ""  # for it on the command line, if not its name

    @property
    def option(self) -> str:
        """How the command line writes it."""
        return "--" + (self.word or self.name).replace("_", "-")

    def offered_by(self, workload: str) -> bool:
        """Whether the workload of that name has it."""
        return not self.workloads or workload in self.workloads


def row(
    default: Any, metavar: Optional[str], help: str, panel: str, part: str, accepts: Any = None, **others: Any
) -> Any:
    """A field of settings, with the columns of its `Setting`."""
    columns = {"metavar": metavar, "help": help, "panel": panel, "part": part, "accepts": accepts, **others}
    return field(default=default, metadata=columns)


ENOUGH = Range(" is too small: use 1 or more", at_least=1)
COUNT = Range(": use 1 or more", at_least=1)
RANK = Range(": use a rank of 1 or more", at_least=1)
NONE_OR_MORE = Range(": use 0 or more", at_least=0)
ABOVE_0 = Range(": use a number above 0", above=0)
SHARE = Range(": use more than 0, at most 1", above=0, at_most=1)
PARTS = Range(": use 2 or more", at_least=2)
LESS_THAN_1 = Range(": use 0 or more, but less than 1", at_least=0, at_most=1 - 1e-9)
PART = Range(": use more than 0, at most 0.95", above=0, at_most=0.95)
SECONDS = Range(": give seconds, between 0 and 3600", at_least=0, at_most=3600)
PRECISIONS = ("fp32", "tf32", "bf16", "fp16", "fp8")
PRUNINGS = ("channels", "mask")
SPARSITIES = ("2:4",)
INT8 = ("int8",)
KEPT_DATA = ("decoded", "zstd")
OPTIMISERS = ("adamw", "sgd", "adafactor", "adam8bit")
PREDICTIONS = ("epsilon", "v_prediction")
STRATEGIES = ("fedavg", "fedprox", "fedavgm", "fedadam")
FEDERATED, CONSENSUS, CONTINUAL = "federated", "consensus", "continual"
CLIENTS = (FEDERATED, CONSENSUS)  # the paradigms with clients that exchange models
OWN_DATA = ("unet", "transformer", "diffusion", "speech")
OWN_MODEL = ("transformer", "diffusion", "speech")
IMAGES = ("unet", "diffusion")
CLASSES = ("unet", "transformer")  # their networks tell classes apart
ROUNDED = ("unet", "transformer")  # whose training can round as integers do
DECODED = ("unet", "diffusion", "speech")  # whose data are decoded
GROWING = ("unet", "transformer")  # whose samples can be made smaller
LINEAR = ("transformer", "diffusion", "speech")  # their networks have linear layers


@dataclass(frozen=True)
class Settings:
    """What can be asked of a training. ``None``: the size's own value, or nothing.

    Each field is a row of the table, and all that an option needs besides its use in a workload.
    """

    size: str = row("tiny", "SIZE", "tiny, base or full.", WHAT, "work")
    target: Optional[float] = row(
        None,
        "SCORE",
        "Score to train to; for a script, such as 'accuracy>=0.97'.",
        WHAT,
        "task",
        ABOVE_0,
        scripts=str,
    )
    max_samples: Optional[int] = row(None, "N", "Give up after this many samples.", WHAT, "how", ENOUGH)
    batch_size: Optional[int] = row(None, "N", "Samples per step, over all processes.", WHAT, "work", ENOUGH)
    precision: str = row("fp32", "NAME", "fp32, tf32, bf16, fp16 or fp8.", WHAT, "work", PRECISIONS)
    data_fraction: float = row(1.0, "SHARE", "Share of the training data, up to 1.", WHAT, "work", SHARE)
    data: Optional[str] = row(
        None, "PATH", "Your data: a path or a name on the hub.", WHAT, "task", workloads=OWN_DATA, path=True
    )
    model: Optional[str] = row(
        None, "PATH", "Weights: a path or a name on the hub.", WHAT, "work", workloads=OWN_MODEL, path=True
    )
    lora: Optional[int] = row(
        None, "RANK", "Train only adapters of this rank.", WHAT, "work", RANK, workloads=("transformer",)
    )
    ema: bool = row(
        False, None, "Score the weights' moving averages.", WHAT, "work", workloads=("diffusion",)
    )
    prediction: Optional[str] = row(
        None, "NAME", "What a diffusion model predicts.", WHAT, "work", PREDICTIONS, workloads=("diffusion",)
    )
    prune: Optional[float] = row(
        None, "SHARE", "Prune this share of the channels before training.", WHAT, "work", PART
    )
    prune_kind: Optional[str] = row(
        None, "NAME", "channels, which go, or mask: zeros that stay.", WHAT, "work", PRUNINGS
    )
    sparsity: Optional[str] = row(
        None,
        "NAME",
        "2:4: two of four weights of linear layers are zero.",
        WHAT,
        "work",
        SPARSITIES,
        workloads=LINEAR,
    )
    qat: Optional[str] = row(
        None,
        "NAME",
        "int8: round weights and activations in training.",
        WHAT,
        "work",
        INT8,
        workloads=ROUNDED,
    )
    distil: Optional[str] = row(
        None,
        "TEACHER",
        "Learn from one: a size, or a folder of --keep.",
        WHAT,
        "work",
        workloads=CLASSES,
        path=True,
    )
    grow: Optional[float] = row(
        None,
        "SHARE",
        "Begin with samples of this share of their side or length.",
        WHAT,
        "work",
        SHARE,
        workloads=GROWING,
    )
    grow_samples: Optional[int] = row(
        None, "N", "Grow to the whole size after so many samples.", WHAT, "work", COUNT, workloads=GROWING
    )
    freeze: Optional[float] = row(
        None, "SHARE", "Freeze this share of the blocks, from the input on.", WHAT, "work", PART
    )
    cache_features: Optional[bool] = row(
        None, None, "Compute what a frozen part puts out once.", WHAT, "work"
    )
    optimiser: Optional[str] = row(
        None, "NAME", "adamw, sgd, adafactor or adam8bit.", WHAT, "work", OPTIMISERS
    )
    learning_rate: Optional[float] = row(None, "RATE", "Largest learning rate.", WHAT, "work", ABOVE_0)
    patience: Optional[int] = row(
        None, "N", "Give up after this many evaluations without a better score.", WHAT, "how", COUNT
    )
    device: str = row("auto", "NAME", "auto, cpu, cuda or cuda:N.", WHERE, "how")
    nproc: int = row(1, "N", "Processes, each with its own GPU.", WHERE, "how", COUNT, scripts=int)
    workers: Optional[int] = row(None, "N", "Data-loading processes beside each.", WHERE, "how", NONE_OR_MORE)
    data_cache: Optional[str] = row(
        None,
        "NAME",
        "Decode your data once and keep them: decoded, or zstd.",
        WHERE,
        "work",
        KEPT_DATA,
        workloads=DECODED,
    )
    grad_accum: int = row(1, "N", "Parts to compute each step in.", WHERE, "work", COUNT)
    compile: bool = row(False, None, "Use torch.compile.", WHERE, "work")
    channels_last: bool = row(
        False, None, "Use the channels-last memory layout.", WHERE, "work", workloads=IMAGES
    )
    recompute: Optional[bool] = row(
        None, None, "Gradient checkpointing: less memory, more computing.", WHERE, "work"
    )
    checkpoint: bool = row(False, None, "Write a checkpoint after each evaluation.", WHERE, "work")
    keep: Optional[str] = row(None, "FOLDER", "Keep each trained network there.", WHERE, "how", path=True)
    paradigm: str = row(
        CENTRAL,
        "NAME",
        "central, federated, consensus or continual.",
        PARADIGM,
        "work",
        (CENTRAL, FEDERATED, CONSENSUS, CONTINUAL),
    )
    clients: int = row(4, "N", "Clients that train.", PARADIGM, "work", COUNT, paradigms=CLIENTS)
    split: str = row(
        "iid",
        "KIND",
        "How the data are dealt: iid, dirichlet:A, natural.",
        PARADIGM,
        "work",
        paradigms=(*CLIENTS, CONTINUAL),
    )
    local_epochs: Optional[float] = row(
        None,
        "E",
        "Times through a client's data a round.",
        PARADIGM,
        "work",
        ABOVE_0,
        paradigms=CLIENTS,
    )
    participation: float = row(
        1.0, "SHARE", "Clients that a round needs.", PARADIGM, "work", SHARE, paradigms=(FEDERATED,)
    )
    strategy: str = row(
        "fedavg",
        "NAME",
        "fedavg, fedprox, fedavgm or fedadam.",
        PARADIGM,
        "work",
        STRATEGIES,
        paradigms=(FEDERATED,),
    )
    dropout: float = row(
        0.0, "P", "How likely a client is lost in a round.", PARADIGM, "work", LESS_THAN_1, paradigms=CLIENTS
    )
    backup: int = row(
        0, "B", "Clients asked above those needed.", PARADIGM, "work", NONE_OR_MORE, paradigms=(FEDERATED,)
    )
    engine: str = row(
        "inprocess",
        "NAME",
        "inprocess; ray: clients at once; deploy: on devices.",
        PARADIGM,
        "how",
        ("inprocess", "ray", "deploy"),
        paradigms=(FEDERATED,),
    )
    address: Optional[str] = row(
        None, "HOST:PORT", "Where the deployed server listens.", PARADIGM, "how", paradigms=(FEDERATED,)
    )
    client: Optional[int] = row(
        None, "K", "Be client K of it, from 0.", PARADIGM, "how", NONE_OR_MORE, paradigms=(FEDERATED,)
    )
    token: Optional[str] = row(
        None,
        "FILE",
        "Secret of server and clients.",
        PARADIGM,
        "how",
        paradigms=(FEDERATED,),
        path=True,
    )
    certificates: Optional[str] = row(
        None,
        "FOLDER",
        "TLS: ca.crt, and the server's server.pem and .key.",
        PARADIGM,
        "how",
        paradigms=(FEDERATED,),
        path=True,
    )
    node_keys: Optional[str] = row(
        None,
        "FILE",
        "Public keys of the clients; on one its private key.",
        PARADIGM,
        "how",
        paradigms=(FEDERATED,),
        path=True,
    )
    answer_s: float = row(
        600.0,
        "S",
        "Wait so long for clients, or the server.",
        PARADIGM,
        "how",
        ABOVE_0,
        paradigms=(FEDERATED,),
        word="answer-within",
    )
    transfer: str = row(
        "fp32",
        "CODEC",
        "fp32, fp16, bf16, int8, int4 or topk:F.",
        PARADIGM,
        "work",
        paradigms=CLIENTS,
    )
    error_feedback: bool = row(
        False, None, "Send later what the codec lost.", PARADIGM, "work", paradigms=CLIENTS
    )
    compress: str = row(
        "none", "NAME", "none or zstd.", PARADIGM, "work", ("none", "zstd"), paradigms=CLIENTS
    )
    topology: str = row(
        "ring",
        "GRAPH",
        "ring, torus, exponential, star, full, random:K, FILE.",
        PARADIGM,
        "work",
        paradigms=(CONSENSUS,),
    )
    skip_training: float = row(
        0.0, "SHARE", "Rounds without training.", PARADIGM, "work", LESS_THAN_1, paradigms=(CONSENSUS,)
    )
    parts: int = row(
        4, "M", "Parts in which the data arrive.", PARADIGM, "work", PARTS, paradigms=(CONTINUAL,)
    )
    update: str = row(
        "finetune",
        "KIND",
        "How they are met: finetune, replay:F, joint.",
        PARADIGM,
        "work",
        paradigms=(CONTINUAL,),
    )
    breakdown_s: float = row(
        0.0,
        "S",
        "Afterwards run each part of a step alone, for S seconds; or: modules.",
        MEASURING,
        "how",
        SECONDS,
        word="breakdown",
    )
    breakdown_modules_s: float = row(
        0.0,
        "S",
        "Afterwards run each block of the network alone, for S seconds.",
        MEASURING,
        "how",
        SECONDS,
        word="breakdown-modules",
    )
    quantise: Optional[str] = row(
        None,
        "NAME",
        "int8: measure inference with linear layers in 8 bits, too.",
        MEASURING,
        "how",
        INT8,
        workloads=LINEAR,
    )
    inference_s: float = row(
        0.0,
        "S",
        "Afterwards measure inference, S seconds at each batch size.",
        MEASURING,
        "how",
        SECONDS,
        word="inference",
    )


def rows(settings: Type[Any]) -> Tuple[Setting, ...]:
    """The table that the fields of ``settings`` are, as data."""
    hints = get_type_hints(settings)
    return tuple(
        Setting(name=f.name, kind=_kind(hints[f.name]), default=f.default, **f.metadata)
        for f in fields(settings)
    )


def _kind(hint: Any) -> Type[Any]:
    """The type without the None."""
    found: Type[Any] = next((kind for kind in get_args(hint) if kind is not type(None)), hint)
    return found


SETTINGS = rows(Settings)
