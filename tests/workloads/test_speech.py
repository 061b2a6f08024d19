"""The speech workload: what makes it the same work, and that it trains as its contract says."""

import json
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from energyprof.workload import Facts, Mark, Progress, Settings, WorkloadError
from energyprof.workloads import ctc, recognition, speech, wav2vec2, whisper
from energyprof.workloads.data import by_length, clips
from fakes import recordings, unpacked

QUICK = Settings(batch_size=8, max_samples=64, device="cpu")
WAV2VEC2 = {
    "model_type": "wav2vec2",
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "conv_dim": [16] * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}
WHISPER = {
    "model_type": "whisper",
    "vocab_size": 300,
    "num_mel_bins": 80,
    "d_model": 32,
    "encoder_layers": 1,
    "encoder_attention_heads": 2,
    "encoder_ffn_dim": 64,
    "decoder_layers": 1,
    "decoder_attention_heads": 2,
    "decoder_ffn_dim": 64,
    "max_source_positions": 100,
    "max_target_positions": 40,
}


@pytest.fixture
def torch(monkeypatch):
    """Torch with what speech needs beside it; what a workload switches for the whole process is put back."""
    for needed in ("soundfile", "jiwer"):
        pytest.importorskip(needed)
    torch = pytest.importorskip("torch")
    for name in ("HF_HUB_OFFLINE", "HF_HUB_DISABLE_PROGRESS_BARS", "HF_HUB_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "1")
    unpacked.once(monkeypatch)
    yield torch
    torch.use_deterministic_algorithms(False)


@pytest.fixture
def few(torch, monkeypatch):
    """Torch with what speech needs, and of the packaged clips that are held out every eighth."""
    found = clips.packaged

    def packaged(part, *where):
        every = found(part, *where)
        return every if part == "train" else every.chosen(range(0, len(every.texts), 8))

    monkeypatch.setattr(clips, "packaged", packaged)
    return torch


@pytest.fixture
def own(tmp_path):
    """Settings with a few recordings of one's own."""
    pytest.importorskip("soundfile")
    return replace(QUICK, data=str(recordings.metadata(tmp_path / "own")), workers=0)


def prepared(settings, **config):
    """The workload of the settings, with parts of its configuration replaced."""
    plan = speech.plan(settings)
    workload = speech.build(replace(plan, config={**plan.config, **config}))
    workload.prepare()
    return workload


def scores(workload, seed=0):
    return [e.score for e in workload.train(seed) if isinstance(e, Progress) and e.score is not None]


def refusal(settings, **config) -> str:
    with pytest.raises(WorkloadError) as error:
        prepared(settings, **config)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    "settings",
    [
        Settings(size="huge"),
        Settings(target=1.0),
        Settings(lora=4),
        Settings(channels_last=True),
        Settings(model="someone/model"),
        Settings(size="base", model="no/such/folder"),
        Settings(data="missing"),
        Settings(batch_size=15, nproc=2),
    ],
    ids=str,
)
def test_a_setting_out_of_range_is_one_line(settings):
    with pytest.raises(WorkloadError) as error:
        speech.plan(settings)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 130


@pytest.mark.parametrize(
    "settings",
    [
        Settings(size="base"),
        Settings(batch_size=4),
        Settings(precision="bf16"),
        Settings(data_fraction=0.5),
        Settings(target=0.3),
        Settings(size="base", model="someone/model"),
    ],
    ids=str,
)
def test_a_setting_that_changes_the_work_changes_its_id(settings):
    assert speech.plan(settings).work() != speech.plan(Settings()).work()


def test_where_it_runs_and_when_it_gives_up_are_no_part_of_the_work():
    elsewhere = Settings(device="cuda:1", max_samples=99, nproc=2, workers=3)
    assert speech.plan(elsewhere).work() == speech.plan(Settings()).work()


def test_every_size_has_the_same_task_at_the_same_target():
    tasks = {speech.plan(Settings(size=size, target=0.2)).task() for size in speech.SIZES}
    assert len(tasks) == 1
    assert speech.plan(Settings(target=0.3)).task() not in tasks


def test_less_is_better():
    target = speech.plan(Settings()).target
    assert (target.metric, target.direction) == ("word_error_rate", "min")
    assert target.reached(target.value) and target.reached(0.0)
    assert not target.reached(target.value + 0.001) and not target.reached(1.3)


