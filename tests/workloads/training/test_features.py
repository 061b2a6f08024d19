"""What a frozen part puts out is computed once a sample, and the training learns the same from it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

pytest.importorskip("torch")
import torch

from energyprof.report.phases import counts
from energyprof.workload import Facts, Plan, Settings, Target, WorkloadError
from energyprof.workloads.training import forward, loop, modules, order, used
from energyprof.workloads.training.levers import features
from fakes import toy

pytestmark = pytest.mark.slow
ITEMS, TOKENS = 24, 6


class Encoder(torch.nn.Module):  # type: ignore[misc]
    """Embeddings, four layers, a head; ``skips``: the head sees the second layer's output, too."""

    def __init__(self, skips: bool = False, dropout: float = 0.0, wrapped: bool = False) -> None:
        super().__init__()
        self.embed = torch.nn.Embedding(50, 16)
        self.layers = torch.nn.ModuleList(Layer(dropout, wrapped) for _ in range(4))
        self.head = torch.nn.Linear(16, 3)
        self.skips = skips

    def forward(self, tokens: Any, mask: Any) -> Any:
        found, kept = self.embed(tokens), 0.0
        for number, layer in enumerate(self.layers):
            found = layer(found)
            found = found[0] if isinstance(found, tuple) else found
            kept = found if self.skips and number == 0 else kept
        return self.head(((found + kept) * mask[..., None]).mean(dim=1))


class Layer(torch.nn.Module):  # type: ignore[misc]
    def __init__(self, dropout: float, wrapped: bool) -> None:
        super().__init__()
        self.inner = torch.nn.Linear(16, 16)
        self.dropout, self.wrapped = torch.nn.Dropout(dropout), wrapped
        self.computed = Count()

    def forward(self, given: Any) -> Any:
        self.computed.calls += 1
        out = self.dropout(torch.tanh(self.inner(given)))
        return (out,) if self.wrapped else out


class Count:
    """One for a layer and all its copies."""

    def __init__(self) -> None:
        self.calls = 0

    def __deepcopy__(self, memo: Any) -> Count:
        return self


def training(model: Any, averaging: float | None = 0.9, max_samples: int = 96, **config: Any) -> loop.Loop:
    device = torch.device("cpu")
    whole = {**toy.CONFIG, "learning_rate": 0.01, "optimiser": "AdamW", "freeze": 0.6, **config}
    plan = Plan("transformer", "tiny", whole, Target("loss", 0.0, "min"), max_samples, Settings())
    chance = torch.Generator().manual_seed(0)
    tokens = torch.randint(50, (ITEMS, TOKENS), generator=chance)
    mask, labels = torch.ones(ITEMS, TOKENS), torch.randint(3, (ITEMS,), generator=chance)
    cross_entropy = torch.nn.functional.cross_entropy

    def batches() -> Any:
        for pick in order.micro_batches(ITEMS, plan.config, 0, device):
            yield tokens[pick], mask[pick], labels[pick]

    task = loop.Task(
        model=model,
        batches=batches(),
        loss=lambda called, batch: cross_entropy(called(batch[0], mask=batch[1]), batch[2]),
        evaluate=lambda scored: (float(cross_entropy(scored(tokens[:4], mask=mask[:4]), labels[:4])), 1),
        optimiser=torch.optim.AdamW(model.parameters(), 0.01),
        rate=lambda step: 1.0,
        averaging=averaging,
    )
    return loop.Loop(plan, device, task, 0)


def scores(trained: loop.Loop) -> list[float]:
    told = toy.told(trained.train())
    return [line[1] for line in told if isinstance(line, list) and isinstance(line[0], int)]


def drawn(**kind: Any) -> Any:
    torch.manual_seed(0)
    return Encoder(**kind)


@pytest.mark.parametrize("kind", [{}, {"skips": True}, {"wrapped": True}], ids=str)
@pytest.mark.parametrize("averaging", [None, 0.9])
def test_a_training_from_cached_features_learns_the_same(
    kind: dict[str, Any], averaging: float | None
) -> None:
    plain = scores(training(drawn(**kind), averaging))
    cached = scores(training(drawn(**kind), averaging, cache_features=True))
    assert cached == pytest.approx(plain, rel=1e-5)
    assert cached[-1] != cached[0]


def test_frozen_blocks_compute_each_sample_once() -> None:
    model = drawn()
    made = training(model, cache_features=True, max_samples=960)
    frozen, free = model.layers[0].computed, model.layers[3].computed
    # Once to find the blocks, twice the first batch, and six more at most until one holds nothing new.
    before = frozen.calls
    assert before <= 1 + 1 + 6
    assert len(scores(made)) == 60
    assert frozen.calls == before  # what is scored has been trained on
    assert free.calls > 120


