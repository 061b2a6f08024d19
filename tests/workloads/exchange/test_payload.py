"""Whole states there and back, their bytes counted, and what a sender makes up for."""

import sys

import numpy as np
import pytest

from energyprof.workload import Diverged, WorkloadError
from energyprof.workloads.exchange import channel, payload
from energyprof.workloads.exchange.codecs import codec_of

NAMES = ("fp32", "fp16", "bf16", "int8", "int4", "topk:0.1")


def state(seed=0):
    """A small convolutional network's, with a counter as batch norm keeps one."""
    rng = np.random.default_rng(seed)
    shapes = {
        "stem": (32, 3, 3, 3),
        "body": (64, 32, 3, 3),
        "head": (64, 64, 3, 3),
        "bias": (64,),
        "gain": (1,),
    }
    drawn = {name: rng.normal(size=shape).astype("float32") for name, shape in shapes.items()}
    return {**drawn, "batches": np.array(7, dtype="int64")}


@pytest.mark.parametrize("compression", ["none", "zstd"])
@pytest.mark.parametrize("name", NAMES)
def test_a_state_comes_back_with_its_names_shapes_and_whole_numbers(name, compression):
    sent, codec = state(), codec_of(name)
    said = payload.encode(sent, codec, compression)
    heard = payload.decode(said, sent, codec, compression)
    assert list(heard) == list(sent)
    assert {k: (v.shape, v.dtype) for k, v in heard.items()} == {
        k: (v.shape, v.dtype) for k, v in sent.items()
    }
    assert heard["batches"] == 7
    assert payload.encode(state(), codec, compression) == said


@pytest.mark.parametrize(
    ("name", "most"), [("fp16", 0.501), ("bf16", 0.501), ("int8", 0.26), ("int4", 0.135), ("topk:0.1", 0.135)]
)
def test_a_codec_is_as_short_as_it_promises(name, most):
    whole = len(payload.encode(state(), codec_of("fp32")))
    assert len(payload.encode(state(), codec_of(name))) <= most * whole


def test_zstandard_shortens_what_repeats():
    still = {"w": np.zeros(10_000, dtype="float32")}
    assert len(payload.encode(still, codec_of("int8"), "zstd")) < 100


def test_zstandard_that_is_not_there_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(WorkloadError, match=r"^zstandard, needed by --compress zstd, is not installed: pip"):
        payload.encode(state(), codec_of("fp32"), "zstd")


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_finite_is_not_sent(name, broken):
    sent = state()
    sent["body"][1, 2, 0, 0] = broken
    with pytest.raises(
        Diverged, match=r"^1 of the 18432 values of body are not finite: they cannot be sent$"
    ):
        payload.encode(sent, codec_of(name))


def test_a_message_of_another_model_is_one_line():
    sent, codec = state(), codec_of("int8")
    said = payload.encode(sent, codec)
    other = {**sent, "head": np.zeros((3, 3), dtype="float32")}
    fewer = {"stem": sent["stem"]}
    for like, heard in ((other, said), (fewer, said), (sent, said[:-3]), (sent, b""), (sent, said + b"x")):
        with pytest.raises(WorkloadError, match="is no state of this model as int8: let all take part"):
            payload.decode(heard, like, codec)
    with pytest.raises(WorkloadError, match="is no state of this model"):
        payload.decode(b"no frame", sent, codec, "zstd")


@pytest.mark.parametrize("feedback", ["none", "residual"])
@pytest.mark.parametrize("name", NAMES)
def test_a_difference_is_added_to_what_both_know(name, feedback):
    known, new = state(0), state(1)
    codec = codec_of(name)
    said = channel.Sender(codec, "none", feedback).send(new, known)
    heard = channel.received(said, known, codec, "none", known)
    alone = payload.decode(said, known, codec)
    np.testing.assert_array_equal(heard["body"], known["body"] + alone["body"])
    assert heard["batches"] == new["batches"]
    assert heard["body"].dtype == "float32"


def test_feedback_sends_later_what_was_lost():
    """A value below half a level is lost each time without feedback; with it the sum comes through."""
    meant = {"w": np.array([1.0, 0.003], dtype="float32")}  # a level is 1/127
    codec = codec_of("int8")
    sums = {}
    for feedback in ("none", "residual"):
        sender = channel.Sender(codec, "none", feedback)
        heard = [channel.received(sender.send(meant), meant, codec, "none")["w"] for _ in range(100)]
        sums[feedback] = np.sum(heard, axis=0)[1]
    assert sums["none"] == 0
    assert sums["residual"] == pytest.approx(0.3, abs=1 / 127)


def test_feedback_sends_every_value_in_its_turn_with_the_largest_first():
    meant = {"w": np.array([4.0, 3.0, 0.0, 0.0], dtype="float32")}
    codec = codec_of("topk:0.25")
    sender = channel.Sender(codec, "none", "residual")
    first = channel.received(sender.send(meant), meant, codec, "none")["w"]
    second = channel.received(sender.send({"w": np.zeros(4, "float32")}), meant, codec, "none")["w"]
    np.testing.assert_array_equal(first, [4, 0, 0, 0])
    np.testing.assert_array_equal(second, [0, 3, 0, 0])
