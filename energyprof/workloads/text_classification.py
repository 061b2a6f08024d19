"""Text classification: a transformer learns a corpus' classes; the score is the accuracy on texts held out.

All texts are padded to one length: then every step costs the same, and a part of it stands for all. What is
scored are the weights' moving averages: their curve rises smoothly, so a target cuts it once.
"""

import copy
from typing import Any, Dict, Iterator, List, Sequence, Tuple

from energyprof.workload import Event, Plan
from energyprof.workloads import classifier, minilm
from energyprof.workloads.data import corpus, fingerprint, hub, labelled_text, packaged, tweets
from energyprof.workloads.training import device as torch_side
from energyprof.workloads.training import loop, order, program, ranks, rate
from energyprof.workloads.training.program import Program

SOURCES = (
    __file__,
    classifier.__file__,
    corpus.__file__,
    fingerprint.__file__,
    hub.__file__,
    labelled_text.__file__,
    minilm.__file__,
    packaged.__file__,
    rate.__file__,
    tweets.__file__,
    *program.SOURCES,
)
EVAL_BATCH = 125


class TextClassification(Program):
    """One plan's training program."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.classes: Tuple[str, ...] = ()
        self.classifier: Any = None
        self.training: List[Any] = []  # tokens and mask (n, length), labels (n,)
        self.validation: List[Any] = []  # the same of this process's share, in batches

    def facts(self) -> Dict[str, Any]:
        """Versions, device, and what was made of the texts."""
        found = {**self.versions("transformers"), "classes": list(self.classes)}
        if self.training:
            found.update(training_items=len(self.training[0]), tokens=self.training[0].shape[1])
        return found

    def prepare(self) -> None:
        """Put the tokenised texts onto the device.

        Raises:
            WorkloadError: model, data, package or device is not there, or the device lacks the precision.
        """
        settings = self.plan.settings
        hub.quiet(offline=not any(hub.named(wanted) for wanted in (settings.model, settings.data)))
        self.set_up()
        if settings.data is None:
            found = tweets.of(self.config)
        else:
            found = labelled_text.own_corpus(settings.data, self.config["validation_items"])
        self.classes = found.classes
        self.classifier = classifier.Classifier(self.config, settings.model, len(found.classes))
        kept = order.evenly(len(found.training), self.config["data_fraction"]).tolist()
        chosen = [found.training[i] for i in kept] + found.validation
        texts, labels = zip(*chosen)
        whole = (*self.classifier.tokenised(texts), torch_side.library("torch").tensor(labels))
        with torch_side.one_line(self.device, self.config["batch_size"]):
            self.training = [part[: len(kept)].to(self.device) for part in whole]
            mine = [ranks.share(part[len(kept) :]) for part in whole]
            self.validation = [tuple(part.to(self.device) for part in batch) for batch in _batches(*mine)]

    def train(self, seed: int) -> Iterator[Event]:
        """The phases and evaluations as they happen.

        Raises:
            Diverged: the loss or the score is not a number.
            WorkloadError: the weights cannot be loaded, or the device ran out of memory.
        """
        self.loop = loop.Loop(self.plan, self.device, self.task(self.network(seed), seed), seed)
        yield from self.loop.train()

    def network(self, seed: int) -> Any:
        """The model on the device; what no checkpoint holds is drawn from the seed."""
        import torch

        torch.manual_seed(seed)
        return self.classifier.network().to(self.device)

    def task(self, model: Any, seed: int) -> loop.Task:
        """How the model is trained from that seed."""
        import torch

        trained = [weight for weight in model.parameters() if weight.requires_grad]
        mask = self.classifier.attention(model)
        return loop.Task(
            model=model,
            batches=self.batches(seed, mask),
            loss=lambda model, batch: torch.nn.functional.cross_entropy(
                classifier.logits(model, *batch[:2]).float(), batch[2]
            ),
            evaluate=lambda model: self.evaluate(model, mask),
            optimiser=torch_side.adamw(trained, self.config["learning_rate"], self.device),
            rate=lambda step: rate.factor(step, self.config),
            averaging=self.config["averaging"],
            clip=self.config["clip"],
        )

    def labels(self) -> List[int]:
        """The class of each training text."""
        found: List[int] = self.training[2].tolist()
        return found

    def groups(self) -> Tuple[()]:
        """None: who wrote a text is not known."""
        return ()

    def part(self, indices: Sequence[int]) -> "TextClassification":
        """The same program with these of the training texts."""
        found = copy.copy(self)
        found.training = [tensor[list(indices)] for tensor in self.training]
        return found

    def judged_by(self, indices: Sequence[int]) -> "TextClassification":
        """The same program scored on these training texts."""
        found = copy.copy(self)
        found.validation = list(_batches(*(tensor[list(indices)] for tensor in self.training)))
        return found

    def batches(self, seed: int, form: Any) -> Iterator[Tuple[Any, Any, Any]]:
        """Tokens (n, length), their mask in the model's form and labels (n,), without end."""
        tokens, mask, labels = self.training
        for pick in order.micro_batches(len(tokens), self.config, seed, self.device):
            yield tokens[pick], form(mask[pick]), labels[pick]

    def evaluate(self, model: Any, form: Any) -> Tuple[float, int]:
        """How many held-out texts are classified right, and how many there are."""
        right: Any = 0
        for tokens, mask, labels in self.validation:
            right = right + (classifier.logits(model, tokens, form(mask)).argmax(dim=1) == labels).sum()
        return float(right), sum(len(labels) for _, _, labels in self.validation)


def _batches(tokens: Any, mask: Any, labels: Any) -> Iterator[Tuple[Any, Any, Any]]:
    """Texts of like length together, less the columns that are padding in all of them."""
    for pick in mask.sum(dim=1).argsort(stable=True).split(EVAL_BATCH):
        if len(pick):  # of few texts one process may have none
            longest = int(mask[pick].sum(dim=1).max())
            yield tokens[pick, :longest], mask[pick, :longest], labels[pick]