def test_samples_that_were_never_trained_on_are_computed_when_they_are_scored_first() -> None:
    model = drawn()
    made = training(model, cache_features=True)
    scored = made.trained().model.eval()
    fresh = torch.full((2, 3), 7)
    calls = model.layers[0].computed.calls
    with torch.no_grad():
        first, second = (scored(fresh, mask=torch.ones(2, 3)) for _ in range(2))
    assert torch.equal(first, second)
    assert model.layers[0].computed.calls == calls + 1


def test_dropout_of_the_frozen_part_is_off_and_that_of_the_rest_on() -> None:
    model = drawn(dropout=0.5)
    made = training(model, averaging=None, cache_features=True)
    next(made.train())
    tokens, mask = torch.full((1, TOKENS), 3), torch.ones(1, TOKENS)
    model.train()
    assert not torch.equal(model(tokens, mask=mask), model(tokens, mask=mask))
    assert model.layers[0].dropout.training


def test_computing_again_goes_with_it() -> None:
    plain = scores(training(drawn()))
    assert scores(training(drawn(), cache_features=True, recompute=True)) == pytest.approx(plain, rel=1e-5)


def test_too_small_a_share_leaves_nothing_to_cache() -> None:
    with pytest.raises(WorkloadError, match="leaves no block frozen"):
        training(drawn(), freeze=0.01, cache_features=True)


def test_a_cache_that_does_not_fit_is_refused(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 9 kB\nMemAvailable: 1 kB\n")
    monkeypatch.setattr(features, "MEMINFO", str(meminfo))
    with pytest.raises(WorkloadError, match=r"takes more memory than is free .* leave --cache-features out"):
        training(drawn(), cache_features=True)


def test_a_key_is_the_bytes_of_a_sample_and_a_mask_that_is_repeated_counts_once() -> None:
    tokens, mask = torch.arange(6).view(2, 3), torch.ones(2, 1, 1, 3, dtype=torch.bool)
    _, plain = features.keys([tokens, mask])
    _, repeated = features.keys([tokens, mask.expand(-1, -1, 3, -1)])
    assert len(set(plain)) == 2
    assert len(repeated[0]) - len(plain[0]) == len("(1, 3, 3)") - len("(1, 1, 3)")
    assert features.keys([tokens[:1], mask[:1]])[1] == plain[:1]


def test_a_text_encoder_encodes_a_caption_once() -> None:
    seen: list[int] = []

    class Text:
        dtype = torch.float32

        def __call__(self, tokens: Any) -> Any:
            seen.append(len(tokens))
            return (tokens.float()[..., None] * 2,)

    encoder = features._Encoder(Text(), features.Cache(torch.device("cpu")))
    tokens = torch.tensor([[1, 2], [3, 4], [1, 2]])
    for _ in range(2):
        assert torch.equal(encoder(tokens)[0], tokens.float()[..., None] * 2)
    assert torch.equal(encoder(torch.tensor([[3, 4], [5, 6]]))[0][1], torch.tensor([[10.0], [12.0]]))
    assert seen == [2, 1]
    assert encoder.dtype == torch.float32


def test_a_copy_of_the_model_shares_the_cache() -> None:
    cache = features.Cache(torch.device("cpu"))
    assert copy.deepcopy(cache) is cache


def test_what_fills_a_cache_is_part_of_the_training() -> None:
    assert counts("features")
    assert counts("decode")


@pytest.mark.parametrize("levers", [{}, {"recompute": True}], ids=str)
def test_afterwards_the_frozen_blocks_are_computed_in_an_inference(levers: dict[str, Any]) -> None:
    model = drawn()
    made = training(model, averaging=None, cache_features=True, **levers)
    scores(made)
    trained = made.trained()
    call = forward.captured(trained.model, lambda: trained.loss(trained.model))
    plain = used.plain(trained.model.eval())
    frozen = model.layers[0].computed
    before = frozen.calls
    with torch.no_grad():
        read, computed = (of(*call.args, **call.kwargs) for of in (trained.model, plain))
    assert frozen.calls == before + 1
    assert torch.allclose(read, computed)
    assert used.plain(plain) is plain
    assert not any("forward" in vars(module) for module in plain.modules())


@pytest.mark.parametrize("levers", [{}, {"recompute": True}], ids=str)
@pytest.mark.parametrize("kind", [{}, {"skips": True}], ids=str)
def test_blocks_that_only_read_are_no_part_of_a_step(kind: dict[str, Any], levers: dict[str, Any]) -> None:
    made = training(drawn(**kind), averaging=None, cache_features=True, **levers)
    scores(made)
    events = list(modules.measured(made.trained(), 0.001))
    (facts,) = (event.facts for event in events if isinstance(event, Facts))
    frozen = made.facts["frozen"]
    assert frozen
    assert facts["blocks_measured"]
    assert not set(facts["blocks_measured"]) & set(frozen)