@pytest.mark.slow
def test_own_recordings_count_with_their_contents_not_their_place(own, tmp_path):
    there = shutil.copytree(own.data, tmp_path / "elsewhere")
    first, moved = (speech.plan(replace(own, data=str(path))) for path in (own.data, there))
    assert first.work() == moved.work()
    assert str(tmp_path) not in json.dumps(first.config)
    assert "corruption" not in first.config
    recordings.sound(there / "clips" / "100-7-0000.wav", "on")
    assert speech.plan(replace(own, data=str(there))).task() != first.task()


@pytest.mark.slow
def test_planning_loads_nothing_heavy():
    program = (
        "import sys; from energyprof.workload import Settings; from energyprof.workloads import speech;"
        "speech.plan(Settings()).work(); heavy = {'torch', 'numpy', 'transformers', 'soundfile', 'jiwer'};"
        "sys.exit(bool(heavy & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2]).returncode == 0


def test_every_size_says_what_it_is_and_can_be_planned():
    assert set(speech.SIZES) == set(speech.RECIPES)
    for size, line in speech.SIZES.items():
        assert line
        assert json.loads(json.dumps(speech.plan(Settings(size=size)).config))


@pytest.mark.slow
def test_every_file_that_is_the_work_is_one_of_its_sources():
    program = (
        "import sys; from energyprof.workloads import recognition as r;"
        "used = {m.__file__ for n, m in list(sys.modules.items()) if n.startswith('energyprof.workloads.')"
        " and not m.__file__.endswith('__init__.py')};"
        "print(sorted(used - set(r.SOURCES)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_phases_and_scores_come_in_the_order_of_the_contract(few):
    facts, *events = prepared(QUICK, eval_every_samples=28).train(0)
    assert isinstance(facts, Facts)
    assert facts.facts["parameters"] == 600_897
    assert facts.facts["flops_per_sample"] > facts.facts["parameters"]
    told = [e for e in events if isinstance(e, Mark) or e.score is not None]
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


@pytest.mark.slow
def test_the_same_seed_gives_the_same_curve_and_another_seed_another(few):
    # A word error rate of an untrained network is coarse: the weights say whether it was the same training.
    workload = prepared(replace(QUICK, max_samples=24), eval_every_samples=24)

    def weights(seed):
        curve = scores(workload, seed)
        return curve, few.cat([w.detach().flatten() for w in workload.loop._task.model.parameters()])

    first, again, other = weights(3), weights(3), weights(4)
    assert first[0] == again[0]
    assert few.equal(first[1], again[1])
    assert not few.equal(first[1], other[1])


@pytest.mark.slow
def test_the_digits_are_learnt(few):
    workload = prepared(replace(QUICK, max_samples=160, data_fraction=0.02), eval_every_samples=160)
    assert len(workload.training.texts) == len(workload.speakers) == 19
    losses = [
        workload.recogniser.loss(model, next(workload.batches(1))).item()
        for model in (workload.recogniser.network(), _trained(workload))
    ]
    assert losses[1] < 0.75 * losses[0]


def _trained(workload):
    scores(workload)
    return workload.loop._task.model


@pytest.mark.slow
def test_speakers_are_told_for_each_clip_that_is_trained_on(torch):
    workload = prepared(QUICK)
    assert Counter(Counter(workload.speakers).values()) == {20: 48}
    assert workload.speakers == workload.training.speakers
    facts = workload.facts()
    assert (facts["training_items"], facts["speakers"], facts["left_out"]) == (960, 48, {})
    assert facts["seconds"] == pytest.approx(1091.4, abs=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("option", [{"precision": "bf16"}, {"grad_accum": 2}, {"checkpoint": True}], ids=str)
def test_every_option_trains(few, option):
    (score,) = scores(prepared(replace(QUICK, max_samples=16, **option), eval_every_samples=16))
    assert 0 < score < 3


@pytest.mark.slow
def test_pruned_it_is_narrower_and_trains(few):
    pytest.importorskip("torch_pruning")
    workload = prepared(replace(QUICK, max_samples=16, prune=0.33), eval_every_samples=16)
    (score,) = scores(workload)
    assert 0 < score < 3
    assert sum(w.numel() for w in workload.loop._task.model.parameters()) < 300_000


@pytest.mark.slow
def test_each_part_of_a_step_can_be_had_alone(few):
    workload = prepared(replace(QUICK, max_samples=16))
    list(workload.train(0))
    names = [event.name for event in workload.breakdown(0.01) if isinstance(event, Mark)]
    assert names == ["part:data", "part:forward_backward", "part:optimiser", "part:end"]


@pytest.mark.slow
def test_errors_are_summed_over_all_clips_and_may_exceed_the_words(torch):
    workload = prepared(QUICK)
    workload.validation = [
        (torch.zeros(2), torch.zeros(2), ("one two", "three")),
        (torch.zeros(1), torch.zeros(1), ("four",)),
    ]
    said = iter([["One, too", "three"], ["a b c d"]])
    workload.recogniser = type("Says", (), {"said": lambda self, model, heard: next(said)})()
    # One is wrong of three; of one word none is right and three are too many.
    assert workload.evaluate(None) == (5.0, 4)


@pytest.mark.slow
def test_padding_and_neighbours_change_nothing_of_a_clip(torch):
    workload = prepared(QUICK)
    model = workload.recogniser.network().eval()
    spectra, frames, *_ = next(workload.batches(0))
    with torch.no_grad():
        together = model(spectra, frames)
        for row, count in enumerate(frames.tolist()):
            padded = torch.nn.functional.pad(spectra[row : row + 1], (0, 0, 0, 50))
            alone = model(padded, frames[row : row + 1])
            assert torch.allclose(together[row, :count], alone[0, :count], atol=1e-5)


@pytest.mark.slow
def test_the_validation_set_is_the_same_in_every_preparation_and_shared_out(torch, monkeypatch):
    whole, again = prepared(QUICK).validation, prepared(QUICK).validation
    assert sum(len(texts) for _, _, texts in whole) == 256
    assert all(torch.equal(a[0], b[0]) for a, b in zip(whole, again, strict=True))
    parts = []
    for rank in ("0", "1"):
        monkeypatch.setattr(recognition.ranks, "world", lambda: 2)
        monkeypatch.setattr(recognition.ranks, "rank", lambda rank=rank: int(rank))
        workload = recognition.Recognition(speech.plan(QUICK))
        workload.device = torch.device("cpu")
        workload.recogniser = prepared_recogniser(workload)
        parts.append(list(workload.held_out(workload.sources(None)[1])))
    assert [t for part in parts for _, _, texts in part for t in texts] != []
    assert Counter(t for part in parts for _, _, texts in part for t in texts) == Counter(
        t for _, _, texts in whole for t in texts
    )


def prepared_recogniser(workload):
    from energyprof.workloads.data import digits

    return workload.recognises(digits.texts())


@pytest.mark.slow
def test_batches_hold_clips_of_like_length_and_every_clip_once_in_a_pass(torch):
    lengths = torch.randint(1, 1000, (96,), generator=torch.Generator().manual_seed(0))
    config = {"batch_size": 8, "grad_accum": 1}
    order = by_length.micro_batches(lengths, config, 5)
    one_pass = [next(order) for _ in range(12)]
    assert sorted(torch.cat(one_pass).tolist()) == list(range(96))
    spread = sum(float(lengths[pick].float().std()) for pick in one_pass) / 12
    assert spread < 0.5 * float(lengths.float().std())
    halves = by_length.micro_batches(lengths, {**config, "grad_accum": 2}, 5)
    assert all(torch.equal(torch.cat([next(halves), next(halves)]), pick) for pick in one_pass)


@pytest.mark.slow
def test_own_recordings_of_every_layout_are_trained_on(own, tmp_path, torch):
    folders = [
        Path(own.data),
        recordings.librispeech(tmp_path / "libri", train_clean=3, dev_clean=2),
        recordings.common_voice(tmp_path / "common", train=3, dev=2),
    ]
    for folder in folders:
        workload = prepared(replace(own, data=str(folder), max_samples=16), eval_every_samples=16)
        (score,) = scores(workload)
        assert 0 < score < 5
        assert workload.facts()["training_items"] == len(workload.speakers) >= 9
        assert workload.recogniser.symbols == ("", " ", "'", *"hno")[:2] + tuple("hno")


@pytest.mark.slow
def test_other_processes_decode_the_same_batches(own, torch):
    alone, beside = (prepared(replace(own, workers=count)) for count in (0, 1))
    for one, two in zip(alone.batches(0), beside.batches(0)):  # noqa: B905
        assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
        break


@pytest.mark.slow
def test_clips_that_do_not_fit_are_left_out_and_counted(own, torch):
    lines = (Path(own.data) / "metadata.jsonl").read_text().splitlines()
    recordings.sound(Path(own.data) / "clips" / "100-7-0000.wav", "n", letter_s=0.02)
    entry = {**json.loads(lines[0]), "text": "no on no on"}
    (Path(own.data) / "metadata.jsonl").write_text("\n".join([json.dumps(entry), *lines[1:]]))
    workload = prepared(own, longest_s=0.5)
    assert workload.left_out["too long or too short for the model"] == 1
    assert workload.left_out["longer than 0.5 s"] > 0
    assert "no clip can be used (33 longer than 0.01 s)" in refusal(own, longest_s=0.01)


@pytest.mark.slow
def test_a_broken_sound_is_one_line_with_its_name_also_from_another_process(own, torch):
    workload = prepared(replace(own, workers=1))
    for file in workload.training.files:
        file.write_text("no sound")
    with pytest.raises(WorkloadError) as error:
        list(workload.train(0))
    assert "\n" not in str(error.value)
    assert ".wav is not a readable sound (" in str(error.value)
    assert ".wav is not a readable sound (" in refusal(own)


@pytest.mark.slow
@pytest.mark.parametrize(("size", "model"), [("base", WAV2VEC2), ("full", WHISPER)], ids=["base", "full"])
def test_published_models_train_with_random_weights(torch, own, size, model):
    pytest.importorskip("transformers")
    settings = replace(own, size=size, max_samples=16)
    first = prepared(settings, model=model, eval_every_samples=8, learning_rate=3e-3)
    curve = scores(first)
    assert len(curve) == 2
    assert curve == scores(first)
    facts = first.facts()
    assert "transformers" in facts and facts["training_items"] > 20


@pytest.mark.slow
def test_a_wav2vec2_of_ones_own_keeps_its_letters_and_its_first_layers(torch, own, tmp_path):
    transformers = pytest.importorskip("transformers")
    folder = tmp_path / "model"
    kind = transformers.Wav2Vec2Config(
        **{k: v for k, v in WAV2VEC2.items() if k != "model_type"}, vocab_size=6, pad_token_id=5
    )
    transformers.Wav2Vec2ForCTC(kind).save_pretrained(folder)
    settings = replace(own, size="base", model=str(folder), max_samples=16)
    without = prepared(settings, eval_every_samples=16)
    assert without.recogniser.symbols == ctc.alphabet(["no on", "oh"])
    (folder / "vocab.json").write_text(json.dumps({"N": 0, "O": 1, "|": 2, "H": 3, "<unk>": 4, "<pad>": 5}))
    workload = prepared(settings, eval_every_samples=16)
    assert workload.recogniser.symbols == ("n", "o", " ", "h", "", "")
    assert len(scores(workload)) == 1
    loaded, trained = workload.recogniser.network(), workload.loop._task.model
    first, head = "wav2vec2.feature_extractor.conv_layers.0.conv.weight", "lm_head.weight"
    for name, same in ((first, True), (head, False)):
        assert torch.equal(loaded.state_dict()[name], trained.state_dict()[name]) == same
    (folder / "vocab.json").write_text("[1")
    assert "vocab.json is no vocabulary" in refusal(settings)


@pytest.mark.slow
def test_a_model_of_another_kind_or_without_weights_is_one_line(torch, own, tmp_path):
    transformers = pytest.importorskip("transformers")
    (tmp_path / "bert").mkdir()
    transformers.BertConfig().save_pretrained(tmp_path / "bert")
    settings = replace(own, size="base", model=str(tmp_path / "bert"))
    assert refusal(settings).endswith("is a bert model: give a wav2vec2 or whisper one")
    (tmp_path / "empty").mkdir()
    kind = transformers.Wav2Vec2Config(**{k: v for k, v in WAV2VEC2.items() if k != "model_type"})
    kind.save_pretrained(tmp_path / "empty")
    workload = prepared(replace(settings, model=str(tmp_path / "empty")))
    with pytest.raises(WorkloadError, match="cannot be loaded"):
        list(workload.train(0))


@pytest.mark.slow
def test_without_what_decodes_the_line_names_the_extra(torch, monkeypatch):
    found = recognition.importlib.util.find_spec
    monkeypatch.setattr(
        recognition.importlib.util, "find_spec", lambda name: None if name == "jiwer" else found(name)
    )
    assert refusal(QUICK) == "jiwer, needed to train, is not installed: pip install 'energyprof[speech]'"


@pytest.mark.slow
def test_a_whisper_of_ones_own_writes_with_its_tokenizer(torch, own, tmp_path):
    transformers = pytest.importorskip("transformers")
    folder = tmp_path / "model"
    write_whisper(transformers, folder)
    workload = prepared(replace(own, size="full", model=str(folder), max_samples=16), eval_every_samples=16)
    (tokens, *_), (count, *_) = workload.recogniser.taught(["no on"])
    names = transformers.AutoTokenizer.from_pretrained(folder).convert_ids_to_tokens(tokens.tolist())
    assert names[0] == "<|startoftranscript|>" and names[-1] == "<|endoftext|>"
    assert int(count) == len(names)
    assert len(scores(workload)) == 1


def write_whisper(transformers, folder):
    """A small Whisper with a tokenizer of single bytes."""
    folder.mkdir()
    bytes_to_unicode = {
        **{b: chr(b) for b in (*range(33, 127), *range(161, 173), *range(174, 256))},
    }
    others = [b for b in range(256) if b not in bytes_to_unicode]
    letters = [*bytes_to_unicode.values(), *(chr(256 + n) for n in range(len(others)))]
    special = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|notimestamps|>"]
    vocabulary = {word: number for number, word in enumerate([*letters, *special])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = transformers.WhisperTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": special[1:]})
    tokenizer.save_pretrained(folder)
    ids = dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id"), vocabulary["<|endoftext|>"])
    kind = transformers.WhisperConfig(
        **{k: v for k, v in WHISPER.items() if k != "model_type"},
        **ids,
        decoder_start_token_id=vocabulary["<|startoftranscript|>"],
    )
    transformers.WhisperForConditionalGeneration(kind).save_pretrained(folder)


@pytest.mark.slow
def test_what_the_models_hear_is_what_their_own_extractors_make(torch):
    transformers = pytest.importorskip("transformers")
    rng = torch.Generator().manual_seed(0)
    waves, lengths = 0.3 * torch.randn(2, 16000, generator=rng) + 0.1, torch.tensor([16000, 12000])
    waves[1, 12000:] = 0
    clips = [wave[:length].numpy() for wave, length in zip(waves, lengths.tolist(), strict=True)]

    hears = wav2vec2.recogniser({"model": WAV2VEC2}, None, ["no"])
    extract = transformers.Wav2Vec2FeatureExtractor(return_attention_mask=True)  # by which each is normalised
    theirs = extract(clips, sampling_rate=16000, padding=True, return_tensors="pt").input_values
    assert torch.allclose(hears.heard(waves, lengths)[0], theirs, atol=1e-4)
    assert hears.frames(torch.tensor([16000, 400])).tolist() == [49, 1]

    hears = whisper.recogniser({"model": {**WHISPER, "max_source_positions": 1500}}, None, ["no"])
    theirs = transformers.WhisperFeatureExtractor()(
        clips, sampling_rate=16000, return_tensors="pt"
    ).input_features
    assert torch.allclose(hears.heard(waves, lengths)[0], theirs, atol=2e-3)


@pytest.mark.slow
def test_whisper_writes_to_its_end_and_no_further(torch):
    pytest.importorskip("transformers")
    hears = whisper.recogniser({"model": WHISPER}, None, ["no", "onon"])
    tokens, counts = hears.taught(["no", "onon"])
    assert tokens.tolist() == [[257, 110, 111, 256, 256, 256], [257, 111, 110, 111, 110, 256]]
    assert counts.tolist() == [4, 6]
    torch.manual_seed(0)
    model = hears.network()
    time_s = torch.arange(16000) / 16000
    tones = torch.stack([torch.sin(6.28 * 300 * time_s), torch.sin(6.28 * 2500 * time_s)])
    heard = hears.heard(tones, torch.tensor([16000, 16000]))
    optimiser = torch.optim.Adam(model.parameters(), 5e-3)
    for _ in range(1000):  # a few hundred do; how many is a matter of the processor's rounding
        optimiser.zero_grad()
        loss = hears.loss(model, (*heard, tokens, counts))
        loss.backward()
        optimiser.step()
        if loss.item() < 0.01:
            break
    with torch.no_grad():
        assert hears.said(model.eval(), heard) == ["no", "onon"]


@pytest.mark.slow
def test_random_weights_of_the_larger_sizes_are_the_published_models(torch):
    pytest.importorskip("transformers")
    base, full = (speech.plan(Settings(size=size)).config for size in ("base", "full"))
    with torch.device("meta"):
        heads = wav2vec2.recogniser(base, None, ["a"]).network()
    encoder = sum(w.numel() for name, w in heads.named_parameters() if not name.startswith("lm_head"))
    assert encoder + 768 == 94_371_712  # with the mask's embedding, which is not trained here
    writes = whisper.recogniser(full, None, ["a"])
    with torch.device("meta"):
        model = writes.network()
    assert sum(weight.numel() for weight in model.parameters()) == 241_734_912
